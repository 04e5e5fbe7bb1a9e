"""The curves of every run: all of them kept, and drawn in TensorBoard as they come, or at the end for the best runs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from onelayer.model.module import OneLayer
from onelayer.track.history import History
from onelayer.track.layout import of_runs
from onelayer.track.tensorboard import EventWriter

# what curves are drawn against, and no curves themselves
COSTS = ("seconds", "evaluations")
# the learning rate, as TensorBoard shows it: tags without a stage would come before all others there
RATE, SHOWN_RATE = "lr", "train/lr"


class Curves:
    """Scalars over epochs.

    Args:
        directories: of each run.
        mode: ``live`` writes an event file each epoch; ``kept`` at the end for runs that are worth it; ``none`` writes
            no event files.
        history: keeps all of them; None: nothing is kept.
    """

    def __init__(
        self, directories: Sequence[Path], mode: Literal["live", "kept", "none"], history: History | None = None
    ) -> None:
        self._directories, self._mode, self._history = list(directories), mode, history
        self._writers = {run: EventWriter(one) for run, one in enumerate(directories)} if mode == "live" else {}
        self._tags, self._laid_out = dict[str, None](), False

    def write(self, epoch: int, moved: Sequence[int], module: OneLayer) -> None:
        """Take an epoch's measurements.

        Args:
            epoch: their step.
            moved: the runs that they are new for, rising indices.
            module: the stack.
        """
        if self._mode == "live":
            columns: dict[str, Sequence[float]] = {tag: column.tolist() for tag, column in module.values.items()}
            columns[SHOWN_RATE] = module.schedule.rates()
            self._tags |= dict.fromkeys(columns)
            if not self._laid_out and any(tag.startswith("val/") for tag in columns):
                self._laid_out = True
                for writer in self._writers.values():
                    writer.layout(of_runs(self._tags), epoch)
            for run in moved:
                self._writers[run].scalars({tag: column[run] for tag, column in columns.items()}, epoch)
        if self._history is not None:
            evaluations = module.evaluations(epoch * self._history.steps_per_epoch)
            costs = dict(zip(COSTS, (module.seconds, evaluations), strict=True))
            rates = torch.tensor(module.schedule.rates(), dtype=torch.float64)
            self._history.add(epoch, moved, {**module.values, RATE: rates, **costs})

    def ended(self, runs: Sequence[int], last: Sequence[int]) -> None:
        """Write down what was kept of runs that have ended.

        Args:
            runs: rising indices into the present stack.
            last: the epoch in which each moved last.
        """
        if self._history is not None:
            self._history.write(runs, last)

    def end(self, run: int, last_epoch: int, *, shown: bool, diverged: bool) -> EventWriter | None:
        """Return the writer of a run that has ended, for what comes after its curves.

        Args:
            run: index into the present stack.
            last_epoch: up to which the run moved.
            shown: write curves that were kept.
            diverged: its curves end in what is no number: TensorBoard's HParams take their last point for what a run
                came to, and beside 1e19 no difference of others can be seen.
        """
        if self._mode == "live":
            writer = self._writers.pop(run)
            if not self._laid_out:  # there are no validation rows to wait for
                writer.layout(of_runs(self._tags), last_epoch)
            if diverged:
                writer.scalars(dict.fromkeys(self._tags, math.nan), last_epoch)
            return writer
        if self._mode == "none":
            return None
        writer = EventWriter(self._directories[run])
        if shown and self._history is not None:
            rows = {
                epoch: {SHOWN_RATE if tag == RATE else tag: value for tag, value in row.items() if tag not in COSTS}
                for epoch, row in self._history.of(run, last_epoch).items()
            }
            writer.layout(of_runs(tag for row in rows.values() for tag in row), last_epoch)
            for epoch, row in rows.items():
                writer.scalars(row, epoch)
            if diverged:
                writer.scalars(dict.fromkeys((tag for row in rows.values() for tag in row), math.nan), last_epoch)
        return writer

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices."""
        self._directories = [self._directories[run] for run in runs]
        self._writers = {new: self._writers[old] for new, old in enumerate(runs) if old in self._writers}
        if self._history is not None:
            self._history.keep(runs)

    def flush(self) -> None:
        """Hand everything to the file system."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Close the files, also of runs that have not ended."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}
        if self._history is not None:
            self._history.close()

    def state_dict(self) -> dict[str, Any]:
        """Return what is kept, as plain containers and tensors."""
        return {} if self._history is None else self._history.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        if self._history is not None:
            self._history.load_state_dict(state)
