"""One set of curves for a whole stack, where it has too many runs for curves of their own."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from onelayer.model.direction import higher_is_better
from onelayer.track.layout import of_stacks
from onelayer.track.tensorboard import EventWriter

SHARES = {"20 %": 0.2, "median": 0.5, "80 %": 0.8}


class Overview:
    """Writes how the runs of a stack are spread, epoch by epoch.

    Args:
        directory: of the event file; None: there is none.
        monitor: the value that tells which run is best.
    """

    def __init__(self, directory: Path | None, monitor: str) -> None:
        self._monitor, self._writer, self._laid_out = monitor, None, False
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            self._writer = EventWriter(directory)

    def write(self, epoch: int, values: Mapping[str, Tensor], moving: Tensor) -> None:
        """Take an epoch's measurements.

        Args:
            epoch: their step.
            values: stage/name -> (runs,).
            moving: (runs,) bool, the runs that are trained now.
        """
        if self._writer is None:
            return
        scalars = {"train/runs": float(moving.sum())}
        tags = dict.fromkeys((self._monitor, "train/rel_gap"))
        for tag in tags:
            if tag not in values:
                continue
            column = values[tag].cpu().double()
            column = column[moving & column.isfinite()]
            if len(column):
                best = column.max() if higher_is_better(tag) else column.min()
                spread = torch.quantile(column, torch.tensor(list(SHARES.values()), dtype=column.dtype)).tolist()
                scalars |= {f"{tag}/best": float(best)} | {f"{tag}/{n}": v for n, v in zip(SHARES, spread, strict=True)}
        if self._monitor in values and not self._laid_out:
            self._laid_out = True
            self._writer.layout(of_stacks([tag for tag in tags if tag in values], *SHARES), epoch)
        self._writer.scalars(scalars, epoch)

    def flush(self) -> None:
        """Hand everything to the file system."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
