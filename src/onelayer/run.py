"""The pipeline: specs -> data -> stack -> fit -> results."""

import logging
import os
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

from lightning.pytorch import seed_everything

from onelayer.build import (
    build_data,
    build_module,
    build_trainer,
    refuse_blind_monitor,
    refuse_missing_device,
    refuse_undefined_monitor,
)
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.errors import CutShort
from onelayer.filenames import LAST
from onelayer.model.module import OneLayer
from onelayer.optimum.truth import Solved
from onelayer.resume import checkpoint_of
from onelayer.threads import few_threads
from onelayer.track.curves import Curves
from onelayer.track.history import History
from onelayer.track.judge import Judge
from onelayer.track.overview import Overview
from onelayer.track.path import Paths, refuse_too_large
from onelayer.track.progress import EpochBar
from onelayer.track.results import Observer, Result, Results, Run, identity
from onelayer.track.rundir import resume_argument
from onelayer.track.signals import GracefulEnd
from onelayer.track.stored import read_curves
from onelayer.track.summary import announced, announced_reference
from onelayer.track.tracker import Bar, Tracker

log = logging.getLogger("onelayer")


class Interrupted(CutShort):
    """The run was asked to stop and can be resumed; `number` is the signal that asked."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.code = 128 + number  # as a shell reports a signal: 130 for Ctrl-C, 143 for a termination


class Alone:
    """Observes the only run there is: its lines go to the log, what stops it is raised."""

    def __init__(self) -> None:
        self.result: Result = {}

    def say(self, run: Run, *lines: str) -> None:
        """Log some lines."""
        for line in lines:
            log.info(line)

    def ended(self, run: Run, result: Result) -> None:
        """Keep the result."""
        self.result = result

    def failed(self, run: Run, error: Exception) -> None:
        """Raise what stopped the run."""
        raise error

    def shows(self, run: Run, result: Result) -> bool:
        """One run is worth its curves."""
        return True

    def draws(self, run: Run, result: Result) -> bool:
        """One run is worth its figure."""
        return True


def train(run: Run) -> Result:
    """Train a run, which is a stack of one, and write it down.

    Raises:
        UserError: something that only the data or the machine could show to be wrong.
        Interrupted: after Ctrl-C or a termination, with last.ckpt saved.
    """
    spec, alone = run.spec, Alone()
    refuse_missing_device(spec)
    data = build_data(spec)
    checkpoint = None if spec.resume is None else checkpoint_of(spec, data.data_hash)
    mode: Literal["live", "none"] = "live" if spec.logger.tensorboard else "none"
    with EpochBar(spec.trainer.max_epochs, shown=spec.trainer.enable_progress_bar) as bar:
        try:
            train_stack([run], data, alone, bar, path=run.directory / LAST, checkpoint=checkpoint, curves=mode)
        except Interrupted:
            if not alone.result:
                raise
    return alone.result


def train_stack(
    runs: Sequence[Run],
    data: DataModule,
    observer: Observer,
    bar: Bar,
    *,
    path: Path,
    checkpoint: Path | None = None,
    curves: Literal["live", "kept", "none"] = "none",
    folder: Path | None = None,
    overview: bool = False,
    solved: Solved | None = None,
) -> None:
    """Train runs that share their data, their batches and their number of epochs; write each down when it ends.

    Args:
        runs: neighbours with equal optimizer settings share an optimizer.
        data: what all of them see.
        observer: is told of every run.
        bar: shows the progress.
        path: of the stack's checkpoint while it trains.
        checkpoint: one to go on from.
        curves: how event files are written.
        folder: where the curves of all its runs are written; None: with the only run.
        overview: write those of the stack as a whole there, too.
        solved: references that are known of these train rows; those found now are added.

    Raises:
        UserError: something that only the data could show to be wrong.
        Interrupted: after Ctrl-C or a termination, with the checkpoint saved.
    """
    _quieten_lightning()
    shared = runs[0].spec
    refuse_undefined_monitor(shared.monitor, data)
    seed_everything(shared.seed, workers=True, verbose=False)
    module = build_module([run.spec for run in runs])
    module.attach(data, max_epochs=shared.trainer.max_epochs, solved=solved)
    assert module.truth is not None
    paths = _paths(shared, module, checkpoint)
    for run, reference, settings in zip(runs, module.truth.references, module.settings, strict=True):
        observer.say(
            run, *announced(run.spec, data, module.objective.name, settings.lr), announced_reference(reference)
        )
    refuse_blind_monitor(shared, module)
    top = path.parent.parent
    history = History(
        [Path(os.path.relpath(run.directory, top)).as_posix() for run in runs],
        folder or top,
        steps_per_epoch=data.steps_per_epoch,
        every=shared.trainer.check_val_every_n_epoch,
    )
    if shared.resume is not None:  # such a run is alone; a checkpoint of one that had not ended knows better
        for curve in read_curves(Path(shared.resume), [Path()]).values():
            history.begin(curve)
    with (
        closing(GracefulEnd()) as end,
        closing(Curves([run.directory for run in runs], curves, history)) as drawn,
        closing(Overview(folder if overview else None, shared.monitor)) as whole,
    ):
        tracker = Tracker(
            Judge(shared.monitor, [run.spec.patience for run in runs]),
            names=[identity(run, top) for run in runs],
            validates=len(data.val) > 0,
            path=path,
            checkpoint_seconds=shared.checkpoint_seconds,
            data_hash=data.data_hash,
            curves=drawn,
            overview=whole,
            bar=bar,
            paths=paths,
        )
        trainer = build_trainer(shared, tracker, end)
        tracker.ending = Results(runs, data, module, tracker, observer)
        with few_threads(module.work(data.batch_size)):
            try:
                trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
            except SystemExit as stop:  # Lightning's answer to a second Ctrl-C
                raise KeyboardInterrupt from stop
            epochs = max(tracker.judge.epochs)
            if end.received and bool(module.active.any()) and epochs < shared.trainer.max_epochs:
                tracker.save(trainer)
                where = resume_argument(top)
                raise Interrupted(end.received, f"interrupted after epoch {epochs}; go on with {where}")
            last = tracker.checkpoint(trainer)  # before the verdict, which a run that goes on has not had
            rest = tracker.judge.finish(module, shared.trainer.max_epochs)
            tracker.ending.write(rest.nonzero().flatten().tolist(), last)
        if end.received:
            raise Interrupted(end.received, "interrupted when all was written")


def _paths(shared: RunSpec, module: OneLayer, checkpoint: Path | None) -> Paths | None:
    """Return what keeps the weights of each epoch, where that is asked for."""
    if not shared.logger.weights:
        return None
    refuse_too_large(module.linear.theta, shared.trainer.max_epochs)
    paths = Paths()
    if shared.resume is not None:
        paths.begin(Path(shared.resume), checkpoint)
    return paths


def _quieten_lightning() -> None:
    """Lightning sets up its own handler and speaks of seeds and devices; the log is ours."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning").handlers.clear()
    # raised once a process inside torch's own pytree code when Lightning moves a block
    warnings.filterwarnings("ignore", ".*LeafSpec.*", FutureWarning)
