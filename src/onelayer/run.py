"""The pipeline: specs -> data -> stack -> fit -> results."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

import torch
from lightning.pytorch import seed_everything

from onelayer.build import build_data, build_module, build_trainer, refuse_blind_monitor, refuse_missing_device
from onelayer.config import RunSpec
from onelayer.data.module import TableDataModule
from onelayer.model.metrics import check_monitor
from onelayer.model.module import OneLayer
from onelayer.model.objectives import Objective, choose_objective
from onelayer.resume import checkpoint_of
from onelayer.track.progress import EpochBar
from onelayer.track.results import Result, Run, collect
from onelayer.track.rundir import resume_argument
from onelayer.track.signals import GracefulEnd
from onelayer.track.tracker import Tracker

log = logging.getLogger("onelayer")
# multiplications a step: below, threads wait for each other longer than they work, above all on a busy machine
ONE_THREAD = 4_000_000


class Interrupted(Exception):  # noqa: N818
    """The run was asked to stop and can be resumed; `number` is the signal that asked."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


def train(run: Run) -> Result:
    """Train a run, which is a stack of one, and write it down.

    Raises:
        UserError: something that only the data or the machine could show to be wrong.
        Interrupted: after Ctrl-C or a termination, with last.ckpt saved.
    """
    spec = run.spec
    refuse_missing_device(spec)
    seed_everything(spec.seed, workers=True, verbose=False)
    data = build_data(spec)
    data_hash = data.data_hash()
    objective = choose_objective(spec.model.objective, data.task)
    check_monitor(spec.monitor, data.task)
    announce(spec, data, objective)
    module = build_module([spec], data, objective)
    announce_reference(module)
    refuse_blind_monitor(spec, module)
    checkpoint = checkpoint_of(spec, data_hash)
    with EpochBar(spec.trainer.max_epochs, shown=spec.trainer.enable_progress_bar) as bar:
        tracker = Tracker(
            [run.directory],
            monitor=spec.monitor,
            patience=spec.patience,
            validates=len(data.val) > 0,
            checkpoint_seconds=spec.checkpoint_seconds,
            data_hash=data_hash,
            tensorboard=spec.logger.tensorboard,
            bar=bar,
        )
        end = GracefulEnd()
        trainer = build_trainer(spec, tracker, end)
        work = data.batch_size * module.linear.theta.numel()
        with closing(tracker), few_threads(work):
            trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
            tracker.save_last(trainer)
            if end.received and bool(module.active.any()) and tracker.epochs[0] < spec.trainer.max_epochs:
                said = f"interrupted after epoch {tracker.epochs[0]}; go on with {resume_argument(run.directory)}"
                raise Interrupted(end.received, said)
            tracker.finish(module, spec.trainer.max_epochs)
            (result,) = collect([run], data, module, trainer, tracker)
    return result


def announce(spec: RunSpec, data: TableDataModule, objective: Objective) -> None:
    """Say what is about to happen."""
    rows = f"{len(data.train)} train, {len(data.val)} val, {len(data.test)} test rows"
    log.info(
        f"{spec.data.source}: {rows} x {data.n_features} features -> {objective.name}, "
        f"{spec.optim.name} lr {spec.optim.lr}, batch {data.batch_size}, {spec.trainer.max_epochs} epochs"
    )


def announce_reference(module: OneLayer) -> None:
    """Say what the exact optimum is, or why there is none."""
    assert module.truth is not None
    reference = module.truth.references[0]
    note = f" ({reference.note})" if reference.note else ""
    said = reference.note if reference.theta is None else f"objective {reference.value:.6g}{note}"
    log.info(f"exact optimum: {said}")


@contextmanager
def few_threads(work: int) -> Iterator[None]:
    """Keep to one thread where a second one costs more than it brings.

    Args:
        work: multiplications of a batch with all weights of the stack.
    """
    before = torch.get_num_threads()
    if work < ONE_THREAD:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
