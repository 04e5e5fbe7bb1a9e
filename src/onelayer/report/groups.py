"""Which runs were measured on the same data, so that their metrics compare.

Runs compare where their targets are the same, however rows are split, scaled and encoded. Where all that was said of
the data is the same as well, so must the rows be: if not, the table behind them has changed.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from onelayer.report.records import TRAINED, Record, comparable

# keys that choose and change rows; but for these, which only say how they are gone through
OF_DATA = ("data", "task", "experiment")
WAY = ("data.batch_size", "data.shuffle", "data.dtype")
# what changes rows, and not their target
OF_ROWS = (
    "data.split.",
    "data.fold",
    "data.repeats",
    "data.normalize",
    "data.class_weight",
    "data.encode.",
    "data.drop",
)
DataSettings = frozenset[tuple[str, object]]


def data_settings(overrides: Mapping[str, str], *, of_rows: bool = True) -> DataSettings:
    """Return what overrides say of the data.

    Args:
        overrides: key -> value.
        of_rows: include what changes rows and not their target.
    """
    return frozenset(
        (key, comparable(value))
        for key, value in overrides.items()
        if (key in OF_DATA or key.startswith("data.")) and key not in WAY and (of_rows or not key.startswith(OF_ROWS))
    )


def groups_of(records: Iterable[Record]) -> dict[Path, int]:
    """Part runs by their data.

    Returns:
        The group of each run that has ended, by its directory, from 1; the largest group is the first.
    """
    versions: dict[tuple[str | None, DataSettings], dict[str | None, int]] = {}
    members: dict[tuple[str | None, int], list[Path]] = {}
    for record in records:
        if record.status not in TRAINED:
            continue
        same = versions.setdefault((record.target_hash, data_settings(record.overrides)), {})
        version = same.setdefault(record.data_hash, len(same))
        members.setdefault((record.target_hash, version), []).append(record.directory)
    ordered = sorted(members.values(), key=lambda runs: -len(runs))
    return {directory: number for number, runs in enumerate(ordered, 1) for directory in runs}


def changed(records: Iterable[Record], groups: Mapping[Path, int]) -> bool:
    """Say whether runs of several groups were told the same of their data, which has changed behind them."""
    seen: dict[DataSettings, int] = {}
    ended = (record for record in records if record.directory in groups)
    return any(
        seen.setdefault(data_settings(one.overrides, of_rows=False), groups[one.directory]) != groups[one.directory]
        for one in ended
    )
