"""Newton's way up a likelihood, with backtracking (Boyd & Vandenberghe, Convex Optimization, 9.5)."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np

from onelayer.deliver.inference.rows import Array

ITERATIONS = 100
NEAR = 1e-5  # standard errors; from here Newton's method converges without a line search


class Point(Protocol):
    """What a pass over the rows tells."""

    @property
    def log_likelihood(self) -> float:
        """Its value."""

    @property
    def gradient(self) -> Array:
        """Of the log-likelihood, of the shape of the coefficients."""

    @property
    def singular(self) -> bool:
        """Whether the information is, so that there is no step."""

    @property
    def distance(self) -> float:
        """How many standard errors the optimum is away, as Newton's decrement tells."""

    @property
    def step(self) -> Array:
        """Newton's, of the shape of the coefficients."""


P = TypeVar("P", bound=Point)


def climb(visit: Callable[[Array], P], start: Array) -> P:
    """Go to the maximum of a likelihood, or as far as it leads where there is none.

    Args:
        visit: passes over the rows, given coefficients.
        start: where to begin; where the information is singular there, zero instead.
    """
    here, at = start, visit(start)
    if at.singular:
        here = np.zeros_like(start)
        at = visit(here)
    for _ in range(ITERATIONS):
        if at.singular:
            break
        if at.distance < NEAR:
            then = visit(here + at.step)
            # nothing is left to gain but rounding, or the likelihood rises for ever, ever more slowly
            if then.singular or not then.distance < at.distance / 2:
                break
            here, at = here + at.step, then
            continue
        size, slope = 1.0, float(np.vdot(at.gradient, at.step))
        while True:
            then = visit(here + size * at.step)
            gain = then.log_likelihood - at.log_likelihood
            # of many rows, the sum's last digits may hide a gain that the gradient shows
            nearer = then.distance < at.distance / 2 and abs(gain) < 1e-9 * abs(at.log_likelihood)
            if not then.singular and (gain >= 1e-4 * size * slope or nearer):
                break
            size /= 2
            if size < 1e-10:
                return at
        here, at = here + size * at.step, then
    return at
