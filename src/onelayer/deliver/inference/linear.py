"""Least squares: standard errors, tests and fit statistics.

Formulas: Seber & Lee, Linear Regression Analysis, 2nd ed., chapters 3 and 4; log-likelihood as R's logLik.lm.
"""

import numpy as np
from scipy.special import fdtrc

from onelayer.deliver.inference.basis import Basis
from onelayer.deliver.inference.robust import Robust, robust_root, wald
from onelayer.deliver.inference.rows import Array, Piece, Rows
from onelayer.deliver.inference.table import Table, general_cautions, tabulate
from onelayer.links import IDENTITY
from onelayer.optimum.triangle import solve

REFINEMENTS = 2
PERFECT = 1e-11  # the share of y in residuals that is but rounding


def refined(basis: Basis, b: Array) -> Array:
    """Return b (kept,) after a few corrected seminormal steps (Björck, 1996, 6.6.5), one pass each."""
    for _ in range(REFINEMENTS):
        gradient = np.zeros(len(b))
        for piece in basis.rows.pieces():
            z = basis.columns(piece.x)
            gradient += (piece.counts * piece.precision * (piece.y - basis.y_shift - z @ b)) @ z
        b = b + solve(basis.triangle, solve(basis.triangle, gradient, transposed=True))
    return b


def least_squares(
    rows: Rows,
    coef: Array,
    *,
    exact: bool = False,
    level: float = 0.95,
    robust: Robust | None = None,
    l2: float = 0.0,
) -> Table:
    """Return the table of a linear model.

    Its `stats`: n, rank, df_residual, sigma, rss, r_squared, adj_r_squared, f_statistic, f_df1, f_df2, f_p,
    log_likelihood, aic, bic, condition_number. As in R, sums of squares are about the mean where there is a constant
    column and about zero where there is none; AIC and BIC count sigma as a parameter. F tests that all coefficients
    but the constant are zero; under a robust covariance it is Wald's by that covariance.

    Args:
        rows: x, y and weights, passed over several times.
        coef: (columns,).
        exact: whether `coef` are those of the optimum, which get their last digits here.
        level: of the intervals.
        robust: which covariance; None: the classical one.
        l2: the penalty that `coef` were trained under.

    Raises:
        ValueError: the rows, or an argument, make no sense.
    """
    basis, coef = Basis.fit(rows), checked(coef, rows)
    if rows.constant is not None:
        coef[rows.constant] -= basis.y_shift
    b = basis.scaled(coef)
    b = refined(basis, b) if exact else b
    k, n, first = len(basis.kept), basis.n, rows.constant is not None
    rss, logs, gradient = 0.0, 0.0, np.zeros(k)
    total, level_y, spread = 0.0, 0.0, 0.0
    for piece in rows.pieces():
        weight, y, z = piece.counts * piece.precision, piece.y - basis.y_shift, basis.columns(piece.x)
        residual = y - z @ b
        rss += float(weight @ residual**2)
        gradient += (weight * residual) @ z
        logs += float(piece.counts @ np.log(piece.precision))
        total, level_y, spread = total + weight.sum(), level_y + float(weight @ y), spread + float(weight @ y**2)
    tss = spread - level_y**2 / total if first else spread
    df, df_model = n - k, k - first
    sigma = np.sqrt(rss / df) if df > 0 else np.nan
    perfect = rss <= PERFECT**2 * (spread + total * basis.y_shift**2)

    away = float(np.linalg.norm(solve(basis.triangle, gradient, transposed=True)))
    cautions = general_cautions(basis, l2, 0.0 if perfect or df <= 0 else away / sigma)
    if perfect:
        cautions.append("an essentially perfect fit: residuals are but rounding, so errors and tests mean nothing")
    if robust is None:
        root = sigma * solve(basis.triangle, np.eye(k))
    else:

        def terms(piece: Piece, z: Array) -> tuple[Array, Array]:
            return piece.precision * (piece.y - basis.y_shift - z @ b), piece.precision

        root, more = robust_root(basis, basis.triangle, robust, terms)
        cautions += more
    with np.errstate(divide="ignore", invalid="ignore"):
        unexplained = np.float64(rss) / tss
        f = np.float64((tss - rss) / df_model) / sigma**2 if df_model else np.nan
        if robust is not None and df_model:
            f = np.float64(wald(b[int(first) :], root[int(first) :]) / df_model)
        log_likelihood = 0.5 * (logs - n * (np.log(2 * np.pi) + 1 - np.log(n) + np.log(rss)))
    stats = {
        "n": n,
        "rank": k,
        "df_residual": df,
        "sigma": sigma,
        "rss": rss,
        "r_squared": 1 - unexplained,
        "adj_r_squared": 1 - unexplained * (n - first) / df if df > 0 else np.nan,
        "f_statistic": f,
        "f_df1": df_model,
        "f_df2": df,
        "f_p": fdtrc(df_model, df, f) if df_model and df > 0 else np.nan,
        "log_likelihood": log_likelihood,
        "aic": 2 * (k + 1) - 2 * log_likelihood,
        "bic": np.log(n) * (k + 1) - 2 * log_likelihood,
        "condition_number": basis.condition,
    }
    return tabulate(
        basis,
        b,
        root,
        estimator=robust or "classical",
        kind="t",
        level=level,
        link=IDENTITY,
        stats={name: float(value) for name, value in stats.items()},
        cautions=tuple(cautions),
    )


def checked(coef: Array, rows: Rows) -> Array:
    """Return a float64 copy of (columns,).

    Raises:
        ValueError: they are not as many finite numbers as columns.
    """
    copy = np.array(coef, dtype=np.float64)
    if copy.shape != (len(rows.names),) or not np.isfinite(copy).all():
        raise ValueError(f"coef has the shape {copy.shape} for {len(rows.names)} columns, or is not finite")
    return copy
