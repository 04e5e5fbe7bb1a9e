"""Which run of a sweep is best: runs in order, those that differ only in the seed or the fold as one row."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from onelayer.errors import UserError, did_you_mean
from onelayer.model.direction import higher_is_better
from onelayer.report.groups import groups_of
from onelayer.report.records import Record, comparable
from onelayer.track.rundir import REPEATED

# runs that differ only in these keys are repetitions of each other; what several of their values are called
PLURAL = {"seed": "seeds", "data.fold": "folds"}
# the best first; the means of a row are those of its runs that stand highest, and never of failed ones
STANDING = {"done": 0, "stopped": 0, "diverged": 1, "failed": 2, "unfinished": 3}
COUNTED = STANDING["diverged"]
MONITOR = "val/loss"
UNVALIDATED = "train/objective"  # judges runs without validation rows
COSTS = ("epochs", "seconds")
ROUNDING = 1e-3  # by which training in single precision may carry apart what began alike


class Mean(NamedTuple):
    """A mean over runs with its spread, the standard deviation (n - 1); None for a single run."""

    value: float
    spread: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        """Take the mean of at least one finite value.

        Raises:
            OverflowError: of runs that diverged.
        """
        if len(values) == 1:
            return cls(values[0], None)
        if len(set(values)) == 1:  # no rounding of a mean makes a spread of equal values
            return cls(values[0], 0.0)
        mean = math.fsum(values) / len(values)
        return cls(mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)))


@dataclass(frozen=True)
class Row:
    """One line of the table: a run, or runs that differ only in the seed or the fold.

    Attributes:
        rank: from 1, shared by equal values; None for a row that has no value to be judged by, or whose runs diverged,
            failed or did not end.
        runs: all of the row, the best first.
        counted: those its means are taken over; of runs that are equal but for rounding, because only their seed
            differs and changes nothing, the first.
        group: of the data that its runs saw, from 1; rows are ranked within it. None where none of them has ended.
    """

    rank: int | None
    runs: tuple[Record, ...]
    counted: tuple[Record, ...]
    group: int | None = 1

    @property
    def best(self) -> Record:
        """The best of the row's runs."""
        return self.runs[0]

    @property
    def status(self) -> str:
        """The status that all runs share, or how many there are of each."""
        statuses = {record.status for record in self.runs}
        return self.best.status if len(statuses) == 1 else tally(self.runs)

    def mean(self, name: str) -> Mean | None:
        """Return the mean of a metric; None where a counted run has no finite value, for neither has their mean."""
        values = [record.value(name) for record in self.counted]
        present = [value for value in values if value is not None]
        if not present or len(present) < len(values):
            return None
        try:
            return Mean.of(present)
        except OverflowError:
            return None


