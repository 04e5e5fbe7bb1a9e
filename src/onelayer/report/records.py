"""The runs of a sweep as they lie on disk. Nothing heavy is imported: thousands are read in a second."""

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

from onelayer.errors import UserError
from onelayer.filenames import HYDRA, OVERRIDES, RESULT
from onelayer.stored_config import stored_overrides
from onelayer.terminal.command_line import train_command
from onelayer.terminal.overrides import key_of
from onelayer.track.rundir import ENDED, FORMAT, read_result

UNFINISHED = "unfinished"
TRAINED = (*ENDED, "diverged")


@dataclass(frozen=True)
class Record:
    """What is known of one run.

    Attributes:
        directory: the run directory, relative to that of the sweep.
        status: done, stopped, diverged, failed, or unfinished where there is no result yet.
        arguments: the overrides as the user typed them.
        overrides: key -> value of each override; signs before the key and quotes around the value are left out.
        metrics: ``stage/name`` -> value, None where it was not finite.
        epochs: how many were trained.
        seconds: of optimizer steps.
        monitor: the metric that chose the best weights.
        error: why it failed.
        data_hash: of its rows as they were split, encoded and scaled; None where it did not end.
        target_hash: of the target of all rows.
        random: whether its seed changes its numbers.
        trained_with: directory of the equal run that was trained in its place; None where it was trained itself.
    """

    directory: Path
    status: str = UNFINISHED
    arguments: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    epochs: int | None = None
    seconds: float | None = None
    monitor: str | None = None
    error: str | None = None
    data_hash: str | None = None
    target_hash: str | None = None
    random: bool = True
    trained_with: str | None = None

    @classmethod
    def from_result(cls, directory: Path, result: Mapping[str, Any]) -> "Record":
        """Take over what a result says."""
        arguments = tuple(str(override) for override in result.get("overrides", ()))
        return cls(
            directory,
            str(result["status"]),
            arguments,
            parsed(arguments),
            {name: _finite(value) for name, value in result.get("metrics", {}).items()},
            result.get("epochs"),
            _finite(result.get("seconds")),
            result.get("monitor"),
            result.get("error"),
            result.get("data_hash"),
            result.get("target_hash"),
            bool(result.get("random", True)),
            result.get("trained_with"),
        )

    def value(self, name: str) -> float | None:
        """Return a metric, ``epochs`` or ``seconds``; None where it is missing."""
        if name == "epochs":
            return self.epochs
        return self.seconds if name == "seconds" else self.metrics.get(name)

    @property
    def command(self) -> str:
        """The command that trains this run again, ready to be pasted into a shell."""
        return train_command(self.arguments)


def read_sweep(directory: Path) -> list[Record]:
    """Read all runs below a folder, ended or not, in the order of their directories.

    Args:
        directory: of a sweep, of many, or of a single run.

    Raises:
        UserError: there is no such folder, no run in it, or a result in another format.
    """
    if not directory.is_dir():
        raise UserError(f"{directory}: no such folder; give that of a sweep, such as outputs/lr_study")
    records = runs_below(directory)
    if not records:
        raise UserError(
            f"{directory}: no run in it (a run has a {RESULT} or a {OVERRIDES}); give the folder of a sweep"
        )
    return records


def runs_below(directory: Path) -> list[Record]:
    """Read all runs below a folder; none where there are none, or no folder.

    Raises:
        UserError: a result in another format.
    """
    records = [_read(Path(path), directory, ended) for path, ended in _runs(directory)]
    return sorted(records, key=lambda record: record.directory)


def parsed(arguments: tuple[str, ...]) -> dict[str, str]:
    """Split overrides into key and value; the last one of a key counts, ``~`` stands for one that was taken out."""
    pairs: dict[str, str] = {}
    for argument in arguments:
        taken = argument.startswith("~")
        pairs[key_of(argument)] = "~" if taken else _unquoted(argument.partition("=")[2])
    return pairs


@lru_cache(maxsize=65536)
def comparable(value: str | None) -> Decimal | str | None:
    """Return something that is equal for values that mean the same, such as ``0.1`` and ``1e-1``."""
    try:
        number = Decimal(value or "")
    except InvalidOperation:
        return value
    return number if number.is_finite() else value


def _runs(top: Path) -> Iterator[tuple[str, bool]]:
    """Find run directories, and whether each has ended. No run lies within another, and links are not followed."""
    waiting = [str(top)]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                found = {entry.name: entry for entry in entries}
        except FileNotFoundError:  # taken away meanwhile
            continue
        ended = RESULT in found
        if ended or (HYDRA in found and (Path(folder) / OVERRIDES).exists()):
            yield folder, ended
        else:
            folders = (entry for entry in found.values() if entry.is_dir(follow_symlinks=False))
            waiting += [entry.path for entry in folders if not entry.name.startswith(".")]


def _read(path: Path, top: Path, ended: bool) -> Record:
    directory = path.relative_to(top)
    if not ended:
        return _without_result(path, directory)
    try:
        result = read_result(path)
    except (OSError, ValueError) as error:  # one that a full disk or a copy cut short
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return _without_result(path, directory, status="failed", error=f"{RESULT} cannot be read ({reason})")
    found = result.get("format")
    if found != FORMAT or "status" not in result:
        said = "is no result of a run" if found is None else f"has format {found}"
        raise UserError(f"{path / RESULT} {said}, this version reads format {FORMAT}; move that folder out of {top}")
    return Record.from_result(directory, result)


def _without_result(path: Path, directory: Path, status: str = UNFINISHED, error: str | None = None) -> Record:
    arguments = stored_overrides(path) or ()
    return Record(directory, status, arguments, parsed(arguments), error=error)


def _finite(value: Any) -> float | None:
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted and value[0] not in value[1:-1] else value
