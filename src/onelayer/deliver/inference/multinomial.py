"""Several classes: multinomial logit, whose coefficients say how a class differs from the first one.

Formulas: Agresti, Categorical Data Analysis, 3rd ed., 8.1; Hosmer, Lemeshow & Sturdivant, Applied Logistic Regression,
3rd ed., 8.1. In the coordinates R b of each class, R'R = Z'Z, the units of columns and their correlations are gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy.special import chdtrc, log_softmax, xlogy

from onelayer.deliver.inference.basis import Basis
from onelayer.deliver.inference.likelihood import refined
from onelayer.deliver.inference.linear import checked
from onelayer.deliver.inference.robust import Robust, wald_test
from onelayer.deliver.inference.rows import BLOCK, Array, Rows
from onelayer.deliver.inference.table import (
    EXTREME,
    NO_INFORMATION,
    Table,
    extreme_rows,
    general_cautions,
    separated,
    tabulate,
)
from onelayer.links import SOFTMAX
from onelayer.optimum.triangle import solve, triangle_of


@dataclass(frozen=True)
class _Point:
    """What a pass over the rows tells.

    Attributes:
        c: (classes - 1, kept), coefficients of the orthogonal columns Z R^-1.
        log_likelihood: its value.
        gradient: (classes - 1, kept) of it.
        information: square, of as many as these; observed and expected are the same.
        extreme: in how many rows the probability of some class is 1.
    """

    c: Array
    log_likelihood: float
    gradient: Array
    information: Array
    extreme: int

    @cached_property
    def root(self) -> Array | None:
        """A root of the inverse information; None where that is singular."""
        try:
            lower: Array = np.linalg.cholesky(self.information).astype(np.float64)
        except np.linalg.LinAlgError:
            return None
        return solve(lower.T, np.eye(len(lower)))

    @property
    def singular(self) -> bool:
        """Whether the information is."""
        return self.root is None

    @cached_property
    def distance(self) -> float:
        """How many standard errors the optimum is away, as Newton's decrement tells."""
        return float("inf") if self.root is None else float(np.linalg.norm(self.root.T @ self.gradient.ravel()))

    @property
    def stepped(self) -> Array:
        """(classes - 1, kept), behind a step of Newton's method."""
        assert self.root is not None
        return self.c + np.asarray(self.root @ (self.root.T @ self.gradient.ravel())).reshape(self.c.shape)


def multinomial(
    rows: Rows,
    coef: Array,
    *,
    exact: bool = False,
    no_optimum: str = "",
    level: float = 0.95,
    robust: Robust | None = None,
    l2: float = 0.0,
) -> tuple[Table, ...]:
    """Return a table for each class but the first, whose coefficients are 0; y is the number of the class.

    Their `stats`, the same in all: n, rank (of all classes together), log_likelihood, deviance, null_deviance,
    lr_chisq, lr_df, lr_p, mcfadden, aic, bic, condition_number. The null model is the constant alone; without a
    constant column, all classes are as probable. Under a robust covariance wald_chisq, wald_df and wald_p, too, as of
    a binary model.

    Args:
        rows: x, y and weights, passed over several times.
        coef: (classes - 1, columns).
        exact: whether `coef` are those of the optimum, which get their last digits here.
        no_optimum: why the likelihood has no finite optimum; "" where it has one, or nobody knows.
        level: of the intervals.
        robust: which covariance, HC0 or HC1; None: that of the information.
        l2: the penalty that `coef` were trained under.

    Raises:
        ValueError: the rows, or an argument, make no sense.
    """
    if robust not in (None, "HC0", "HC1"):
        raise ValueError(f"robust={robust!r} is neither HC0 nor HC1, which several classes have")
    basis = Basis.fit(rows)
    c = np.array([basis.triangle @ basis.scaled(checked(of_class, rows)) for of_class in coef])
    at = refined(partial(_visit, basis), c) if exact else _visit(basis, c)
    m, k, root = len(c), len(basis.kept), at.root
    cautions = general_cautions(basis, l2, 0.0 if no_optimum else at.distance)
    if no_optimum:
        cautions.append(separated(no_optimum))
    elif at.singular:
        cautions.append(NO_INFORMATION)
    elif at.extreme:
        cautions.append(extreme_rows(at.extreme, "1"))
    if root is None:
        root = np.full((m * k, m * k), np.nan)
    elif robust is not None:
        root = root @ (root.T @ triangle_of(_scores(basis, at.c), m * k).T)
        root *= np.sqrt(basis.n / (basis.n - m * k)) if robust == "HC1" else 1.0
    stats, first = _statistics(basis, at, m + 1), int(rows.constant is not None)
    of_classes = [(solve(basis.triangle, at.c[j]), solve(basis.triangle, root[j * k : (j + 1) * k])) for j in range(m)]
    if robust is not None:
        stats |= wald_test(*(np.concatenate([one[first:] for one in each]) for each in zip(*of_classes, strict=True)))
    return tuple(
        tabulate(
            basis,
            b,
            spread,
            estimator=robust or "expected",
            kind="z",
            level=level,
            link=SOFTMAX,
            stats=stats,
            cautions=tuple(cautions),
        )
        for b, spread in of_classes
    )