@dataclass(frozen=True)
class Leaderboard:
    """The table of a sweep.

    Attributes:
        records: all runs.
        rows: the best first, group by group; rows without a rank are at the end.
        sort: what the rows are sorted by.
        monitor: what chose the best weights of the runs.
        swept: override keys that differ between rows.
        repeated: override keys that differ within rows.
        shared: overrides that all runs have in common, as typed.
    """

    records: tuple[Record, ...]
    rows: tuple[Row, ...]
    sort: str
    monitor: str
    swept: tuple[str, ...]
    repeated: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def best(self) -> Row | None:
        """The first row; None as long as none has a rank, or where runs on different data do not compare."""
        return self.rows[0] if self.rows[0].rank and self.groups == 1 else None

    @cached_property
    def bests(self) -> tuple[Row, ...]:
        """The first row of each group that has a rank."""
        firsts = {row.group: row for row in reversed(self.rows) if row.rank is not None}
        return tuple(firsts[group] for group in sorted(group for group in firsts if group is not None))

    @cached_property
    def groups(self) -> int:
        """How many different data the runs saw."""
        return len({row.group for row in self.rows if row.group is not None}) or 1

    @property
    def apart(self) -> str:
        """Why runs are not compared with each other; empty where they are."""
        return f"the runs saw {self.groups} different data, which do not compare" if self.groups > 1 else ""

    @property
    def direction(self) -> str:
        """What of the values by which rows are sorted is the best: the highest or the lowest."""
        return "highest" if higher_is_better(self.sort) else "lowest"

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Every metric of any run, in alphabetical order."""
        return tuple(sorted({name for record in self.records for name in record.metrics}))

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """The metrics that a reader needs beside each other, the most important first; none that no run has."""
        stage, _, name = self.sort.partition("/")
        judged = name if stage in ("val", "test") else self.monitor.partition("/")[2]
        wanted = [self.sort] if stage == "train" else []
        wanted += [f"{part}/{word}" for word in (judged, "r2", "accuracy") for part in ("val", "test")]
        present = {name for record in self.records for name, value in record.metrics.items() if value is not None}
        return tuple(name for name in dict.fromkeys([*wanted, "train/gap"]) if name in present)


def build_leaderboard(records: Iterable[Record], *, sort: str | None = None, by_run: bool = False) -> Leaderboard:
    """Put runs in order.

    Args:
        records: at least one.
        sort: a metric, `epochs` or `seconds`; None: what the runs monitor.
        by_run: a row for each run even where seeds or folds were swept.

    Raises:
        UserError: no run has such a metric.
    """
    records = tuple(records)
    monitors = {record.monitor for record in records if record.monitor is not None}
    monitor = monitors.pop() if len(monitors) == 1 else MONITOR
    sort = _sort_by(sort, monitor, records)
    sign = -1.0 if higher_is_better(sort) else 1.0
    differing, shared = _split_overrides(records)
    repeated = () if by_run else tuple(key for key in REPEATED if key in differing)
    swept = tuple(key for key in differing if key not in repeated)
    groups = groups_of(records)
    # what has not ended belongs to no data yet; where all saw the same, to these
    one = len(set(groups.values())) < 2
    members: dict[tuple[object, ...], list[Record]] = {}
    for number, record in enumerate(records):
        setting = [comparable(record.overrides.get(key)) for key in swept] if repeated else [number]
        members.setdefault((1 if one else groups.get(record.directory), *setting), []).append(record)
    made = [_row(runs, sort, sign, group) for (group, *_), runs in members.items()]
    rows: list[Row] = []
    for group in sorted({row.group for row in made}, key=lambda group: group or math.inf):
        of_group = sorted((row for row in made if row.group == group), key=lambda row: _order(row, sort, sign))
        rows += _ranked(of_group, sort)
    return Leaderboard(records, tuple(rows), sort, monitor, swept, repeated, shared)


def repetitions(board: Leaderboard) -> str:
    """Say what the means of a table are taken over: ``3 seeds and 5 folds``."""
    counts = {key: len({comparable(record.overrides.get(key)) for record in board.records}) for key in board.repeated}
    return " and ".join(f"{count} {PLURAL[key]}" for key, count in counts.items())


def tally(records: Iterable[Record]) -> str:
    """Say how many runs there are of each status: ``3 done, 1 diverged``."""
    counts = Counter(record.status for record in records)
    known = [status for status in STANDING if status in counts]
    return ", ".join(f"{counts[status]} {status}" for status in dict.fromkeys([*known, *counts]))


def _sort_by(sort: str | None, monitor: str, records: Sequence[Record]) -> str:
    measured = sorted({name for record in records for name in record.metrics})
    if sort is None:
        return monitor if monitor in measured or not measured else UNVALIDATED
    known = [*measured, *COSTS]
    if measured and sort not in known:
        hint = did_you_mean(sort, known) or f"; there are {', '.join(known)}"
        raise UserError(f"--sort {sort}: no run has such a metric{hint}")
    return sort


def _split_overrides(records: Sequence[Record]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the keys whose values differ between runs, and the overrides that all runs share."""
    # what cannot be read yet says nothing of the others
    known = [record for record in records if record.arguments or record.status != "unfinished"]
    keys = dict.fromkeys(key for record in known for key in record.overrides)
    differing = tuple(key for key in keys if len({comparable(record.overrides.get(key)) for record in known}) > 1)
    first = known[0].overrides if known else {}
    return differing, tuple(f"{key}={value}" for key, value in first.items() if key not in differing)


def _row(runs: Sequence[Record], sort: str, sign: float, group: Any) -> Row:
    ordered = tuple(sorted(runs, key=lambda run: (_standing(run), *_judged(run.value(sort), sign), run.directory)))
    place = _standing(ordered[0])
    judged = [run for run in ordered if _standing(run) == place] if place <= COUNTED else []
    counted: list[Record] = []
    for run in judged:
        if not any(_equal(run, other) for other in counted):
            counted.append(run)
    return Row(None, ordered, tuple(counted), group)


def _equal(one: Record, other: Record) -> bool:
    """Whether runs can differ by rounding alone, and do not differ by more: their seed changes nothing."""
    if one.random or other.random or one.data_hash != other.data_hash:
        return False
    keys = (one.overrides.keys() | other.overrides.keys()) - {"seed"}
    return all(comparable(one.overrides.get(key)) == comparable(other.overrides.get(key)) for key in keys) and all(
        value == other.metrics.get(name) or math.isclose(value or 0.0, other.metrics.get(name) or 0.0, rel_tol=ROUNDING)
        for name, value in one.metrics.items()
        if name == (one.monitor or MONITOR)
    )


def _ranked(rows: Sequence[Row], sort: str) -> tuple[Row, ...]:
    """Number the rows that ended well and have a value; equal values share their rank."""
    ranked: list[Row] = []
    before: tuple[int | None, float | None] = (None, None)
    for position, row in enumerate(rows, 1):
        mean = row.mean(sort) if _place(row) == STANDING["done"] else None
        rank = None if mean is None else before[0] if mean.value == before[1] else position
        before = (rank, mean.value if mean else None)
        ranked.append(replace(row, rank=rank))
    return tuple(ranked)


def _order(row: Row, sort: str, sign: float) -> tuple[int, int, bool, float, Path]:
    mean = row.mean(sort)
    return (_place(row), _standing(row.best), *_judged(mean.value if mean else None, sign), row.best.directory)


def _place(row: Row) -> int:
    """Where a row stands among others. One whose runs diverge with some seeds or folds is not judged by the others."""
    place = _standing(row.best)
    return max(place, STANDING["diverged"]) if any(run.status == "diverged" for run in row.runs) else place


def _judged(value: float | None, sign: float) -> tuple[bool, float]:
    return value is None, 0.0 if value is None else sign * value


def _standing(record: Record) -> int:
    return STANDING.get(record.status, STANDING["unfinished"])
