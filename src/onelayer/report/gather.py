"""Everything that a report shows, read once from the folders of sweeps."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from onelayer import CONF
from onelayer.filenames import SETTINGS
from onelayer.model.direction import higher_is_better
from onelayer.report.cautions import cautions
from onelayer.report.leaderboard import Leaderboard, Row, build_leaderboard
from onelayer.report.records import UNFINISHED, Record, comparable, read_sweep
from onelayer.report.winner import Winner, winner_of
from onelayer.stored_config import stored_settings
from onelayer.track.rundir import ENDED, REPEATED, read_result
from onelayer.track.stored import Curve, read_curves
from onelayer.yaml_text import read_yaml

OPTIM, RATE = "optim", "optim.lr"
FURTHEST = 1e100  # of what is drawn along an axis
# keys that say what is to be solved, and not how; but for these, which are part of how
PROBLEM = ("data", "model", "task", "monitor")
WAY = ("data.batch_size", "data.shuffle", "data.fold", "model.init")


@dataclass(frozen=True)
class Swept:
    """A key that differs between runs.

    Attributes:
        key: as typed.
        values: all that occur, numbers in their order and words by the alphabet.
        numeric: whether all are numbers.
        logarithmic: whether these are positive and spread over more than a factor of 30.
    """

    key: str
    values: tuple[str, ...]
    numeric: bool
    logarithmic: bool

    @classmethod
    def of(cls, key: str, values: Sequence[str | None]) -> "Swept":
        """Tell numbers from words; a value that a run does not have is its default."""
        known = {comparable(one): one for one in values if one is not None}
        numeric = len(known) > 1 and all(_is_number(one) for one in known.values())
        ordered = sorted(known.values(), key=(lambda one: float(one)) if numeric else str)
        numbers = [float(one) for one in ordered] if numeric else []
        wide = bool(numbers) and numbers[0] > 0 and numbers[-1] / numbers[0] > 30
        missing = [] if all(one is not None for one in values) else ["default"]
        return cls(key, (*ordered, *missing), numeric and not missing, wide and not missing)


@dataclass(frozen=True, eq=False)
class Gathered:
    """What a report shows.

    Attributes:
        top: the folder that directories of records are relative to.
        board: the leaderboard, with all records.
        swept: the keys that differ between runs, seeds and folds last.
        results: what result.json says of each run that has ended, by its directory.
        curves: of each run that has them, by its directory.
        optimizers: of each run, by its directory.
        winner: the best run with its model; a sentence where there is none.
        sources: the folders that were asked for.
    """

    top: Path
    board: Leaderboard
    swept: tuple[Swept, ...]
    results: Mapping[Path, Mapping[str, Any]]
    curves: Mapping[Path, Curve]
    optimizers: Mapping[Path, str]
    winner: Winner | str
    sources: tuple[Path, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All runs."""
        return self.board.records

    @property
    def metric(self) -> str:
        """What runs are judged by."""
        return self.board.sort

    @property
    def higher(self) -> bool:
        """Whether more of it is better."""
        return higher_is_better(self.metric)

    @property
    def caution(self) -> str:
        """What is to be added to a comparison of runs that were not measured alike; empty where all were."""
        return "".join(f" Caution: {one}." for one in cautions(self.board))

    @property
    def winning(self) -> str:
        """Name the run, and the epoch of the weights, that all figures of the winner are of."""
        assert self.board.best is not None
        record = self.board.best.best
        epoch = self.results.get(record.directory, {}).get("best_epoch")
        return self.label(record) + ("" if epoch is None else f", weights of epoch {epoch} of {record.epochs}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The optimizers, in the order of the alphabet."""
        return tuple(sorted(set(self.optimizers.values())))

    def optimizer(self, record: Record) -> str:
        """Return the name of a run's optimizer, as typed."""
        return self.optimizers[record.directory]

    def value(self, record: Record) -> float | None:
        """Return what a run is judged by; None of one that diverged or did not end, or has no such number."""
        return record.value(self.metric) if record.status in ENDED else None

    def rate(self, record: Record) -> float | None:
        """Return the learning rate of a run, as a number also where it was found by itself."""
        found = self.results.get(record.directory, {}).get("lr")
        text = str(found) if isinstance(found, int | float) else record.overrides.get(RATE, "")
        return float(text) if _is_number(text) else None

    def number(self, record: Record, key: str) -> float | None:
        """Return what a run was given for a key, a learning rate also where it was found by itself; None of a word."""
        said = record.overrides.get(key, "")
        return self.rate(record) if key == RATE else float(said) if _is_number(said) else None

    @cached_property
    def untrained(self) -> bool:
        """Whether no run was trained: each measures its start."""
        ended = [record.epochs for record in self.records if record.status in ENDED]
        return bool(ended) and not any(ended)

    def label(self, record: Record) -> str:
        """Name a run by what sets it apart."""
        said = [f"{one.key}={record.overrides.get(one.key, 'default')}" for one in self.swept]
        return " ".join(said) or record.directory.as_posix()

    def setting(self, record: Record) -> str:
        """Name what a run has in common with its repetitions."""
        keys = [one.key for one in self.swept if one.key not in REPEATED]
        return " ".join(f"{key}={record.overrides.get(key, 'default')}" for key in keys) or self.optimizer(record)

    def problem(self, record: Record) -> tuple[object, ...]:
        """Return what tells a run's problem from others: data and model, but for how they are gone through."""
        keys = [one.key for one in self.swept if one.key.startswith(PROBLEM) and not one.key.startswith(WAY)]
        return tuple(comparable(record.overrides.get(key)) for key in keys)

    def rows_of(self, optimizer: str) -> tuple[Row, ...]:
        """Return the rows of an optimizer, the best first."""
        return tuple(row for row in self.board.rows if self.optimizer(row.best) == optimizer)


def gather(directories: Sequence[Path]) -> Gathered:
    """Read the runs of one sweep or several.

    Args:
        directories: of sweeps, or of single runs.

    Raises:
        UserError: there is no run, or a result in another format.
    """
    found = [(folder.absolute(), read_sweep(folder)) for folder in directories]
    top = Path(os.path.commonpath([folder for folder, _ in found]))
    records = {
        path: replace(record, directory=path)
        for folder, its in found
        for record in its
        for path in [(folder / record.directory).relative_to(top)]
    }
    board = build_leaderboard(records.values())
    repeated = [key for key in REPEATED if key in board.repeated]
    swept = tuple(
        Swept.of(key, [record.overrides.get(key) for record in board.records if record.arguments])
        for key in (*board.swept, *repeated)
    )
    return Gathered(
        top=top,
        board=board,
        swept=swept,
        results={path: _result(top / path) for path, record in records.items() if record.status != UNFINISHED},
        curves=read_curves(top, records),
        optimizers=_optimizers(top, board.records),
        winner=_winner(board, top),
        sources=tuple(folder for folder, _ in found),
    )


def _winner(board: Leaderboard, top: Path) -> Winner | str:
    if board.best is not None:
        return winner_of(top / board.best.best.directory)
    if board.apart:
        return board.apart
    return f"no run has a {board.sort} by which to judge it" if _any_ended(board) else "no run ended well"


def _any_ended(board: Leaderboard) -> bool:
    return any(record.status in ENDED for record in board.records)


def _result(directory: Path) -> Mapping[str, Any]:
    try:
        return read_result(directory)
    except (OSError, ValueError):
        return {}


def _optimizers(top: Path, records: Sequence[Record]) -> dict[Path, str]:
    """Name the optimizer of each run; where it was not typed, Hydra noted what was chosen."""
    chosen: dict[tuple[str | None, ...], str] = {}
    found = {}
    for record in records:
        name = record.overrides.get(OPTIM)
        if name is None:
            presets = tuple(record.overrides.get(key) for key in ("experiment", "sweep"))
            if presets not in chosen:
                chosen[presets] = _choice(top / record.directory)
            name = chosen[presets]
        found[record.directory] = name
    return found


def _choice(directory: Path) -> str:
    try:
        return str(stored_settings(directory / SETTINGS)["runtime"]["choices"][OPTIM])
    except (KeyError, TypeError):
        defaults = read_yaml(CONF / "train.yaml")["defaults"]
        return str(next(default[OPTIM] for default in defaults if isinstance(default, dict) and OPTIM in default))


def _is_number(text: str) -> bool:
    """Tell whether text is a number that an axis can reach: ticks beyond the largest of float64 would be infinite."""
    try:
        size = abs(float(text))
    except ValueError:
        return False
    return size == 0 or 1 / FURTHEST <= size <= FURTHEST