def _pieces(basis: Basis, c: Array) -> Iterator[tuple[Array, Array, Array, Array, Array]]:
    """Yield Z R^-1 (rows, kept), log-probabilities (rows, classes), y == class (rows, classes), counts, precision."""
    size = max(1, BLOCK // max(c.size, 1))
    for piece in basis.rows.pieces():
        classes = np.arange(len(c) + 1)
        if not np.isin(piece.y, classes).all():
            raise ValueError("a target of several classes is not the number of one")
        for start in range(0, len(piece.y), size):
            some = slice(start, start + size)
            q = solve(basis.triangle, basis.columns(piece.x[some]).T, transposed=True).T
            logits = np.column_stack([np.zeros(len(q)), q @ c.T])
            own = piece.y[some, None] == classes
            yield q, log_softmax(logits, axis=1), own, piece.counts[some], piece.precision[some]


def _visit(basis: Basis, c: Array) -> _Point:
    m, k = c.shape
    log_likelihood, extreme = 0.0, 0
    gradient, information = np.zeros((m, k)), np.zeros((m, k, m, k))
    for q, logs, own, counts, precision in _pieces(basis, c):
        weight, p = counts * precision, np.exp(logs)
        log_likelihood += float(weight @ logs[own])
        extreme += int((-np.expm1(logs.max(1)) < EXTREME).sum())
        gradient += ((own - p)[:, 1:] * weight[:, None]).T @ q
        for i in range(1, m + 1):
            for j in range(1, i + 1):
                curvature = weight * p[:, i] * ((i == j) - p[:, j])
                information[i - 1, :, j - 1, :] += (q * curvature[:, None]).T @ q
    for i in range(m):
        for j in range(i):
            information[j, :, i, :] = information[i, :, j, :].T
    return _Point(c, log_likelihood, gradient, information.reshape(m * k, m * k), extreme)


def _scores(basis: Basis, c: Array) -> Iterator[Array]:
    """Yield what each row adds to the gradient, (rows, (classes - 1) * kept), as often as it counts."""
    for q, logs, own, counts, precision in _pieces(basis, c):
        residual = (own - np.exp(logs))[:, 1:] * (precision * np.sqrt(counts))[:, None]
        yield (residual[:, :, None] * q[:, None, :]).reshape(len(q), -1)


def _statistics(basis: Basis, at: _Point, classes: int) -> dict[str, float]:
    found = np.zeros(classes)
    for piece in basis.rows.pieces():
        found += np.bincount(piece.y.astype(np.int64), piece.counts * piece.precision, minlength=classes)
    total, first = float(found.sum()), basis.rows.constant is not None
    null = float(xlogy(found, found / total).sum()) if first else -total * float(np.log(classes))
    fit, k = at.log_likelihood, at.c.size
    lr, lr_df = 2 * (fit - null), (classes - 1) * (len(basis.kept) - first)
    stats = {
        "n": basis.n,
        "rank": k,
        "log_likelihood": fit,
        "deviance": -2 * fit,
        "null_deviance": -2 * null,
        "lr_chisq": lr,
        "lr_df": lr_df,
        "lr_p": chdtrc(lr_df, max(lr, 0.0)) if lr_df else np.nan,
        "mcfadden": 1 - fit / null if null < 0 else np.nan,
        "aic": 2 * k - 2 * fit,
        "bic": np.log(basis.n) * k - 2 * fit,
        "condition_number": basis.condition,
    }
    return {name: float(value) for name, value in stats.items()}
