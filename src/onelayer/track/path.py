"""The weights of runs over their epochs: kept while a stack trains, written down when a run ends, and read again.

    weights.safetensors    in the directory of a run that was trained with logger.weights=true

Tensors: ``epochs`` (k,) int32, rising; and ``theta`` (k, outputs, columns) in the precision of training, of the first
one at the start (epoch 0) and of the last one where training ended. Columns are as in `StackedLinear.theta`: a weight
for each scaled feature and then the bias, where there is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import Tensor

from onelayer.errors import UserError
from onelayer.filenames import TRAJECTORY
from onelayer.memory import free_memory
from onelayer.track.history import is_kept, points
from onelayer.track.stored import Array
from onelayer.whole import whole

MEMBER = "paths"  # of a stack, in its checkpoint
SHARE = 0.25  # of the free memory; a checkpoint takes as much again


@dataclass(frozen=True)
class WeightPath:
    """Where the weights of one run were.

    Attributes:
        epochs: (k,) int32, rising.
        theta: (k, outputs, columns).
    """

    epochs: Array
    theta: Array

    def write(self, directory: Path) -> None:
        """Write the file of a run at once or not at all."""
        with whole(directory / TRAJECTORY) as partial:
            partial.write_bytes(save({"epochs": self.epochs, "theta": np.ascontiguousarray(self.theta)}))


def read_path(directory: Path) -> WeightPath | None:
    """Read the path of a run; None where none was kept.

    Args:
        directory: of the run.

    Raises:
        UserError: there is a file that holds no path.
    """
    path = directory / TRAJECTORY
    try:
        tensors = load(path.read_bytes())
        found = WeightPath(tensors["epochs"], tensors["theta"])
    except FileNotFoundError:
        return None
    except (SafetensorError, KeyError) as error:
        raise UserError(f"{path}: it holds no path of weights ({error}); train the run again") from None
    if found.theta.ndim != 3 or found.epochs.shape != found.theta.shape[:1] or not len(found.epochs):
        raise UserError(f"{path}: it holds no path of weights; train the run again")
    return found


class Paths:
    """Keeps the weights of the runs of a stack, at the epochs that `is_kept` names."""

    def __init__(self) -> None:
        self._epochs: list[int] = []
        self._rows: list[Tensor] = []  # (runs, outputs, columns) each

    def add(self, epoch: int, theta: Tensor) -> None:
        """Take the weights after an epoch, (runs, outputs, columns)."""
        if is_kept(epoch):
            self._epochs.append(epoch)
            self._rows.append(theta.detach().cpu().clone())

    def begin(self, directory: Path, checkpoint: Path | None) -> None:
        """Go on with the path of the only run.

        Args:
            directory: of the run that it goes on from.
            checkpoint: of that run; where it did not end, its path is in there.

        Raises:
            UserError: no path was kept of it.
        """
        found = read_path(directory)
        if found is not None:
            kept = [place for place, epoch in enumerate(found.epochs.tolist()) if is_kept(epoch)]
            self._epochs = found.epochs[kept].tolist()
            self._rows = list(torch.from_numpy(found.theta[kept])[:, None].unbind(0))
        elif checkpoint is None or not is_recorded(checkpoint):
            raise UserError(
                f"resume={directory}: no path was kept of that run; set logger.weights=false, or train it again"
            )

    def end(self, run: int, last: int, theta: Tensor, directory: Path) -> None:
        """Write down the path of a run that has ended.

        Args:
            run: index into the present stack.
            last: the epoch in which it moved last.
            theta: (outputs, columns), its weights now.
            directory: of the run.
        """
        before = [row[run] for epoch, row in zip(self._epochs, self._rows, strict=True) if epoch < last]
        epochs = np.array([*(epoch for epoch in self._epochs if epoch < last), last], np.int32)
        WeightPath(epochs, torch.stack([*before, theta.detach().cpu()]).numpy()).write(directory)

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices."""
        self._rows = [row[runs] for row in self._rows]

    def state_dict(self) -> dict[str, Any]:
        """Return plain containers and tensors."""
        return {"epochs": list(self._epochs), "theta": torch.stack(self._rows)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._epochs, self._rows = list(state["epochs"]), list(state["theta"].unbind(0))


def take_paths(state: Mapping[str, Any], runs: Sequence[int]) -> dict[str, Any]:
    """Select runs, rising indices, from the state of paths."""
    return {**state, "theta": state["theta"][:, runs]}


def is_recorded(checkpoint: Path) -> bool:
    """Tell whether a stack's checkpoint holds paths."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    return MEMBER in state.get("members", {})


def paths_that_fit(numbers: int, size: int, epochs: int) -> int:
    """Return how many runs' paths fit into memory together.

    Args:
        numbers: weights of a run.
        size: bytes of each.
        epochs: to be trained at most.
    """
    return int(SHARE * free_memory()) // (numbers * size * (points(epochs) + 1))


def refuse_too_large(runs: int, numbers: int, size: int, epochs: int) -> None:
    """Refuse to keep what memory cannot hold.

    Args:
        runs: of a stack.
        numbers: weights of each.
        size: bytes of each number.
        epochs: to be trained at most.

    Raises:
        UserError: saying how much it would be.
    """
    if runs > paths_that_fit(numbers, size, epochs):
        total = runs * numbers * size * (points(epochs) + 1) / 2**30
        raise UserError(
            f"logger.weights=true: {runs} x {numbers} weights at {points(epochs) + 1} epochs are {total:.1f} GiB, more "
            f"than {SHARE:.0%} of the free memory; train fewer runs or epochs, or leave it out"
        )
