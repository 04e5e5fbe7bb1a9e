"""The training of a stack: specs -> module -> fit -> results, on disk or in memory."""

import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.errors import CutShort, NoRoom, is_full
from onelayer.explain import sentence
from onelayer.model.module import OneLayer
from onelayer.optimum import Solved
from onelayer.threads import few_threads
from onelayer.track.tracker import Ending, Tracker

log = logging.getLogger("onelayer")
T = TypeVar("T")
# what Lightning says of machines and loaders, and torch of Lightning
QUIET = ("GPU available but not used.*", ".*does not have many workers.*", ".*LeafSpec.*")
# torch's default precision, its threads and its random source are those of the whole process, and so are warnings:
# two threads that trained at once would each leave behind what the other one had set
ONE_AT_A_TIME = threading.Lock()


class Sink(Ending, Protocol):
    """Takes what becomes of the runs of a stack: `track.results.Results` on disk, `MemoryResults` in memory."""

    @property
    def checkpoint(self) -> Path | None:
        """One to go on from; None: the training is new."""

    @property
    def callbacks(self) -> Sequence[Callback]:
        """Of the trainer, beside the tracker."""

    def tracking(self, module: OneLayer, data: DataModule) -> AbstractContextManager[Tracker]:
        """Return what follows the stack, whose training begins; it closes what it opened."""

    def trained(self, trainer: Trainer) -> None:
        """Take note that the fit is over; raise `CutShort` where the runs are to go on another time."""


@dataclass(frozen=True)
class WarmStart:
    """Where the only run of a stack goes on without a checkpoint.

    Attributes:
        theta: (outputs, columns).
        state: as `OneLayer.stack_state` returned it; None for a new optimizer.
        epochs: it has trained.
    """

    theta: Tensor
    state: dict[str, Any] | None
    epochs: int


def train_stack(
    specs: Sequence[RunSpec],
    data: DataModule,
    sink: Sink,
    *,
    max_epochs: int | None = None,
    reference: bool = True,
    solved: Solved | None = None,
    start: WarmStart | None = None,
) -> None:
    """Train runs that share their data, their batches and their number of epochs.

    Args:
        specs: of the runs, which `check_run` has checked; neighbours with equal optimizer settings share an optimizer.
        data: what all of them see.
        sink: takes each run when it ends.
        max_epochs: to be reached, those of `start` included; None: as the specifications say.
        reference: solve the objective of each run exactly, too.
        solved: references that are known of these train rows; those found now are added.
        start: where the only run goes on.

    Raises:
        UserError: something that only the data could show to be wrong.
        Interrupted: after Ctrl-C or a termination, where the sink keeps a checkpoint.
    """
    shared = specs[0]
    epochs = shared.trainer.max_epochs if max_epochs is None else max_epochs
    # seeded for what draws from torch's global sources, as a DataLoader does in any case, and given back as they were
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    with ONE_AT_A_TIME, _quiet(), torch.random.fork_rng(devices):
        torch.manual_seed(shared.seed)
        module = stack_of(specs, reference=reference)
        module.attach(data, max_epochs=epochs, solved=solved)
        with sink.tracking(module, data) as tracker:
            trainer = trainer_of(shared, tracker, *sink.callbacks, max_epochs=epochs)
            if start is not None:
                _go_on(module, trainer, start)
            with few_threads(module.work(data.batch_size)):  # what is measured after the fit is measured alike
                _fit(trainer, module, data, sink.checkpoint)
                sink.trained(trainer)
                last = tracker.checkpoint(trainer)  # before the verdict, which a run that goes on has not had
                rest = tracker.judge.finish(module, epochs)
                sink.write(rest.nonzero().flatten().tolist(), last)


