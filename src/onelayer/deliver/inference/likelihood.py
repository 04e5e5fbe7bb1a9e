"""The log-likelihood of a binary model at a point.

Fisher scoring as in McCullagh & Nelder, Generalized Linear Models, 2nd ed., 2.5, with the triangle of
sqrt(information) Z instead of Z'WZ. The observed information is the expected one plus D; in the coordinates R b it is
I + R^-T D R^-1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from onelayer.deliver.inference.basis import Basis, solve, triangle_of
from onelayer.deliver.inference.links import Link
from onelayer.deliver.inference.rows import Array
from onelayer.deliver.inference.table import EXTREME, FAR

SINGULAR = 1e-13
FLAT, NOTHING = 1e-4, 1e-8  # information of a row on a relative change of its logit: little, and next to none
ROUNDING = 1e-9  # standard errors; from here Newton's method need not get nearer


@dataclass(frozen=True)
class Point:
    """What a pass over the rows tells.

    Attributes:
        b: (kept,), coefficients of scaled columns.
        log_likelihood: of 0/1 outcomes, without binomial coefficients.
        gradient: (kept,) of it.
        triangle: (kept, kept), R with R'R the expected information.
        excess: (kept, kept), observed less expected information.
        extreme: how many fitted probabilities are 0 or 1.
        singular: whether the information, unlike the columns, is.
    """

    b: Array
    log_likelihood: float
    gradient: Array
    triangle: Array
    excess: Array
    extreme: int
    singular: bool

    @cached_property
    def toward(self) -> Array:
        """R^-T gradient, whose norm tells in standard errors how far the optimum is."""
        return solve(self.triangle, self.gradient, transposed=True)

    @cached_property
    def distance(self) -> float:
        """Newton's decrement by the expected information."""
        return float("nan") if self.singular else float(np.linalg.norm(self.toward))

    @cached_property
    def observed_root(self) -> Array | None:
        """(kept, kept), a root of the inverse observed information; None where that is not positive definite."""
        if self.singular:
            return None
        half = solve(self.triangle, self.excess, transposed=True)
        inner = np.eye(len(self.b)) + solve(self.triangle, half.T, transposed=True)
        try:
            lower = np.linalg.cholesky((inner + inner.T) / 2)
        except np.linalg.LinAlgError:
            return None
        return solve(self.triangle, np.linalg.inv(lower).T)

    @cached_property
    def step(self) -> Array:
        """Newton's step, or that of Fisher scoring where the likelihood is not concave."""
        if self.observed_root is None:
            return solve(self.triangle, self.toward)
        return np.asarray(self.observed_root @ (self.observed_root.T @ self.gradient))


def visit(basis: Basis, link: Link, b: Array) -> Point:
    """Pass over the rows once.

    Raises:
        ValueError: a target is not within [0, 1].
    """
    k = len(b)
    log_likelihood, extreme = 0.0, 0
    gradient, excess = np.zeros(k), np.zeros((k, k))

    def blocks() -> Iterator[Array]:
        nonlocal log_likelihood, extreme, gradient, excess
        for piece in basis.rows.pieces():
            y, weight, columns = piece.y, piece.counts * piece.precision, basis.columns(piece.x)
            if (y < 0).any() or (y > 1).any():
                raise ValueError("a target of a binary model is not within [0, 1]")
            z = columns @ b
            above, below = link.log_mean(z), link.log_rest(z)
            log_likelihood += float(weight @ (y * above + (1 - y) * below))
            extreme += int((np.minimum(above, below) < np.log(EXTREME)).sum())
            gradient += (weight * link.score(z, y)) @ columns
            expected = link.expected(z)
            excess += (columns * (weight * (link.observed(z, y) - expected))[:, None]).T @ columns
            yield columns * np.sqrt(weight * expected)[:, None]

    with np.errstate(all="ignore"):
        triangle = triangle_of(blocks(), k)
    whole = np.isfinite(triangle).all() and np.isfinite(gradient).all() and np.isfinite(excess).all()
    norms = np.linalg.norm(triangle, axis=0)
    singular = not whole or bool((np.abs(np.diag(triangle)) <= SINGULAR * norms).any())
    return Point(b, log_likelihood, gradient, triangle, excess, extreme, singular)


def recedes(basis: Basis, link: Link, at: Point) -> bool:
    """Tell whether the optimum, which seems near, moves away as it is approached.

    Along some direction the information of a row on a relative change of its logit vanishes, though the columns do
    not, and where Newton's method would square the distance near an optimum, it falls by a constant share.
    """
    if at.singular or not at.distance < 100 * FAR or not len(at.b):
        return at.singular
    if _least(at.triangle, basis.triangle) >= FLAT:
        return False

    def blocks() -> Iterator[Array]:
        for piece in basis.rows.pieces():
            columns = basis.columns(piece.x)
            root = np.sqrt(piece.counts * piece.precision) / np.maximum(1.0, np.abs(columns @ at.b))
            yield columns * root[:, None]

    least = _least(at.triangle, triangle_of(blocks(), len(at.b)))
    if least < NOTHING:
        return True
    if least < FLAT and ROUNDING < at.distance < FAR:
        then = visit(basis, link, at.b + at.step)
        return then.singular or not then.distance < at.distance / 2
    return _rises(basis, link, at)


def _rises(basis: Basis, link: Link, at: Point) -> bool:
    """Tell whether going on where there is little information loses nothing, as under links of long tails.

    By what the coefficients are already in these directions, and by four standard errors at the least.
    """
    _, values, directions = np.linalg.svd(solve(basis.triangle, at.triangle.T, transposed=True).T)
    flat = directions[values**2 < FLAT]
    away = solve(basis.triangle, flat.T @ (flat @ (basis.triangle @ at.b)))
    known = float(np.linalg.norm(at.triangle @ away))
    if known == 0:
        return False
    then = visit(basis, link, at.b + max(1.0, 4 / known) * away)
    return then.log_likelihood >= at.log_likelihood - ROUNDING * abs(at.log_likelihood)


def _least(triangle: Array, against: Array) -> float:
    """Return the smallest |triangle b|^2 / |against b|^2."""
    if not np.diag(against).all():
        return 0.0
    return float(np.linalg.svd(solve(against, triangle.T, transposed=True), compute_uv=False)[-1] ** 2)
