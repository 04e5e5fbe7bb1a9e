"""The curves of runs on disk, as `onelayer.track.history` writes them; imports no torch.

    curves.safetensors           of a run that was alone, in its directory; of a stack in `stacks/<stack>/` of the sweep
    curves.<number>.safetensors  of runs that have ended, as long as others of their stack go on

Tensors: ``epochs`` (k,) int32 and ``last`` (runs,) int32; each tag (k + 1, runs) float32, a row for each of the epochs
and then one for the last epoch of each run itself, NaN where there was no measurement. The metadata names the runs.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from onelayer.filenames import CURVE_PART, CURVE_PARTS, CURVES, STACKS
from onelayer.whole import whole

FORMAT = "1"
Array = NDArray[Any]


@dataclass(frozen=True)
class Block:
    """The curves of some runs.

    Attributes:
        runs: their directories, relative to that of the sweep; "." of a run that was alone.
        epochs: (k,), rising.
        last: (runs,), the last epoch of each.
        values: tag -> (k + 1, runs); the last row is that of each run's last epoch.
    """

    runs: tuple[str, ...]
    epochs: Array
    last: Array
    values: Mapping[str, Array]

    def write(self, path: Path) -> None:
        """Write a file at once or not at all."""
        tensors = {"epochs": self.epochs, "last": self.last, **self.values}
        told = {"format": FORMAT, "runs": json.dumps(self.runs)}
        with whole(path) as partial:
            partial.write_bytes(save({name: np.ascontiguousarray(one) for name, one in tensors.items()}, told))

    @classmethod
    def read(cls, path: Path) -> "Block | None":
        """Read a file; None for one that cannot be read, or was written by another version."""
        try:
            with safe_open(path, framework="numpy") as file:
                told = file.metadata() or {}
                if told.get("format") != FORMAT:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
                runs = tuple(map(str, json.loads(told["runs"])))
        except (OSError, SafetensorError, ValueError, KeyError):
            return None
        return cls(runs, tensors.pop("epochs"), tensors.pop("last"), tensors)


@dataclass(frozen=True)
class Curve:
    """The measurements of one run over its epochs."""

    block: Block
    column: int

    @property
    def tags(self) -> tuple[str, ...]:
        """What was measured."""
        return tuple(self.block.values)

    def table(self) -> tuple[Array, dict[str, Array]]:
        """Return the epochs (k,), and what each tag was there, (k,) with NaN where it was not measured."""
        last = int(self.block.last[self.column])
        before = int(np.searchsorted(self.block.epochs, last))
        rows = np.append(np.arange(before), len(self.block.epochs))
        values = {tag: one[rows, self.column] for tag, one in self.block.values.items()}
        return np.append(self.block.epochs[:before], last), values

    def alone(self) -> Block:
        """Return a block of this run only, as one that was alone would have written it in its directory."""
        epochs, values = self.table()
        epochs = epochs.astype(np.int32)
        return Block((".",), epochs[:-1], epochs[-1:], {tag: one[:, None] for tag, one in values.items()})

    def points(self, *tags: str) -> tuple[Array, ...]:
        """Return the epochs in which all of some tags were measured, then each tag there; (k,) each."""
        epochs, values = self.table()
        found = [values.get(tag, np.full(len(epochs), np.nan, np.float32)) for tag in tags]
        there = np.logical_and.reduce([~np.isnan(one) for one in found])
        return (epochs[there], *(one[there] for one in found))


def read_curves(top: Path, runs: Iterable[Path]) -> dict[Path, Curve]:
    """Find the curves of runs; one that has none yet is left out.

    Args:
        top: a folder.
        runs: directories, relative to it.
    """
    runs = list(runs)
    # a sweep is one of the folders around its runs; that of a single run lies above
    above = {folder for run in runs for folder in (top / run).parents if folder.is_relative_to(top)}
    sweeps = sorted({*above, *(top.absolute().parents[:3] if runs == [Path()] else ())})
    found: dict[Path, Curve] = {}
    for sweep in sweeps:
        for block in _blocks(sweep):
            found |= {sweep / run: Curve(block, column) for column, run in enumerate(block.runs)}
    curves: dict[Path, Curve] = {}
    for run in runs:
        curve = found.get(top / run) or found.get((top / run).absolute()) or _alone(top / run)
        if curve is not None:
            curves[run] = curve
    return curves


def unite(folder: Path) -> None:
    """Make one file of those that a stack wrote as its runs ended; where that cannot be done, they stay.

    Args:
        folder: of the stack, which no process trains now.
    """
    whole, parts = folder / CURVES, sorted(folder.glob(CURVE_PARTS))
    with suppress(OSError):
        if len(parts) == 1 and not whole.exists():
            parts[0].replace(whole)
        elif parts:
            blocks = [Block.read(path) for path in ([whole] if whole.exists() else []) + parts]
            join([block for block in blocks if block is not None]).write(whole)
            for path in parts:
                path.unlink()


def join(blocks: Sequence[Block]) -> Block:
    """Put blocks together; of a run that is in several, the last one counts."""
    where = {run: (block, column) for block in blocks for column, run in enumerate(block.runs)}
    epochs = np.unique(np.concatenate([block.epochs for block in blocks]))
    tags = dict.fromkeys(tag for block in blocks for tag in block.values)
    values = {tag: np.full((len(epochs) + 1, len(where)), np.nan, np.float32) for tag in tags}
    columns = {run: column for column, run in enumerate(where)}
    for block in blocks:
        mine = [column for column, run in enumerate(block.runs) if where[run][0] is block]
        into = [columns[block.runs[column]] for column in mine]
        rows = np.append(np.searchsorted(epochs, block.epochs), len(epochs))
        for tag, one in block.values.items():
            values[tag][np.ix_(rows, np.array(into, int))] = one[:, mine]
    last = np.array([block.last[column] for block, column in where.values()], np.int32)
    return Block(tuple(where), epochs, last, values)


def _alone(run: Path) -> Curve | None:
    """Read the file of a run that was no part of a stack."""
    block = Block.read(run / CURVES) or Block.read(run / CURVE_PART.format(1))
    return None if block is None else Curve(block, 0)


def _blocks(sweep: Path) -> Iterator[Block]:
    """Yield the blocks of a sweep, the later ones of a stack after the earlier."""
    for path in (*sorted(sweep.glob(f"{STACKS}/*/{CURVES}")), *sorted(sweep.glob(f"{STACKS}/*/{CURVE_PARTS}"))):
        block = Block.read(path)
        if block is not None:
            yield block