def train_or_halve(
    runs: Sequence[T],
    train: Callable[[Sequence[T]], None],
    *,
    has_ended: Callable[[T], bool],
    failed: Callable[[T, Exception], None],
) -> list[Sequence[T]]:
    """Train a stack; where something stops all of it that is no run's own, return its halves, which are to be tried.

    Args:
        runs: of the stack.
        train: trains them.
        has_ended: whether a run has ended or failed by itself.
        failed: takes what stopped a run that is alone.

    Returns:
        Nothing, or the halves of the runs that have not ended. They are for the caller to train: here the error would
        hold the memory of the stack that it stopped.

    Raises:
        NoRoom: a disk is full, as it would be for the halves.
    """
    try:
        train(runs)
    except CutShort:
        raise
    except Exception as error:
        if is_full(error):
            raise NoRoom(sentence(error)) from None
        left = [run for run in runs if not has_ended(run)]
        if len(left) > 1:
            log.debug(f"a stack of {len(runs)} runs stopped, its halves are tried", exc_info=error)
            return [left[: len(left) // 2], left[len(left) // 2 :]]
        for run in left:
            failed(run, error)
    return []


def stack_of(specs: Sequence[RunSpec], *, reference: bool = True) -> OneLayer:
    """Return the stack of some runs that share their data and their model; a tracker is to follow each.

    Args:
        specs: of each run.
        reference: whether the exact optimum is looked for.
    """
    model = specs[0].model
    args: dict[str, Any] = {}  # equal ones are one object, which a checkpoint holds once
    module = OneLayer(
        optimizer=[spec.optim.name for spec in specs],
        lr=[spec.optim.lr for spec in specs],
        optimizer_args=[args.setdefault(f"{spec.optim.args}", spec.optim.args) for spec in specs],
        l2=[spec.model.l2 for spec in specs],
        seed=[spec.seed for spec in specs],
        init=[spec.model.init for spec in specs],
        init_std=[spec.model.init_std for spec in specs],
        scheduler=[spec.scheduler.name for spec in specs],
        scheduler_args=[
            args.setdefault(f"{spec.scheduler}", {**spec.scheduler.args, "interval": spec.scheduler.interval})
            if spec.scheduler.name
            else None
            for spec in specs
        ],
        objective=model.objective,
        link=model.link,
        bias=model.bias,
        hidden=model.hidden,
        monitor=specs[0].monitor,
        reference=reference,
    )
    module.tracked = True
    return module


def trainer_of(spec: RunSpec, tracker: Tracker, *more: Callback, max_epochs: int) -> Trainer:
    """Return Lightning's trainer; the tracker does the logging, the checkpoints and the bar for every run."""
    return Trainer(
        accelerator=spec.trainer.accelerator,
        devices=spec.trainer.devices,
        precision="64-true" if spec.data.dtype == "float64" else "32-true",
        max_epochs=max_epochs,
        max_time=spec.trainer.max_time,
        check_val_every_n_epoch=spec.trainer.check_val_every_n_epoch,
        deterministic=spec.trainer.deterministic,
        logger=False,
        callbacks=[tracker, *more],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=None if tracker.validates else 0,
        default_root_dir=None if tracker.path is None else tracker.path.parent,
    )


def _fit(trainer: Trainer, module: OneLayer, data: DataModule, checkpoint: Path | None) -> None:
    """Fit; Ctrl-C is what it is everywhere in Python."""
    before = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as stop:  # Lightning's answer to Ctrl-C, after which it would never be heard again
        signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt from stop
    finally:
        data.trainer = None


def _go_on(module: OneLayer, trainer: Trainer, start: WarmStart) -> None:
    """Take up weights, optimizer and the count of epochs."""
    module.linear.theta.data.copy_(start.theta)
    if start.state is not None:
        module.resume(start.state)
    # batches are drawn by the number of the epoch
    done = trainer.fit_loop.epoch_progress.current
    done.load_state_dict(dict.fromkeys(("ready", "started", "processed", "completed"), start.epochs))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Lightning says of seeds, devices and workers, and leave logging and warnings as they were."""
    lightning = logging.getLogger("lightning.pytorch")
    level = lightning.level
    lightning.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for message in QUIET:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        lightning.setLevel(level)
