"""Follows every run of a stack while it trains: curves, best weights, early stopping, divergence, checkpoints."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor

from onelayer.model.metrics import HIGHER_IS_BETTER
from onelayer.model.module import OneLayer
from onelayer.track.progress import EpochBar
from onelayer.track.rundir import LAST
from onelayer.track.tensorboard import EventWriter

Status = Literal["running", "done", "stopped", "diverged"]
# an objective this many times the one at the start, or at zero weights, does not come back
DIVERGED = 1e6


class Tracker(Checkpoint):
    """Called back by the trainer; a `Checkpoint`, since Lightning calls those after the module has measured.

    Args:
        directories: run directory of each run.
        monitor: the value that chooses the best weights, as stage/name.
        patience: validations without a better value before a run stops; None: never.
        validates: whether there are validation rows; without them, the last weights are the best where `monitor` asks
            for a validation metric.
        checkpoint_seconds: between two savings of last.ckpt.
        data_hash: kept in checkpoints, so that a run is not resumed on other data.
        tensorboard: write event files.
        bar: shows the progress.

    Attributes:
        device: where the stack trained.
        status: of each run.
        epochs: completed by each run.
        best_epoch: the epoch of each run's best weights, 0 for the start.
        best_theta: (runs, outputs, columns).
    """

    def __init__(
        self,
        directories: Sequence[Path],
        *,
        monitor: str,
        patience: int | None,
        validates: bool,
        checkpoint_seconds: float,
        data_hash: str,
        tensorboard: bool,
        bar: EpochBar,
    ) -> None:
        super().__init__()
        self.directories, self.monitor, self.patience = directories, monitor, patience
        self.validates, self.checkpoint_seconds = validates, checkpoint_seconds
        self.data_hash, self.bar = data_hash, bar
        self.writers = [EventWriter(directory) for directory in directories] if tensorboard else []
        runs = len(directories)
        self.device = ""
        self.status: list[Status] = ["running"] * runs
        self.epochs = [0] * runs
        self.best_epoch = [0] * runs
        self.best_theta: Tensor | None = None
        self._sign = -1.0 if monitor.partition("/")[2] in HIGHER_IS_BETTER else 1.0
        self._best = torch.full((runs,), torch.inf, dtype=torch.float64)
        self._waited = torch.zeros(runs, dtype=torch.int64)
        self._saved = time.monotonic()
        self._limit: Tensor | None = None
        self._resumed = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the start: its curves' first point, and what would count as diverged."""
        module = _ours(pl_module)
        self.device = str(module.device)
        module.measure_train()
        if self._resumed:
            module.active |= torch.tensor([status == "running" for status in self.status])
            return
        self.best_theta = module.linear.theta.detach().cpu().clone()
        if module.truth is not None:
            start = torch.maximum(module.values["train/objective"], module.truth.start).cpu()
            self._limit = torch.where(start > 0, DIVERGED * start, torch.inf)
        self._write(module, 0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge every run that still moves."""
        module = _ours(pl_module)
        epoch = trainer.current_epoch + 1
        moving = module.active.clone()
        for run in moving.nonzero().flatten().tolist():
            self.epochs[run] = epoch
        diverged = moving & self._diverged(module)
        stopped = torch.zeros_like(moving)
        if not self.validates or epoch % trainer.check_val_every_n_epoch == 0:  # type: ignore[operator]
            stopped = self._judge(module, moving & ~diverged, epoch)
        self._settle(diverged, "diverged")
        self._settle(stopped, "stopped")
        self._write(module, epoch)
        if bool((diverged | stopped).any()):
            module.halt(diverged | stopped)
        self.bar.update(epoch, lambda: self._headline(module))
        if not bool(module.active.any()):
            trainer.should_stop = True
        elif time.monotonic() - self._saved >= self.checkpoint_seconds:
            self.save_last(trainer)

    def save_last(self, trainer: Trainer) -> None:
        """Save what is needed to go on from here."""
        path = self.directories[0] / LAST
        partial = path.with_name(f".{path.name}")
        trainer.save_checkpoint(partial)
        partial.replace(path)  # on one file system, so at once: a kill leaves the old file or the new one
        self._saved = time.monotonic()

    def finish(self, module: OneLayer, max_epochs: int) -> None:
        """Say how every run ended that was still moving; one that was never validated delivers its last weights."""
        assert self.best_theta is not None
        running = torch.tensor([status == "running" for status in self.status])
        unjudged = running & (torch.tensor(self.best_epoch) == 0)
        self.best_theta[unjudged] = module.linear.theta.detach().cpu()[unjudged]
        for run in unjudged.nonzero().flatten().tolist():
            self.best_epoch[run] = self.epochs[run]
        complete = torch.tensor(self.epochs) >= max_epochs
        self._settle(running & complete, "done")
        self._settle(running & ~complete, "stopped")  # its time was up

    def close(self) -> None:
        """Close the event files."""
        for writer in self.writers:
            writer.close()

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
            "monitor": self.monitor,
            "data_hash": self.data_hash,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.status, self.epochs = list(state_dict["status"]), list(state_dict["epochs"])
        # one that stopped early goes on, with more patience
        self.status = ["running" if status == "stopped" else status for status in self.status]
        self._resumed = True
        self.best_epoch, self.best_theta = list(state_dict["best_epoch"]), state_dict["best_theta"]
        self._best, self._waited, self._limit = state_dict["best"], state_dict["waited"], state_dict["limit"]

    def _diverged(self, module: OneLayer) -> Tensor:
        theta = module.linear.theta.detach()
        bad = ~theta.isfinite().all(-1).all(-1).cpu()
        objective = module.values.get("train/objective")
        if objective is not None and self._limit is not None:
            objective = objective.cpu()
            bad |= ~objective.isfinite() | (objective > self._limit)
        validated = module.values.get("val/loss")
        if validated is not None:
            bad |= ~validated.isfinite().cpu()
        return bad

    def _judge(self, module: OneLayer, moving: Tensor, epoch: int) -> Tensor:
        """Keep better weights; return which runs have waited too long."""
        assert self.best_theta is not None
        values = module.values.get(self.monitor)
        if values is None:  # no validation rows: the last weights are what the run delivers
            better = moving
        else:
            signed = self._sign * values.cpu().double()
            better = moving & (signed < self._best)
            self._best = torch.where(better, signed, self._best)
        self.best_theta[better] = module.linear.theta.detach().cpu()[better]
        for run in better.nonzero().flatten().tolist():
            self.best_epoch[run] = epoch
        self._waited = torch.where(moving, torch.where(better, 0, self._waited + 1), self._waited)
        if self.patience is None:
            return torch.zeros_like(moving)
        return moving & (self._waited >= self.patience)

    def _settle(self, runs: Tensor, status: Status) -> None:
        for run in runs.nonzero().flatten().tolist():
            self.status[run] = status

    def _write(self, module: OneLayer, epoch: int) -> None:
        if not self.writers:
            return
        rates = module.schedule.rates()
        columns = {tag: values.tolist() for tag, values in module.values.items()}
        for run, writer in enumerate(self.writers):
            if self.epochs[run] == epoch:
                writer.scalars({tag: column[run] for tag, column in columns.items()} | {"lr": rates[run]}, epoch)

    def _headline(self, module: OneLayer) -> dict[str, float]:
        """The numbers of the run that is best by the monitored value."""
        judged = module.values.get(self.monitor, module.values["train/objective"])
        signed = (self._sign if self.monitor in module.values else 1.0) * judged
        best = int(torch.where(signed.isnan(), torch.inf, signed).argmin())
        shown = {"train/objective": "objective", "train/rel_gap": "rel_gap", self.monitor: self.monitor}
        return {word: float(module.values[name][best]) for name, word in shown.items() if name in module.values}


def _ours(module: LightningModule) -> OneLayer:
    assert isinstance(module, OneLayer)
    return module
