"""Covariances that hold under unequal variances, HC0 to HC3, and the test of a whole fit by any covariance.

With unit scores s and leverages h, HC is A (sum s^2 f(h) z z') A for the inverse information A (White, 1980; MacKinnon
& White, 1985), f(h) = 1, n / (n - k), 1 / (1 - h), 1 / (1 - h)^2. Of a model with a link, h is of the weighted hat
matrix, as R's sandwich::vcovHC has it.
"""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from scipy.special import chdtrc

from onelayer.deliver.inference.basis import Basis
from onelayer.deliver.inference.rows import Array, Piece
from onelayer.optimum.triangle import solve, triangle_of

Robust = Literal["HC0", "HC1", "HC2", "HC3"]
Terms = Callable[[Piece, Array], tuple[Array, Array]]
FULL = 1e-10  # what 1 - leverage is but rounding below


def robust_root(
    basis: Basis, triangle: Array, robust: Robust, terms: Terms, *, bread: Array | None = None
) -> tuple[Array, tuple[str, ...]]:
    """Pass over the rows once.

    Args:
        basis: the scaled columns.
        triangle: (kept, kept), R with R'R the information, but for the scale.
        robust: which.
        terms: of a piece and its Z (rows, kept): score and information of one observation, (rows,) each.
        bread: (kept, kept), a root of A; None: R^-1.

    Returns:
        (kept, kept), a root of the covariance, and cautions.

    Raises:
        ValueError: there is no such estimator.
    """
    if robust not in ("HC0", "HC1", "HC2", "HC3"):
        raise ValueError(f"robust={robust!r} is none of HC0, HC1, HC2, HC3")
    power, full = {"HC2": 0.5, "HC3": 1.0}.get(robust, 0.0), 0

    def blocks() -> Iterator[Array]:
        nonlocal full
        for piece in basis.rows.pieces():
            z = basis.columns(piece.x)
            score, information = terms(piece, z)
            score = score * np.sqrt(piece.counts)
            if power:
                rest = 1 - information * np.square(solve(triangle, z.T, transposed=True)).sum(0)
                full += int((rest < FULL).sum())
                score = score / np.maximum(rest, FULL) ** power
            yield z * score[:, None]

    k = len(basis.kept)
    with np.errstate(all="ignore"):
        meat = triangle_of(blocks(), k)
    bread = solve(triangle, np.eye(k)) if bread is None else bread
    root = bread @ (bread.T @ meat.T)
    if robust == "HC1":
        root *= np.sqrt(basis.n / (basis.n - k)) if basis.n > k else np.nan
    if full:
        return root * np.nan, (f"{robust} is not defined: {full} rows have the leverage 1",)
    return root, ()


def wald(b: Array, root: Array) -> float:
    """Return b' V^-1 b, the statistic of Wald's test that all of b is zero; NaN where V is singular.

    Args:
        b: (k,).
        root: (k, any), with root root' the covariance V of b.
    """
    if not len(b) or not np.isfinite(root).all():
        return float("nan")
    triangle = np.asarray(np.linalg.qr(root.T, mode="r"))
    diagonal = np.abs(np.diag(triangle))
    if len(triangle) < len(b) or (diagonal <= FULL * np.linalg.norm(triangle, axis=0)).any():
        return float("nan")
    return float(np.square(solve(triangle, b, transposed=True)).sum())


def wald_test(b: Array, root: Array) -> dict[str, float]:
    """Return the statistic, degrees of freedom and p of that test, as statistics of a fit whose errors are normal."""
    statistic, df = wald(b, root), len(b)
    p = float(chdtrc(df, statistic)) if df else float("nan")
    return {"wald_chisq": statistic, "wald_df": float(df), "wald_p": p}
