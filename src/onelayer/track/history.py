"""Keeps the curves of every run of a stack, and writes them as `onelayer.track.stored` says."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onelayer.filenames import CURVE_PART, CURVE_PARTS
from onelayer.track.stored import Block, Curve, unite

# every epoch is kept up to 2^7, and beyond, 2^6 each time that their number doubles: as many on a logarithmic axis
BITS = 7


def is_kept(epoch: int) -> bool:
    """Tell whether an epoch is kept; on nothing else does it depend, so that a run has the same curve in any stack."""
    return epoch % (1 << max(0, epoch.bit_length() - BITS)) == 0


def points(epochs: int) -> int:
    """Return how many of so many epochs are kept at most."""
    return min(epochs, (1 << BITS) + (1 << (BITS - 1)) * max(0, epochs.bit_length() - BITS))


class History:
    """Keeps the measurements of a stack, epoch by epoch.

    Args:
        runs: the run directories as the file is to name them, in the order of the stack.
        folder: of the file.
        steps_per_epoch: minibatches an epoch.
        every: epochs from one validation to the next.
    """

    def __init__(self, runs: Sequence[str], folder: Path, *, steps_per_epoch: int, every: int = 1) -> None:
        self.runs, self.folder, self.steps_per_epoch, self._every = list(runs), folder, steps_per_epoch, every
        self._tags: list[str] = []
        self._epochs: list[int] = []
        self._rows: list[Tensor] = []  # (tags, runs) each
        self._measured: list[list[str]] = []  # what is no number there was measured, or was not
        self._last = torch.empty(0, len(runs), dtype=torch.float32)

    def add(self, epoch: int, moved: Sequence[int], values: Mapping[str, Tensor]) -> None:
        """Take an epoch's measurements.

        Args:
            epoch: their step.
            moved: the runs that they are new for, rising indices.
            values: tag -> (runs,).
        """
        self._know(values)
        row = torch.full_like(self._last, torch.nan)
        for device in {value.device for value in values.values()}:  # one transfer from each
            here = [tag for tag, value in values.items() if value.device == device]
            row[[self._tags.index(tag) for tag in here]] = torch.stack([values[tag].float() for tag in here]).cpu()
        if len(moved) == len(self.runs):
            self._last = row
        else:
            self._last = self._last.clone()
            self._last[:, moved] = row[:, moved]
        if self._keeps(epoch):
            self._epochs.append(epoch)
            self._rows.append(row)
            self._measured.append(list(values))

    def begin(self, curve: Curve) -> None:
        """Go on with the curve of the only run, as it was written before."""
        epochs, values = curve.table()
        self._tags = list(values)
        rows = torch.from_numpy(np.stack(list(values.values()), axis=1))[..., None].unbind(0)
        self._last = rows[-1]
        for epoch, row in zip(epochs.tolist(), rows, strict=True):
            if self._keeps(epoch):
                self._epochs.append(epoch)
                self._rows.append(row)
                self._measured.append(
                    [tag for tag, one in zip(self._tags, row.flatten().tolist(), strict=True) if one == one]
                )

    def of(self, run: int, last: int) -> dict[int, dict[str, float]]:
        """Return epoch -> tag -> value for a run of the present stack, up to its last epoch."""
        found: dict[int, dict[str, float]] = {}
        for epoch, tags, row in zip(self._epochs, self._measured, self._rows, strict=True):
            if epoch <= last:
                numbers = dict(zip(self._tags, row[:, run].tolist(), strict=True))
                found[epoch] = {tag: numbers[tag] for tag in tags}
        if last not in found:
            numbers = dict(zip(self._tags, self._last[:, run].tolist(), strict=True))
            found[last] = {tag: one for tag, one in numbers.items() if one == one}
        return found

    def write(self, runs: Sequence[int], last: Sequence[int]) -> None:
        """Write down the curves of runs that have ended.

        Args:
            runs: rising indices into the present stack.
            last: the epoch in which each moved last.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        taken = [int(path.name.split(".")[1]) for path in self.folder.glob(CURVE_PARTS)]
        self._block(runs, last).write(self.folder / CURVE_PART.format(max(taken, default=0) + 1))

    def close(self) -> None:
        """Make one file of all that were written."""
        unite(self.folder)

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices."""
        self.runs = [self.runs[run] for run in runs]
        self.load_state_dict(take_history(self.state_dict(), runs))

    def state_dict(self) -> dict[str, Any]:
        """Return plain containers and tensors."""
        told = {"tags": list(self._tags), "epochs": list(self._epochs), "measured": list(self._measured)}
        return {**told, "rows": torch.stack([*self._rows, self._last])}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._tags, self._epochs, self._measured = (list(state[key]) for key in ("tags", "epochs", "measured"))
        *self._rows, self._last = state["rows"].unbind(0)

    def _keeps(self, epoch: int) -> bool:
        return is_kept(epoch) or (epoch % self._every == 0 and is_kept(epoch // self._every))

    def _know(self, tags: Mapping[str, Tensor]) -> None:
        """Make room for tags that come for the first time, such as those of the first validation."""
        new = [tag for tag in tags if tag not in self._tags]
        if new:
            self._tags += new
            nothing = torch.full((len(new), len(self.runs)), torch.nan, dtype=torch.float32)
            self._rows = [torch.cat([row, nothing]) for row in self._rows]
            self._last = torch.cat([self._last, nothing])

    def _block(self, runs: Sequence[int], last: Sequence[int]) -> Block:
        ends = np.asarray(last, np.int32)
        epochs = np.asarray([epoch for epoch in self._epochs if epoch < ends.max()], np.int32)
        rows = torch.stack([*self._rows[: len(epochs)], self._last])[..., runs].numpy()  # (k + 1, tags, runs)
        rows[:-1][np.broadcast_to((epochs[:, None] >= ends)[:, None], rows[:-1].shape)] = np.nan
        values = {tag: rows[:, place] for place, tag in enumerate(self._tags)}
        return Block(tuple(self.runs[run] for run in runs), epochs, ends, values)


def take_history(state: Mapping[str, Any], runs: Sequence[int]) -> dict[str, Any]:
    """Select runs, rising indices, from the state of a history."""
    return {**state, "rows": state["rows"][..., runs]}
