"""Which setting of an optimizer is first at a target, and what it spends: epochs, gradient evaluations, seconds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelayer.report.gather import Gathered
from onelayer.report.leaderboard import Row
from onelayer.report.measures import median, time_to
from onelayer.report.records import Record, comparable
from onelayer.track.rundir import REPEATED

GAP, LOSS = "train/rel_gap", "val/loss"
TARGETS = (1e-2, 1e-3, 1e-4)
# of the best loss, where the optimum is not known
WITHIN = 0.01
COSTS = ("epochs", "evaluations", "seconds")
CostAndValue = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Target:
    """What is to be reached: a tag at or below a value."""

    tag: str
    value: float
    said: str


@dataclass(frozen=True, eq=False)
class Racer:
    """A row of the leaderboard with the curves of its runs."""

    gathered: Gathered
    row: Row
    _times: dict[tuple[Target, str], list[float]] = field(default_factory=dict)
    _curves: dict[tuple[str, str], list[CostAndValue | None]] = field(default_factory=dict)

    @property
    def optimizer(self) -> str:
        """Its name."""
        return self.gathered.optimizer(self.row.best)

    @property
    def setting(self) -> str:
        """What its runs have in common."""
        return self.gathered.setting(self.row.best)

    @cached_property
    def problem(self) -> tuple[object, ...]:
        """What it tries to solve."""
        return self.gathered.problem(self.row.best)

    def curves(self, cost: str, tag: str) -> list[CostAndValue]:
        """Return cost and value, (k,) each, of each run that has them."""
        return [one for one in self._curves_of_all(cost, tag) if one is not None]

    def times(self, target: Target, cost: str) -> list[float]:
        """Return what each run spent up to a target; infinity of one that did not reach it, or has no curve."""
        if (target, cost) not in self._times:
            found = self._curves_of_all(cost, target.tag)
            self._times[target, cost] = [math.inf if one is None else time_to(target.value, *one) for one in found]
        return self._times[target, cost]

    def times_by_repetition(self, target: Target, cost: str) -> dict[tuple[object, ...], float]:
        """Return the same by seed and fold."""
        keys = [tuple(comparable(run.overrides.get(key)) for key in REPEATED) for run in self.row.runs]
        return dict(zip(keys, self.times(target, cost), strict=True))

    def _curves_of_all(self, cost: str, tag: str) -> list[CostAndValue | None]:
        if (cost, tag) not in self._curves:
            self._curves[cost, tag] = [self._curve(record, cost, tag) for record in self.row.runs]
        return self._curves[cost, tag]

    def _curve(self, record: Record, cost: str, tag: str) -> CostAndValue | None:
        curve = self.gathered.curves.get(record.directory)
        if curve is None or tag not in curve.tags:
            return None
        epochs, spent, values = curve.points("evaluations" if cost == "epochs" else cost, tag)
        there = np.isfinite(values)
        return ((epochs if cost == "epochs" else spent)[there], values[there]) if there.any() else None


@lru_cache(maxsize=2)
def racers(gathered: Gathered) -> tuple[Racer, ...]:
    """Return all rows of the leaderboard that have curves."""
    found = [Racer(gathered, row) for row in gathered.board.rows]
    return tuple(one for one in found if any(record.directory in gathered.curves for record in one.row.runs))


@lru_cache(maxsize=2)
def targets(gathered: Gathered) -> tuple[Target, ...]:
    """Return what is to be reached: shares of the way to the optimum; where that is not known, nearly the best loss."""
    known = any(np.isfinite(gap).any() for racer in racers(gathered) for _, gap in racer.curves("epochs", GAP))
    if known:
        return tuple(Target(GAP, one, f"relative gap {one:g}") for one in TARGETS)
    least = [float(loss.min()) for racer in racers(gathered) for _, loss in racer.curves("epochs", LOSS)]
    if not least:
        return ()
    value = min(least) + WITHIN * abs(min(least))
    return (Target(LOSS, value, f"{LOSS} {value:.5g}, within {WITHIN:.0%} of the best".replace("%", " %")),)


def first(those: Sequence[Racer], target: Target, cost: str = "epochs") -> Racer:
    """Return the one whose median is first at a target; of those that are not, the one that came nearest."""
    return min(those, key=lambda one: (median(one.times(target, cost)), _nearest(one, target.tag)))


@lru_cache(maxsize=2)
def fastest(gathered: Gathered) -> tuple[Racer, ...]:
    """Return the setting of each optimizer that was first at its targets: at the furthest that any setting reached."""
    wanted = targets(gathered)
    found: list[Racer] = []
    for name in gathered.names:
        mine = [one for one in racers(gathered) if one.optimizer == name]
        if not mine or not wanted:
            continue
        reached = [
            target for target in wanted if math.isfinite(min(median(one.times(target, "epochs")) for one in mine))
        ]
        found.append(first(mine, (reached or list(wanted))[-1]))
    return tuple(found)


def _nearest(racer: Racer, tag: str) -> float:
    ends = sorted(float(values.min()) for _, values in racer.curves("epochs", tag))
    return ends[len(ends) // 2] if ends else math.inf
