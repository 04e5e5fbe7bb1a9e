"""Judges every run of a stack after each epoch: best weights, early stopping, divergence, failure."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from onelayer.model.direction import higher_is_better
from onelayer.model.module import OneLayer

Status = Literal["running", "done", "stopped", "diverged", "failed"]
# an objective this many times the one at the start, or at zero weights, does not come back
DIVERGED = 1e6


class Judge:
    """What is known of each run beside its weights.

    Args:
        monitor: the value that chooses the best weights, as stage/name.
        patience: validations without a better value before a run stops, for each run; None: never.
        ends_converged: end runs, too, whose optimizer finds no better weights once it has arrived, and has.

    Attributes:
        status: of each run.
        epochs: completed by each run.
        best_epoch: the epoch of each run's best weights, 0 for the start.
        best_theta: (runs, outputs, columns).
        resumed: whether all this was taken up from a checkpoint.
    """

    def __init__(self, monitor: str, patience: Sequence[int | None], *, ends_converged: bool = False) -> None:
        runs = len(patience)
        self.monitor = monitor
        self.status: list[Status] = ["running"] * runs
        self.epochs = [0] * runs
        self.best_epoch = [0] * runs
        self.best_theta = torch.empty(0)
        self.resumed = False
        self._ends_converged, self._before = ends_converged, torch.empty(0)
        self._patience = torch.tensor([2**62 if one is None else one for one in patience])
        self._sign = -1.0 if higher_is_better(monitor) else 1.0
        self._best = torch.full((runs,), torch.inf, dtype=torch.float64)
        self._waited = torch.zeros(runs, dtype=torch.int64)
        self._limit = torch.full((runs,), torch.inf, dtype=torch.float64)

    def start(self, module: OneLayer) -> None:
        """Note the weights at the start, and what would count as diverged."""
        self.best_theta = module.linear.theta.detach().cpu().clone()
        self._before = self.best_theta.clone()  # which better weights will be written into
        if module.truth is not None:
            start = torch.maximum(module.values["train/objective"], module.truth.start).cpu()
            self._limit = torch.where(start > 0, DIVERGED * start, torch.inf)

    def judge(self, module: OneLayer, epoch: int, validated: bool) -> Tensor:
        """Judge every run that moved in this epoch, and settle those that end with it.

        Args:
            module: with this epoch's measurements.
            epoch: how many are completed.
            validated: whether there was a validation, or there are no rows for one.

        Returns:
            (runs,) bool, those that ended.
        """
        running = torch.tensor([status == "running" for status in self.status])
        for run in running.nonzero().flatten().tolist():
            self.epochs[run] = epoch
        failed = torch.zeros_like(running)
        failed[list(module.failures)] = True
        failed &= running
        diverged = running & ~failed & self._diverged(module)
        stopped = torch.zeros_like(running)
        if validated:
            stopped = self._wait(module, running & ~failed & ~diverged, epoch)
        self._settle(failed, "failed")
        self._settle(diverged, "diverged")
        self._settle(stopped, "stopped")
        ended = failed | diverged | stopped
        if self._ends_converged:
            converged = self._converged(module) & running & ~ended
            self._take_last(module, converged)
            self._settle(converged, "done")
            ended |= converged
        return ended

    def finish(self, module: OneLayer, max_epochs: int) -> Tensor:
        """Say how every run ended that was still moving; one that was never judged delivers its last weights.

        Returns:
            (runs,) bool, those that were still moving.
        """
        running = torch.tensor([status == "running" for status in self.status])
        self._take_last(module, running)
        complete = torch.tensor(self.epochs) >= max_epochs
        self._settle(running & complete, "done")
        self._settle(running & ~complete, "stopped")  # its time was up
        return running

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices."""
        resumed, self._patience = self.resumed, self._patience[runs]
        self._before = self._before[runs] if self._ends_converged else self._before
        self.load_state_dict(take_judge(self.state_dict(), runs))
        self.resumed = resumed

    def ranked(self, values: Mapping[str, Tensor]) -> list[int]:
        """Return the indices of runs from the best to the worst, by the monitored value or else the objective."""
        judged = values.get(self.monitor, values["train/objective"])
        signed = (self._sign if self.monitor in values else 1.0) * judged.cpu()
        order: list[int] = torch.where(signed.isnan(), torch.inf, signed).sort(stable=True).indices.tolist()
        return order

    def state_dict(self) -> dict[str, Any]:
        """Return plain containers and tensors."""
        return {
            "status": list(self.status),
            "epochs": list(self.epochs),
            "best_epoch": list(self.best_epoch),
            "best_theta": self.best_theta,
            "best": self._best,
            "waited": self._waited,
            "limit": self._limit,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken; a run that had stopped early goes on too, with more patience."""
        self.resumed = True
        self.status = ["running" if status == "stopped" else status for status in state["status"]]
        self.epochs, self.best_epoch = list(state["epochs"]), list(state["best_epoch"])
        self.best_theta, self._best = state["best_theta"], state["best"]
        self._waited, self._limit = state["waited"], state["limit"]

    def _diverged(self, module: OneLayer) -> Tensor:
        bad = ~module.linear.theta.detach().isfinite().all(-1).all(-1).cpu()
        objective = module.values.get("train/objective")
        if objective is not None:
            objective = objective.cpu()
            bad |= ~objective.isfinite() | (objective > self._limit)
        validated = module.values.get("val/loss")
        if validated is not None:
            bad |= ~validated.isfinite().cpu()
        return bad

    def _converged(self, module: OneLayer) -> Tensor:
        """Return which runs have weights that did not move, and never will again."""
        before, self._before = self._before, module.linear.theta.detach().cpu().clone()
        arrives = torch.tensor([settings.adapter.converges for settings in module.settings])
        return arrives & (before == self._before).flatten(1).all(1)

    def _wait(self, module: OneLayer, moving: Tensor, epoch: int) -> Tensor:
        """Keep better weights; return which runs have waited too long."""
        values = module.values.get(self.monitor)
        if values is None:  # no validation rows: the last weights are what the run delivers
            judged = better = moving
        else:
            signed = self._sign * values.cpu().double()
            judged = moving & signed.isfinite()  # a value that is missing speaks for no weights, and against none
            better = judged & (signed < self._best)
            self._best = torch.where(better, signed, self._best)
        self.best_theta[better] = module.linear.theta.detach().cpu()[better]
        for run in better.nonzero().flatten().tolist():
            self.best_epoch[run] = epoch
        self._waited = torch.where(judged, torch.where(better, 0, self._waited + 1), self._waited)
        return moving & (self._waited >= self._patience)

    def _take_last(self, module: OneLayer, ended: Tensor) -> None:
        """Let runs deliver their last weights where no value has chosen others."""
        unjudged = ended & (torch.tensor(self.best_epoch) == 0)
        # a new tensor: a checkpoint made before keeps the other
        self.best_theta = torch.where(unjudged[:, None, None], module.linear.theta.detach().cpu(), self.best_theta)
        for run in unjudged.nonzero().flatten().tolist():
            self.best_epoch[run] = self.epochs[run]

    def _settle(self, runs: Tensor, status: Status) -> None:
        for run in runs.nonzero().flatten().tolist():
            self.status[run] = status


def take_judge(state: Mapping[str, Any], runs: Sequence[int]) -> dict[str, Any]:
    """Select runs, rising indices, from a judge's state."""
    return {
        name: value[runs] if isinstance(value, Tensor) else [value[run] for run in runs]
        for name, value in state.items()
    }
