"""How a stack of runs trains on blocks of rows, and what is measured of it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from onelayer.linalg import total
from onelayer.model.adapters import RunOptimizer
from onelayer.model.architecture import Architecture
from onelayer.model.linear import StackedLinear
from onelayer.model.local import Batch, LocalSteps
from onelayer.model.metrics import Tally
from onelayer.model.objectives import Objective
from onelayer.model.optimizers import OptimizerSettings, build_optimizers
from onelayer.model.rows import Block
from onelayer.model.schedule import Schedule
from onelayer.model.take import take_stack
from onelayer.optimum import Truth


class Stack(LightningModule):
    """The steps of `OneLayer`, which says what a stack is made of.

    Attributes:
        linear: the weights.
        architecture: how they give logits.
        objective: the loss.
        settings: optimizer of each run.
        l2: penalty of each run.
        schedule: learning rates over time.
        truth: measures the train rows; None: they are not measured.
        unit: (outputs,), one unit of a scaled target in original units.
        values: the last measurements, stage/name -> (runs,).
        active: (runs,) bool, the runs that still move.
        failures: what torch raised in a step, by run; such a run does not move any more.
        seconds: (runs,), the share of each run in the time of the steps; measuring is not counted.
        tracked: whether a callback follows each run: then what stops a run is left in `failures`; else it is raised.
    """

    linear: StackedLinear
    architecture: Architecture
    objective: Objective
    schedule: Schedule

    def __init__(self) -> None:
        super().__init__()
        self.l2: tuple[float, ...] = ()
        self.tracked = False
        self.settings: tuple[OptimizerSettings, ...] = ()
        self.truth: Truth | None = None
        self.unit: Tensor | None = None
        self.values: dict[str, Tensor] = {}
        self.begin()

    def begin(self) -> None:
        """Forget an earlier training, but for the weights."""
        runs = len(self.l2)
        self.active = torch.ones(runs, dtype=torch.bool)
        self.failures: dict[int, Exception] = {}
        self.seconds = torch.zeros(runs, dtype=torch.float64)
        self._restored: Mapping[str, Any] | None = None
        self._optimizers: list[tuple[slice, RunOptimizer]] = []

    @property
    def steps_locally(self) -> bool:
        """Whether rows move only the weights of columns that are not zero in their batch, few of them for sparse x."""
        return self.linear.by_column and all(settings.is_plain for settings in self.settings)

    def work(self, batch_size: int) -> int:
        """Return the multiplications of a step on so many rows, but for a factor; 0 where it moves few weights."""
        return 0 if self.steps_locally else batch_size * self.linear.theta.numel()

    def on_fit_start(self) -> None:
        """Build the optimizers on the device where the weights now are."""
        theta = self.linear.theta.data
        self._grad = torch.zeros_like(theta)
        self._optimizers = build_optimizers(self.settings, theta, self._grad, self.architecture)
        self._charge = None
        if any(self.l2):
            self._charge = theta.new_zeros(theta.shape[0], 1, theta.shape[2])
            for weight, _ in self.architecture.layers(self._charge):
                weight += torch.tensor(self.l2, dtype=theta.dtype, device=theta.device)[:, None, None]
        self._local = None
        if self.steps_locally:
            self._local = LocalSteps(theta, self.linear.n_features, self.l2, self._gradient)
        if self._restored is not None:
            for (_, optimizer), state in zip(self._optimizers, self._restored["optimizers"], strict=True):
                optimizer.load_state_dict(state)
            self.schedule.load_state_dict(self._restored["schedule"])
            self._restored = None
        self._refresh_lr()

    def forward(self, x: Tensor) -> Tensor:
        """Map (rows, n_features) to logits (runs, rows, outputs)."""
        return self.architecture.logits(self.linear.theta, x)

    @torch.no_grad()
    def training_step(self, block: Block, index: int) -> None:
        """Take one optimizer step a minibatch of the block."""
        began = time.perf_counter()
        every_step = self.schedule.varies("step")
        theta = self.linear.theta.data
        for batch in block.batches():
            if self._local is not None:
                self._local.step(self._lr, batch)
            elif self._reads_gradient:
                self._gradient(theta, self._grad, self._charge, batch)
            for optimizer, lr, moving, first in self._turns if self._local is None else ():
                failures = optimizer.step(lr, moving, partial(self._evaluate, theta, batch, first))
                if failures:
                    self._fail({first + run: error for run, error in failures.items()})
            if every_step:
                self.schedule.advance("step")
                self._refresh_lr()
        if self._grad.is_cuda:
            torch.cuda.synchronize(self._grad.device)
        # those that no longer move took no part of it
        self.seconds += self.active * ((time.perf_counter() - began) / max(int(self.active.sum()), 1))

    def tally(self, metrics: Sequence[str]) -> Tally:
        """Return a new measurement."""
        return Tally(metrics, self.objective, self.unit, self.architecture)

    def measure(self, stage: str, blocks: Iterable[Block], metrics: Sequence[str], theta: Tensor) -> dict[str, Tensor]:
        """Measure weights, (runs, outputs, columns), on blocks of their device; (runs,) for each stage/name."""
        tally, empty = self.tally(metrics), True
        for block in blocks:
            tally.add(theta, block)
            empty = False
        return {} if empty else self._on_device(stage, tally.values())

    @torch.no_grad()
    def measure_train(self) -> None:
        """Measure the train rows at the present weights, for all runs."""
        if self.truth is not None:
            measured = self.truth.measure(self.linear.theta.data)
            self.values |= {f"train/{name}": value for name, value in measured.items()}

    def evaluated(self, run: int) -> int | None:
        """Return how many gradients a run has computed; None where that is one a step."""
        for rows, optimizer in self._optimizers:
            if optimizer.needs_closure and rows.start <= run < rows.stop:
                return optimizer.evaluated(run - rows.start)
        return None

    def evaluations(self, steps: int) -> Tensor:
        """Return how many gradients each run has computed in so many steps, (runs,) float64."""
        evaluations = torch.full_like(self.seconds, steps)
        for rows, optimizer in self._optimizers:
            if optimizer.needs_closure:
                counted = [optimizer.evaluated(run) for run in range(rows.stop - rows.start)]
                evaluations[rows] = torch.tensor(counted, dtype=evaluations.dtype)
        return evaluations

    def halt(self, runs: Tensor) -> None:
        """Stop moving some runs, (runs,) bool."""
        self.active &= ~runs.cpu()
        self._refresh_lr()

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices, so that a step costs less; they go on as if they had been alone."""
        state = take_stack(self.stack_state(), runs)
        self.linear.keep(runs)
        self.settings = tuple(self.settings[run] for run in runs)
        self.l2 = tuple(self.l2[run] for run in runs)
        self.schedule = self.schedule.take(runs)
        self.truth = None if self.truth is None else self.truth.take(runs)
        self.values = {name: value[runs] for name, value in self.values.items()}
        self.failures = {}
        self.resume(state)
        self.on_fit_start()

    def stack_state(self) -> dict[str, Any]:
        """Return what all runs need to go on, beside their weights, as plain containers and tensors."""
        return {
            "optimizers": [optimizer.state_dict() for _, optimizer in self._optimizers],
            "schedule": self.schedule.state_dict(),
            "active": self.active,
            "seconds": self.seconds,
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from what `stack_state` returned, once the optimizers are built."""
        self._restored = state
        self.active, self.seconds = state["active"].clone(), state["seconds"].clone()

    def _fail(self, failures: Mapping[int, Exception]) -> None:
        if not self.tracked:
            raise next(iter(failures.values()))
        self.failures |= failures
        runs = torch.zeros_like(self.active)
        runs[list(failures)] = True
        self.halt(runs)

    def _gradient(self, theta: Tensor, grad: Tensor, charge: Tensor | None, batch: Batch) -> Tensor:
        """Write the gradient of some runs at their present weights; return their logits."""
        x, y, weight = batch
        logits, kept = self.architecture.forward(theta, x)
        residual = self.objective.residual(logits, y)
        if weight is not None:
            residual.mul_(weight[:, None])
        self.architecture.pullback(theta, x, kept, residual.div_(len(y)), grad)
        if charge is not None:
            grad.addcmul_(charge, theta)
        return logits

    def _evaluate(self, theta: Tensor, batch: Batch, first: int, run: int) -> Tensor:
        """Write the gradient of a run, counted from the first of its optimizer; return its objective on these rows."""
        run += first
        rows = slice(run, run + 1)
        charge = None if self._charge is None else self._charge[rows]
        logits = self._gradient(theta[rows], self._grad[rows], charge, batch)
        _, y, weight = batch
        loss = total(self.objective.loss(logits, y), weight)[0] / len(y)
        return loss + 0.5 * self.l2[run] * self.architecture.squared_norm(theta[rows])[0]

    def _on_device(self, stage: str, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Name measurements by their stage, and bring them to where the weights are, in their precision."""
        return {f"{stage}/{name}": value.to(self.linear.theta) for name, value in values.items()}

    def _refresh_lr(self) -> None:
        theta = self.linear.theta
        moving = self.active.tolist()
        rates = torch.tensor(self.schedule.rates(), dtype=theta.dtype) * self.active
        lr = self._lr = rates.to(theta.device)[:, None, None]
        # whose turn it is in a step, with what: cut here, since cutting at every step takes as long as a small step
        self._turns = [
            (optimizer, lr[rows], moving[rows], rows.start) for rows, optimizer in self._optimizers if any(moving[rows])
        ]
        self._reads_gradient = not all(optimizer.needs_closure for optimizer, *_ in self._turns)
