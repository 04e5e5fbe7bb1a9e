"""Binary models under a link: standard errors, tests and fit statistics.

Formulas: McCullagh & Nelder, Generalized Linear Models, 2nd ed., chapters 2 and 4; conventions as R's glm.
"""

from functools import partial
from typing import Literal

import numpy as np
from scipy.special import chdtrc, gammaln, xlogy

from onelayer.deliver.inference.basis import Basis
from onelayer.deliver.inference.binary_likelihood import LIKELIHOODS, BinaryLikelihood
from onelayer.deliver.inference.likelihood import Point, refined, visit
from onelayer.deliver.inference.linear import checked
from onelayer.deliver.inference.robust import Robust, robust_root, wald_test
from onelayer.deliver.inference.rows import Array, Piece, Rows
from onelayer.deliver.inference.table import NO_INFORMATION, Table, extreme_rows, general_cautions, separated, tabulate
from onelayer.links import LINKS
from onelayer.optimum.triangle import solve

Information = Literal["expected", "observed"]


def binary(
    rows: Rows,
    coef: Array,
    *,
    link: str = "logit",
    exact: bool = False,
    no_optimum: str = "",
    level: float = 0.95,
    robust: Robust | None = None,
    information: Information = "expected",
    l2: float = 0.0,
) -> Table:
    """Return the table of a binary model, y in [0, 1].

    Its `stats`: n, rank, df_residual, log_likelihood, deviance, null_deviance, lr_chisq, lr_df, lr_p, mcfadden, aic,
    bic, condition_number. As in R, y is the share of ones among `weight` trials where weights are "precision", the
    deviance is against the saturated model, and the likelihood has binomial coefficients where all are counts;
    McFadden's pseudo R2 is of 0/1 outcomes, so that it does not hang on how trials are grouped. The null model is the
    constant alone; without a constant column, it is z = 0. The likelihood ratio knows no robust covariance: under one
    there are wald_chisq, wald_df and wald_p, too, of the test that all coefficients but the constant are zero.

    Args:
        rows: x, y and weights, passed over several times.
        coef: (columns,).
        link: its name.
        exact: whether `coef` are those of the optimum, which get their last digits here.
        no_optimum: why the likelihood has no finite optimum; "" where it has one, or nobody knows.
        level: of the intervals.
        robust: which covariance; None: that of the information.
        information: expected, as R's glm, or observed; it is the bread of a robust covariance, too.
        l2: the penalty that `coef` were trained under.

    Raises:
        ValueError: the rows, or an argument, make no sense.
    """
    if information not in ("expected", "observed"):
        raise ValueError(f"information={information!r} is neither expected nor observed")
    if link not in LIKELIHOODS:
        raise ValueError(f"link={link!r} is none of {', '.join(LIKELIHOODS)}")
    functions, basis = LIKELIHOODS[link], Basis.fit(rows)
    k, passing, b = len(basis.kept), partial(visit, basis, functions), basis.scaled(checked(coef, rows))
    at = refined(passing, b) if exact else passing(b)
    cautions = general_cautions(basis, l2, 0.0 if no_optimum else at.distance)
    if no_optimum:
        cautions.append(separated(no_optimum))
    elif at.singular:
        cautions.append(NO_INFORMATION)
    elif at.extreme:
        cautions.append(extreme_rows(at.extreme, "0 or 1"))
    if not (functions.concave or no_optimum or at.singular) and at.observed_root is None:
        cautions.append(
            f"not concave: under {link} the likelihood curves upwards at these coefficients, which are at no maximum "
            "of it, and there may be several"
        )
    estimator: str = robust or information
    root = np.full((k, k), np.nan)
    if information == "observed":
        if at.observed_root is None and not at.singular:
            cautions.append("the observed information is not positive definite, so there are no standard errors")
        elif at.observed_root is not None:
            root = at.observed_root
    elif not at.singular:
        root = solve(at.triangle, np.eye(k))
    if robust is not None and not at.singular and np.isfinite(root).all():

        def terms(piece: Piece, z: Array) -> tuple[Array, Array]:
            logits = z @ at.b
            score = functions.score(logits, piece.y)
            return piece.precision * score, piece.precision * functions.expected(logits)

        root, more = robust_root(basis, at.triangle, robust, terms, bread=root)
        cautions += more
    stats, counts = _statistics(basis, functions, at)
    if robust is not None:
        first = int(rows.constant is not None)
        stats |= wald_test(at.b[first:], root[first:])
    if not counts:
        cautions.append("targets between 0 and 1 are no shares of counted trials: AIC and BIC lack a constant")
    return tabulate(
        basis,
        at.b,
        root,
        estimator=estimator,
        kind="z",
        level=level,
        link=LINKS[link],
        stats=stats,
        cautions=tuple(cautions),
    )


def _statistics(basis: Basis, link: BinaryLikelihood, at: Point) -> tuple[dict[str, float], bool]:
    """Return the statistics of the fit, and whether shares are of counted trials."""
    rows = basis.rows
    total, ones, saturated, coefficients, counts = 0.0, 0.0, 0.0, 0.0, True
    for piece in rows.pieces():
        weight = piece.counts * piece.precision
        total, ones = total + float(weight.sum()), ones + float(weight @ piece.y)
        saturated += float(weight @ (xlogy(piece.y, piece.y) + xlogy(1 - piece.y, 1 - piece.y)))
        if ((piece.y > 0) & (piece.y < 1)).any():
            trials, hits = piece.precision, piece.precision * piece.y
            counts &= bool(np.allclose([trials, hits], np.rint([trials, hits]), rtol=1e-9, atol=1e-9))
            inner = gammaln(trials + 1) - gammaln(hits + 1) - gammaln(trials - hits + 1)
            coefficients += float(piece.counts @ inner)
    if rows.constant is not None:
        null = float(xlogy(ones, ones / total) + xlogy(total - ones, 1 - ones / total))
    else:
        zero = np.zeros(1)
        null = float(ones * link.log_mean(zero)[0] + (total - ones) * link.log_rest(zero)[0])
    k, n, fit = len(basis.kept), basis.n, at.log_likelihood
    log_likelihood = fit + (coefficients if counts else 0.0)
    lr, lr_df = 2 * (fit - null), k - (rows.constant is not None)
    stats = {
        "n": n,
        "rank": k,
        "df_residual": n - k,
        "log_likelihood": log_likelihood,
        "deviance": 2 * (saturated - fit),
        "null_deviance": 2 * (saturated - null),
        "lr_chisq": lr,
        "lr_df": lr_df,
        "lr_p": chdtrc(lr_df, max(lr, 0.0)) if lr_df else np.nan,
        "mcfadden": 1 - fit / null if null < 0 else np.nan,
        "aic": 2 * k - 2 * log_likelihood,
        "bic": np.log(n) * k - 2 * log_likelihood,
        "condition_number": basis.condition,
    }
    return {name: float(value) for name, value in stats.items()}, counts
