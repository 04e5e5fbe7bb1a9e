"""Trains a stack in memory: the same module, data, trainer and judge as a run on disk has, and no file."""

import logging
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning.pytorch import Trainer

from onelayer.build import build_module, build_trainer, refuse_missing_device
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.estimators.memory import Fitted, Kept, Present, Settling, Silent, Trace, Unsaved, as_tensors
from onelayer.model.module import OneLayer
from onelayer.optimum.truth import Solved
from onelayer.threads import few_threads
from onelayer.track.overview import Overview

# what Lightning says of machines and loaders, and torch of Lightning
QUIET = ("GPU available but not used.*", ".*does not have many workers.*", ".*LeafSpec.*")
# torch's default precision, its threads and its random source are those of the whole process, and so are warnings:
# two threads that trained at once would each leave behind what the other one had set
ONE_AT_A_TIME = threading.Lock()


def train(
    specs: Sequence[RunSpec],
    data: DataModule,
    *,
    reference: bool,
    solved: Solved | None = None,
    present: Present | None = None,
    epochs: int | None = None,
) -> tuple[list[Fitted | Exception], list[float]]:
    """Train runs that share their data, their batches and their number of epochs.

    Args:
        specs: of the runs; neighbours with equal optimizer settings share an optimizer.
        data: what all of them see.
        reference: solve the objective of each exactly, too.
        solved: references that are known of these train rows; those found now are added.
        present: where the only run goes on.
        epochs: to train now; None: as the specifications say.

    Returns:
        How each run ended, or what stopped it; and the objective of the first after each epoch.

    Raises:
        UserError: something that only the data could show to be wrong.
    """
    shared = specs[0]
    refuse_missing_device(shared)
    # a DataLoader draws from torch's global source whether it needs to or not
    with ONE_AT_A_TIME, _quiet(), torch.random.fork_rng(devices=[]):
        last = (present.epochs if present else 0) + (epochs or shared.trainer.max_epochs)
        module = build_module(specs, reference=reference)
        module.attach(data, max_epochs=last, solved=solved)
        trace = Trace(len(specs))
        tracker = Unsaved(
            Settling(shared.monitor, [spec.patience for spec in specs]),
            names=[""] * len(specs),
            validates=len(data.val) > 0,
            path=Path("last.ckpt"),  # never written
            checkpoint_seconds=float("inf"),
            data_hash="",
            curves=trace,
            overview=Overview(None, shared.monitor),
            bar=Silent(),
        )
        trainer = build_trainer(shared, tracker)
        trainer.fit_loop.max_epochs = last
        if present is not None:
            _go_on(module, trainer, present)
        kept = Kept(specs, data, module, tracker)
        tracker.ending = kept
        with few_threads(module.work(data.batch_size)):
            _fit(trainer, module, data)
            rest = tracker.judge.finish(module, last)
            kept.write(rest.nonzero().flatten().tolist(), {})
    return [kept.found[number] for number in range(len(specs))], trace.values


def _fit(trainer: Trainer, module: OneLayer, data: DataModule) -> None:
    """Fit; Ctrl-C is what it is everywhere in Python."""
    before = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, data)
    except SystemExit as stop:  # Lightning's answer to Ctrl-C, after which it would never be heard again
        signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt from stop
    finally:
        data.trainer = None


def _go_on(module: OneLayer, trainer: Trainer, present: Present) -> None:
    """Take up weights, optimizer and the count of epochs."""
    module.linear.theta.data.copy_(torch.from_numpy(present.theta))
    if present.state is not None:
        module.resume(as_tensors(present.state))
    # batches are drawn by the number of the epoch
    done = trainer.fit_loop.epoch_progress.current
    done.load_state_dict(dict.fromkeys(("ready", "started", "processed", "completed"), present.epochs))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Lightning says of seeds, devices and workers, and leave logging and warnings as they were."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for message in QUIET:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        log.setLevel(level)
