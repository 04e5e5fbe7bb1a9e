"""Follows every run of a stack while it trains: curves, judgement, checkpoints, and who has ended."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from onelayer.model.module import OneLayer
from onelayer.model.take import take_keywords, take_stack
from onelayer.track.curves import Curves
from onelayer.track.history import take_history
from onelayer.track.judge import Judge, take_judge
from onelayer.track.overview import Overview
from onelayer.track.path import MEMBER, Paths, take_paths
from onelayer.track.rundir import FORMAT
from onelayer.whole import naming

# runs that have ended are taken out of the stack once they are this share of it: each time costs a few steps
SHARE = 1 / 8
# where Lightning keeps the keywords of the module
KEYWORDS = OneLayer.CHECKPOINT_HYPER_PARAMS_KEY


class Bar(Protocol):
    """Shows how far a stack is."""

    def update(self, epoch: int, values: Callable[[], Mapping[str, float]]) -> None:
        """Show an epoch's numbers, which are asked for only when they are shown."""


class Ending(Protocol):
    """Writes down runs that have ended."""

    def write(self, runs: Sequence[int], checkpoint: Mapping[str, Any]) -> None:
        """Write results; rising indices into the present stack, whose checkpoint is given."""

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices."""


class Tracker(Checkpoint):
    """Called back by the trainer; a `Checkpoint`, since Lightning calls those after the module has measured.

    Args:
        judge: of each run.
        ending: takes runs that end before the others; None: they stay in the stack till the end.
        names: of each run, kept in the stack's checkpoint.
        validates: whether there are validation rows; without them, the last weights are the best where `monitor` asks
            for a validation metric.
        path: of the stack's checkpoint; None: there is none.
        checkpoint_seconds: between two savings of it.
        data_hash: kept in checkpoints, so that a run is not resumed on other data.
        curves: of each run.
        overview: of the whole stack.
        bar: shows the progress.
        paths: keeps the weights of each epoch; None: they are not kept.

    Attributes:
        device: where the stack trained.
    """

    def __init__(
        self,
        judge: Judge,
        ending: Ending | None = None,
        *,
        names: Sequence[str],
        validates: bool,
        path: Path | None,
        checkpoint_seconds: float,
        data_hash: str,
        curves: Curves,
        overview: Overview,
        bar: Bar,
        paths: Paths | None = None,
    ) -> None:
        super().__init__()
        self.judge, self.ending, self.names = judge, ending, list(names)
        self.validates, self.path = validates, path
        self.checkpoint_seconds, self.data_hash = checkpoint_seconds, data_hash
        self.curves, self.overview, self.bar, self.paths = curves, overview, bar, paths
        self.device = ""
        self._saved = time.monotonic()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the start: its curves' first point, and what would count as diverged."""
        module = _ours(pl_module)
        self.device = str(module.device)
        module.measure_train()
        if self.judge.resumed:
            module.active |= torch.tensor([status == "running" for status in self.judge.status])
            return
        self.judge.start(module)
        self._draw(module, 0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge every run that still moves; write down and take out those that have ended."""
        module = _ours(pl_module)
        epoch = trainer.current_epoch + 1
        validated = not self.validates or epoch % trainer.check_val_every_n_epoch == 0  # type: ignore[operator]
        ended = self.judge.judge(module, epoch, validated)
        self._draw(module, epoch)
        if bool(ended.any()):
            module.halt(ended)
            if self.ending is not None:
                self.ending.write(ended.nonzero().flatten().tolist(), self.checkpoint(trainer))
        self.bar.update(epoch, lambda: self._headline(module))
        if not bool(module.active.any()):
            trainer.should_stop = True
            return
        if self.ending is not None and float((~module.active).double().mean()) >= SHARE:
            self._keep(module, module.active.nonzero().flatten().tolist())
        if time.monotonic() - self._saved >= self.checkpoint_seconds:
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """Save what is needed to go on from here."""
        if self.path is None:
            return
        self.curves.flush()  # who goes on from here relies on what was drawn before
        self.overview.flush()
        members = {"format": FORMAT, "names": self.names, "curves": self.curves.state_dict()}
        members |= {} if self.paths is None else {MEMBER: self.paths.state_dict()}
        save_atomically({**self.checkpoint(trainer), "members": members}, self.path)
        self._saved = time.monotonic()

    def checkpoint(self, trainer: Trainer) -> dict[str, Any]:
        """Return what Lightning would write, for the whole stack; nothing where nothing is written."""
        if self.path is None:
            return {}
        # `trainer.save_checkpoint` makes the same and leaves no way to select runs before it is on disk
        checkpoint: dict[str, Any] = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
        # the counters of the other loops are no part of it, and most of what would be written for a run
        checkpoint["loops"] = {"fit_loop": checkpoint["loops"]["fit_loop"]}
        # Lightning's own timer would count the time of the first session against the next one
        checkpoint["callbacks"] = {"Tracker": checkpoint["callbacks"]["Tracker"]}
        # what the rows were stands in the configuration and the model of each run
        rows = {name for name in checkpoint if name.startswith("datamodule") or name == "DataModule"}
        return {name: value for name, value in checkpoint.items() if name not in rows}

    def state_dict(self) -> dict[str, Any]:
        """Return plain containers and tensors."""
        return {
            "judge": self.judge.state_dict(),
            "monitor": self.judge.monitor,
            "data_hash": self.data_hash,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.judge.load_state_dict(state_dict["judge"])

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take up what is kept of the curves of a stack that goes on in the same directories."""
        if "members" in checkpoint:
            self.curves.load_state_dict(checkpoint["members"]["curves"])
            if self.paths is not None:
                self.paths.load_state_dict(checkpoint["members"][MEMBER])

    def _keep(self, module: OneLayer, runs: Sequence[int]) -> None:
        module.keep(runs)
        self.judge.keep(runs)
        self.curves.keep(runs)
        if self.paths is not None:
            self.paths.keep(runs)
        self.names = [self.names[run] for run in runs]
        assert self.ending is not None
        self.ending.keep(runs)

    def _draw(self, module: OneLayer, epoch: int) -> None:
        moved = [run for run, last in enumerate(self.judge.epochs) if last == epoch]
        self.curves.write(epoch, moved, module)
        self.overview.write(epoch, module.values, module.active)
        if self.paths is not None:
            self.paths.add(epoch, module.linear.theta)

    def _headline(self, module: OneLayer) -> dict[str, float]:
        """The numbers of the run that is best by the monitored value."""
        best, monitor = self.judge.ranked(module.values)[0], self.judge.monitor
        shown = {"train/objective": "objective", "train/rel_gap": "rel_gap", monitor: monitor}
        return {word: float(module.values[name][best]) for name, word in shown.items() if name in module.values}


def take_checkpoint(checkpoint: Mapping[str, Any], runs: Sequence[int]) -> dict[str, Any]:
    """Select runs, rising indices, from a stack's checkpoint: what they would have written as a stack of their own."""
    tracked = checkpoint["callbacks"]["Tracker"]
    taken = {
        **checkpoint,
        "state_dict": {name: value[runs] for name, value in checkpoint["state_dict"].items()},
        "callbacks": {"Tracker": {**tracked, "judge": take_judge(tracked["judge"], runs)}},
        "stack": take_stack(checkpoint["stack"], runs),
    }
    if KEYWORDS in checkpoint:  # which earlier versions did not write
        taken[KEYWORDS] = take_keywords(checkpoint[KEYWORDS], runs)
    if "members" in checkpoint:
        members = checkpoint["members"]
        names = [members["names"][run] for run in runs]
        taken["members"] = {**members, "names": names, "curves": take_history(members["curves"], runs)}
        taken["members"] |= {MEMBER: take_paths(members[MEMBER], runs)} if MEMBER in members else {}
    return taken


def save_atomically(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint so that a kill leaves the old file or the new one.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    with naming(path, partial):
        try:
            with partial.open("wb") as file:
                torch.save(checkpoint, file)
            partial.replace(path)
        except RuntimeError as error:  # torch's own, when it was to close the file that the disk had no room for
            raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None
        finally:
            partial.unlink(missing_ok=True)


def _ours(module: LightningModule) -> OneLayer:
    assert isinstance(module, OneLayer)
    return module
