"""The curves of every run: written as they come, or kept and written at the end for the best runs only."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from onelayer.track.tensorboard import EventWriter

# points kept of a curve that is written at the end; beyond, every second one goes
POINTS = 512


class Curves:
    """Scalars over epochs.

    Args:
        directories: of each run.
        mode: ``live`` writes them each epoch; ``kept`` keeps them for runs that are worth it when they end; ``none``
            writes no event files.
    """

    def __init__(self, directories: Sequence[Path], mode: Literal["live", "kept", "none"]) -> None:
        self._directories, self._mode = list(directories), mode
        self._writers = {run: EventWriter(one) for run, one in enumerate(directories)} if mode == "live" else {}
        self._epochs: dict[str, list[int]] = {}
        self._values: dict[str, list[Tensor]] = {}
        self._plain: dict[str, list[list[float]]] | None = None

    def write(
        self, epoch: int, moved: Sequence[int], values: Mapping[str, Tensor], rates: Callable[[], Sequence[float]]
    ) -> None:
        """Take an epoch's measurements.

        Args:
            epoch: their step.
            moved: the runs that they are new for.
            values: stage/name -> (runs,).
            rates: returns the learning rate of each run.
        """
        if self._mode == "live":
            columns: dict[str, Sequence[float]] = {tag: column.tolist() for tag, column in values.items()}
            columns["lr"] = rates()
            for run in moved:
                self._writers[run].scalars({tag: column[run] for tag, column in columns.items()}, epoch)
        elif self._mode == "kept":
            self._plain = None
            for tag, column in {**values, "lr": torch.tensor(rates())}.items():
                epochs, kept = self._epochs.setdefault(tag, []), self._values.setdefault(tag, [])
                epochs.append(epoch)
                kept.append(column.float().cpu())
                if len(epochs) > POINTS:
                    del epochs[1::2], kept[1::2]

    def end(self, run: int, last_epoch: int, *, shown: bool) -> EventWriter | None:
        """Return the writer of a run that has ended, for what comes after its curves.

        Args:
            run: index into the present stack.
            last_epoch: up to which the run moved.
            shown: write curves that were kept.
        """
        if self._mode == "live":
            return self._writers.pop(run)
        if self._mode == "none":
            return None
        writer = EventWriter(self._directories[run])
        if shown:
            points: dict[int, dict[str, float]] = {}
            for tag, columns in self._table().items():
                for epoch, column in zip(self._epochs[tag], columns, strict=True):
                    if epoch <= last_epoch:
                        points.setdefault(epoch, {})[tag] = column[run]
            for epoch in sorted(points):
                writer.scalars(points[epoch], epoch)
        return writer

    def _table(self) -> dict[str, list[list[float]]]:
        """Return tag -> epochs -> runs in plain numbers, made once for all runs that end together."""
        if self._plain is None:
            self._plain = {tag: torch.stack(kept).tolist() for tag, kept in self._values.items()}
        return self._plain

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices."""
        self._directories = [self._directories[run] for run in runs]
        self._writers = {new: self._writers[old] for new, old in enumerate(runs) if old in self._writers}
        self._values = {tag: [column[runs] for column in kept] for tag, kept in self._values.items()}
        self._plain = None

    def flush(self) -> None:
        """Hand everything to the file system."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Close the files of runs that have not ended."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def state_dict(self) -> dict[str, Any]:
        """Return what is kept, as plain containers and tensors."""
        values = {tag: torch.stack(kept) for tag, kept in self._values.items()}
        return {"epochs": {tag: list(epochs) for tag, epochs in self._epochs.items()}, "values": values}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._epochs = {tag: list(epochs) for tag, epochs in state["epochs"].items()}
        self._values = {tag: list(kept.unbind(0)) for tag, kept in state["values"].items()}


def take_curves(state: Mapping[str, Any], runs: Sequence[int]) -> dict[str, Any]:
    """Select runs, rising indices, from the state of curves."""
    return {**state, "values": {tag: kept[:, runs] for tag, kept in state["values"].items()}}
