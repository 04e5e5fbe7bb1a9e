"""What a sweep is measured by beside its metrics: time to a target, performance profiles, what a budget buys."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onelayer.report.leaderboard import Mean

Array = NDArray[np.float64]
# of the runs, as in benchopt (Moreau et al., 2022)
BAND = (0.2, 0.5, 0.8)
LEVEL = 0.95  # of intervals


class Interval(NamedTuple):
    """The ends of an interval of a mean."""

    low: float
    high: float

    def __str__(self) -> str:
        """Write it for a reader: ``95 % interval of the mean 0.1 to 0.2``."""
        return f"{LEVEL:.0%} interval of the mean {self.low:.5g} to {self.high:.5g}".replace("%", " %")


def interval(mean: Mean, runs: int) -> Interval | None:
    """Return Student's interval of a mean: t times the standard deviation (n - 1) over the root of n; None of a run."""
    # scipy.stats takes a while to import
    from scipy.special import stdtrit

    if mean.spread is None:
        return None
    half = float(stdtrit(runs - 1, (1 + LEVEL) / 2)) * mean.spread / math.sqrt(runs)
    return Interval(mean.value - half, mean.value + half)


def time_to(target: float, cost: NDArray[Any], values: NDArray[Any]) -> float:
    """Return what a run had spent when its value first was at a target or below; infinity where it never was.

    Args:
        target: to be reached.
        cost: (k,), rising: epochs, gradient evaluations or seconds.
        values: (k,), what came of them.
    """
    reached = np.flatnonzero(values <= target)
    return float(cost[reached[0]]) if len(reached) else math.inf


def median(times: Sequence[float]) -> float:
    """Return the median, infinity among them; of an even number, the later one of the two in the middle.

    Between a number and infinity there is no mean, so the median is a time that one of the runs took.
    """
    return sorted(times)[len(times) // 2]


def carried(at: NDArray[Any], cost: NDArray[Any], values: NDArray[Any]) -> Array:
    """Return a run's value at some costs: the last that it had by then, NaN before its first.

    Args:
        at: (n,).
        cost: (k,), rising.
        values: (k,).
    """
    place = np.searchsorted(cost, at, side="right") - 1
    return np.where(place >= 0, np.asarray(values, np.float64)[np.maximum(place, 0)], np.nan)


def band(curves: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> tuple[Array, Array]:
    """Return where some runs are over their costs.

    Args:
        curves: cost and value of each run; one that has ended stays where it was.

    Returns:
        (n,) costs that all runs had reached their first by, and (3, n) the quantiles `BAND` of the values.
    """
    first = max(cost[0] for cost, _ in curves)
    at = np.unique(np.concatenate([cost for cost, _ in curves]))
    at = at[at >= first].astype(np.float64)
    rows = np.stack([carried(at, cost, values) for cost, values in curves])
    return at, np.quantile(rows, BAND, axis=0)


def ratios(costs: Array) -> Array:
    """Return how many times as much as the best each solver spent on each problem (Dolan & Moré, 2002).

    Args:
        costs: (solvers, problems), infinity where a solver did not solve a problem.

    Returns:
        (solvers, problems), 1 for the best; infinity where it did not, and of problems that nobody solved.
    """
    best = costs.min(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(np.isfinite(costs), costs / best, np.inf)
    return np.where(costs == best, np.where(np.isfinite(best), 1.0, np.inf), found)


def profile(ratio: Array) -> tuple[Array, Array]:
    """Return the steps of one solver's profile: the share of problems that it solved within so many times the best.

    Args:
        ratio: (problems,).

    Returns:
        (k,) rising factors, and (k,) shares of all problems.
    """
    at, count = np.unique(ratio[np.isfinite(ratio)], return_counts=True)
    return at, count.cumsum() / len(ratio)


def expected_best(values: Sequence[float], budgets: NDArray[np.int64], *, higher: bool) -> Array:
    """Return the best value to be expected of n runs that are drawn with replacement (Dodge et al., 2019).

    ``E[max of n] = sum over the sorted values v_1 <= ... <= v_N of v_i ((i/N)^n - ((i-1)/N)^n)``, and likewise for the
    smallest.

    Args:
        values: of N runs.
        budgets: (k,), each an n.
        higher: whether more is better.

    Returns:
        (k,).
    """
    ordered = np.sort(np.asarray(values, np.float64))
    ordered = ordered if higher else ordered[::-1]
    below = np.arange(len(ordered) + 1) / len(ordered)
    draws = budgets[:, None]
    found: Array = (below[1:] ** draws - below[:-1] ** draws) @ ordered
    return found
