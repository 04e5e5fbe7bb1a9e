"""What follows a stack that leaves nothing on disk: its judge, its tracker, and what is kept of its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer
from torch import Tensor
from typing_extensions import override

from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.preprocess import original_coefficients
from onelayer.data.table import Array
from onelayer.model.module import OneLayer
from onelayer.track.curves import Curves
from onelayer.track.judge import Judge
from onelayer.track.tracker import Tracker
from onelayer.track.verdict import Result, conclusion, measured

CURVE = "train/objective"


@dataclass(frozen=True)
class Fitted:
    """A run that has ended.

    Attributes:
        coef: (outputs, n_features), in the units of X and y.
        intercept: (outputs,), likewise.
        theta: (outputs, columns), the same as they were trained.
        result: as in result.json, without what identifies a run on disk.
        state: what its optimizer needs to go on, in plain containers and arrays.
    """

    coef: Array
    intercept: Array
    theta: Array
    result: Result
    state: Mapping[str, Any]


@dataclass(frozen=True)
class Present:
    """Where a run goes on.

    Attributes:
        theta: (outputs, columns).
        state: of its optimizer; None for a new one.
        epochs: it has trained.
    """

    theta: Array
    state: Mapping[str, Any] | None
    epochs: int


class Silent:
    """Shows no progress."""

    def update(self, epoch: int, values: object) -> None:
        """Show nothing."""


class Settling(Judge):
    """Ends runs of L-BFGS that have arrived, too: where its search finds no better weights, it never will again."""

    def __init__(self, monitor: str, patience: Sequence[int | None]) -> None:
        super().__init__(monitor, patience)
        self._before = torch.empty(0)

    @override
    def start(self, module: OneLayer) -> None:
        super().start(module)
        self._before = module.linear.theta.detach().clone()

    @override
    def judge(self, module: OneLayer, epoch: int, validated: bool) -> Tensor:
        ended = super().judge(module, epoch, validated)
        theta = module.linear.theta.detach()
        searches = torch.tensor([one.name == "LBFGS" for one in module.settings])
        settled = searches & (theta == self._before).flatten(1).all(1).cpu() & ~ended
        settled &= torch.tensor([status == "running" for status in self.status])
        self._before = theta.clone()
        self._take_last(module, settled)
        self._settle(settled, "done")
        return ended | settled

    @override
    def keep(self, runs: Sequence[int]) -> None:
        super().keep(runs)
        self._before = self._before[runs]


class Unsaved(Tracker):
    """Follows a stack that leaves nothing on disk."""

    @override
    def checkpoint(self, trainer: Trainer) -> dict[str, Any]:
        return {}


class Trace(Curves):
    """Keeps the objective of a stack's first run, epoch by epoch."""

    def __init__(self, runs: int) -> None:
        super().__init__([Path()] * runs, "none")
        self.values: list[float] = []

    @override
    def write(self, epoch: int, moved: Sequence[int], module: OneLayer) -> None:
        if epoch and 0 in moved:
            self.values.append(float(module.values[CURVE][0]))


class Kept:
    """Keeps the runs of a stack as they end.

    Attributes:
        found: of each run of the stack as it was at first: how it ended, or what stopped it.
    """

    def __init__(self, specs: Sequence[RunSpec], data: DataModule, module: OneLayer, tracker: Tracker) -> None:
        self._specs, self._data, self._module, self._tracker = specs, data, module, tracker
        self._numbers = list(range(len(specs)))
        self.found: dict[int, Fitted | Exception] = {}

    def write(self, runs: Sequence[int], checkpoint: Mapping[str, Any]) -> None:
        """Measure and keep some runs, rising indices into the present stack."""
        module, judge = self._module, self._tracker.judge
        for run in (run for run in runs if judge.status[run] == "failed"):
            self.found[self._numbers[run]] = module.failures[run]
        ended = [run for run in runs if judge.status[run] != "failed"]
        if not ended:
            return
        best = judge.best_theta[ended].to(module.linear.theta)
        columns = {name: value.tolist() for name, value in measured(ended, module, best, self._data).items()}
        states = module.stack_state() if len(self._specs) == 1 else {}
        for place, run in enumerate(ended):
            metrics = {name: column[place] for name, column in columns.items()}
            number = self._numbers[run]
            result = conclusion(run, metrics, self._specs[number], self._data, module, self._tracker)
            self.found[number] = self._fitted(best[place].cpu().numpy(), result, states)

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices."""
        self._numbers = [self._numbers[run] for run in runs]

    def _fitted(self, theta: Array, result: Result, states: Mapping[str, Any]) -> Fitted:
        linear, prepared = self._module.linear, self._data.prepared
        wide = theta.astype(np.float64)
        bias = wide[:, -1] if linear.has_bias else np.zeros(len(wide))
        coef, intercept = original_coefficients(wide[:, : linear.n_features], bias, prepared.x_scale, prepared.y_scale)
        return Fitted(coef, intercept, theta, result, as_arrays(states))


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
