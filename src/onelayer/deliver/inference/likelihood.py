"""The log-likelihood of a binary model at a point, and the last digits of an optimum.

Fisher scoring as in McCullagh & Nelder, Generalized Linear Models, 2nd ed., 2.5, with the triangle of
sqrt(information) Z instead of Z'WZ. The observed information is the expected one plus D; in the coordinates R b it is
I + R^-T D R^-1.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np

from onelayer.deliver.inference.basis import Basis
from onelayer.deliver.inference.binary_likelihood import BinaryLikelihood
from onelayer.deliver.inference.rows import Array
from onelayer.deliver.inference.table import EXTREME
from onelayer.optimum.triangle import solve, triangle_of

SINGULAR = 1e-13


class Refinable(Protocol):
    """What a pass over the rows tells about coefficients."""

    @property
    def singular(self) -> bool:
        """Whether the information is, so that there is no step."""

    @property
    def distance(self) -> float:
        """How many standard errors the optimum is away, as Newton's decrement tells; infinite where `singular`."""

    @property
    def stepped(self) -> Array:
        """The coefficients behind a step of Newton's method."""


P = TypeVar("P", bound=Refinable)


def refined(visit: Callable[[Array], P], coefficients: Array) -> P:
    """Pass over the rows at coefficients that are next to the optimum, until nothing is left to gain but rounding."""
    at = visit(coefficients)
    while not at.singular:
        then = visit(at.stepped)
        if not then.distance < at.distance / 2:
            break
        at = then
    return at


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
        return float("inf") if self.singular else float(np.linalg.norm(self.toward))

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

    @property
    def stepped(self) -> Array:
        """(kept,), behind a step of Newton's method, or of Fisher scoring where the likelihood is not concave."""
        if self.observed_root is None:
            return self.b + solve(self.triangle, self.toward)
        return np.asarray(self.b + self.observed_root @ (self.observed_root.T @ self.gradient))


def visit(basis: Basis, link: BinaryLikelihood, b: Array) -> Point:
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
