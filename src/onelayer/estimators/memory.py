"""What is kept of a stack that leaves nothing on disk."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from typing_extensions import override

from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.preprocess import original_coefficients
from onelayer.data.table import Array
from onelayer.model.module import OneLayer
from onelayer.track.curves import Curves
from onelayer.track.judge import Judge
from onelayer.track.overview import Overview
from onelayer.track.tracker import Tracker
from onelayer.track.verdict import Result, conclusion, measured

CURVE = "train/objective"


@dataclass(frozen=True)
class FittedRun:
    """A run that has ended.

    Attributes:
        coef: (outputs, n_features), in the units of X and y.
        intercept: (outputs,), likewise.
        theta: (outputs, columns), the same as they were trained.
        result: as in result.json, without what identifies a run on disk.
        state: what its optimizer needs to go on with other rows, in plain containers and arrays; empty where nothing
            of it is of use on these.
    """

    coef: Array
    intercept: Array
    theta: Array
    result: Result
    state: Mapping[str, Any]


class NullProgress:
    """Shows no progress."""

    def update(self, epoch: int, values: object) -> None:
        """Show nothing."""


class ObjectiveCurve(Curves):
    """Keeps the objective of a stack's first run, epoch by epoch."""

    def __init__(self, runs: int) -> None:
        super().__init__([Path()] * runs, "none")
        self.values: list[float] = []

    @override
    def write(self, epoch: int, moved: Sequence[int], module: OneLayer) -> None:
        if epoch and 0 in moved:
            self.values.append(float(module.values[CURVE][0]))


class MemoryResults:
    """Follows a stack that leaves nothing on disk, and keeps its runs as they end; see `onelayer.training.Sink`.

    Args:
        specs: of the runs.

    Attributes:
        results: of each run of the stack as it was at first, once it has ended: how, or what stopped it.
        objective: of the first run after each epoch.
    """

    checkpoint: Path | None = None
    callbacks: tuple[Callback, ...] = ()

    def __init__(self, specs: Sequence[RunSpec]) -> None:
        self._specs, self._curve = specs, ObjectiveCurve(len(specs))
        self._numbers = list(range(len(specs)))
        self.results: dict[int, FittedRun | Exception] = {}
        self.objective = self._curve.values

    @contextmanager
    def tracking(self, module: OneLayer, data: DataModule) -> Iterator[Tracker]:
        """Judge the runs, and end those of L-BFGS that have arrived."""
        self._module, self._data, monitor = module, data, self._specs[0].monitor
        self._tracker = Tracker(
            Judge(monitor, [spec.patience for spec in self._specs], ends_converged=True),
            self,
            names=[""] * len(self._specs),
            validates=len(data.val) > 0,
            path=None,
            checkpoint_seconds=float("inf"),
            data_hash="",
            curves=self._curve,
            overview=Overview(None, monitor),
            bar=NullProgress(),
        )
        yield self._tracker

    def trained(self, trainer: Trainer) -> None:
        """Go on: Ctrl-C has ended the fit by an exception."""

    def write(self, runs: Sequence[int], checkpoint: Mapping[str, Any]) -> None:
        """Measure and keep some runs, rising indices into the present stack."""
        module, judge = self._module, self._tracker.judge
        for run in (run for run in runs if judge.status[run] == "failed"):
            self.results[self._numbers[run]] = module.failures[run]
        ended = [run for run in runs if judge.status[run] != "failed"]
        if not ended:
            return
        best = judge.best_theta[ended].to(module.linear.theta)
        columns = {name: value.tolist() for name, value in measured(ended, module, best, self._data).items()}
        keeps = len(self._specs) == 1 and module.settings[0].adapter.outlives_rows
        states = module.stack_state() if keeps else {}
        for place, run in enumerate(ended):
            metrics = {name: column[place] for name, column in columns.items()}
            number = self._numbers[run]
            result = conclusion(run, metrics, self._specs[number], self._data, module, self._tracker)
            self.results[number] = self._fitted(best[place].cpu().numpy(), result, states)

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices."""
        self._numbers = [self._numbers[run] for run in runs]

    def _fitted(self, theta: Array, result: Result, states: Mapping[str, Any]) -> FittedRun:
        linear, prepared = self._module.linear, self._data.prepared
        wide = theta.astype(np.float64)
        bias = wide[:, -1] if linear.has_bias else np.zeros(len(wide))
        coef, intercept = original_coefficients(wide[:, : linear.n_features], bias, prepared.x_scale, prepared.y_scale)
        return FittedRun(coef, intercept, theta, result, as_arrays(states))


def as_arrays(tree: Any) -> Any:
    """Turn the tensors of plain containers into arrays, which unpickle without torch."""
    return _mapped(tree, Tensor, lambda tensor: tensor.detach().cpu().numpy().copy())


def as_tensors(tree: Any) -> Any:
    """Undo `as_arrays`."""
    return _mapped(tree, np.ndarray, lambda array: torch.from_numpy(array.copy()))


def _mapped(tree: Any, kind: type, change: Any) -> Any:
    if isinstance(tree, kind):
        return change(tree)
    if isinstance(tree, Mapping):
        return {key: _mapped(value, kind, change) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(_mapped(value, kind, change) for value in tree)
    return tree
