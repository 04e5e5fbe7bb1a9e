"""From a specification to the objects that train it; beyond here classes take typed keywords."""

from collections.abc import Callable, Sequence

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.prepare import Prepared
from onelayer.data.preprocess import scaled_coefficients
from onelayer.errors import UserError
from onelayer.model.defined import undefined
from onelayer.model.direction import higher_is_better
from onelayer.model.linear import StackedLinear
from onelayer.model.metrics import COSTLY, METRICS, check_monitor
from onelayer.model.module import OneLayer
from onelayer.model.objectives import Objective
from onelayer.model.optimizers import OptimizerSettings, refuse_auto_lr, refuse_misfit
from onelayer.model.schedule import Schedule, ScheduleSettings
from onelayer.optimum.reference import Solver
from onelayer.optimum.truth import Solved, Truth
from onelayer.prepared import load_table, prepare_data
from onelayer.track.tracker import Tracker

# what to do about a metric without a value
REMEDY = {
    "r2": "set monitor=val/loss, or validate on more rows",
    **dict.fromkeys(("auroc", "f1"), "set monitor=val/loss, or validate on rows of every class"),
}
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def build_data(spec: RunSpec, lent: Callable[[], Prepared] | None = None) -> DataModule:
    """Cut rows into batches; None: those that the specification names are read and prepared."""
    return DataModule(
        lent() if lent else prepare_data(spec, load_table(spec)),
        again=lent,
        batch_size=spec.data.batch_size,
        shuffle=spec.data.shuffle,
        order_seed=spec.seed,
        dtype=DTYPES[spec.data.dtype],
    )


def build_module(
    specs: Sequence[RunSpec], data: DataModule, objective: Objective, solved: Solved | None = None
) -> OneLayer:
    """Stack the runs: start weights, optimizers, schedules, and the truth they are judged by.

    Args:
        specs: of each run.
        data: what all of them see.
        objective: their loss.
        solved: references that are known of these train rows; those found now are added.
    """
    shared, bias, hidden = specs[0], specs[0].model.bias, specs[0].model.hidden
    n_outputs = data.n_outputs
    # LBFGS wants the numbers of a run in one piece, and so do the products of two layers
    by_column = data.prepared.sparse and hidden is None and all(spec.optim.name != "LBFGS" for spec in specs)
    stack = StackedLinear(
        len(specs), data.n_features, n_outputs, bias=bias, hidden=hidden, dtype=data.dtype, by_column=by_column
    )
    stack.start([s.seed for s in specs], [s.model.init for s in specs], [s.model.init_std or 0.01 for s in specs])
    l2 = [spec.model.l2 for spec in specs]
    solver = Solver(data.train, objective, n_outputs=n_outputs, bias=bias, classes=data.prepared.classes)
    rates = learning_rates(specs, solver)
    settings = [
        OptimizerSettings.of(spec.optim.name, lr, spec.optim.args) for spec, lr in zip(specs, rates, strict=True)
    ]
    schedules = [ScheduleSettings(s.scheduler.name, s.scheduler.args, s.scheduler.interval) for s in specs]
    for one, schedule in zip(settings, schedules, strict=True):
        refuse_misfit(one, full_batch=data.steps_per_epoch == 1, scheduled=schedule.name is not None)
    return OneLayer(
        stack,
        objective,
        settings,
        l2,
        schedule=Schedule(
            [one.lr for one in settings],
            schedules,
            epochs=shared.trainer.max_epochs,
            steps_per_epoch=data.steps_per_epoch,
            higher_is_better=higher_is_better(shared.monitor),
        ),
        truth=Truth(
            solver,
            l2,
            architecture=stack.architecture,
            known=known_theta(data.prepared, bias) if hidden is None else None,
            solved=solved,
        ),
        metrics=[name for name in METRICS[data.task] if name not in COSTLY or shared.monitor == f"val/{name}"],
        monitor=shared.monitor,
        unit=torch.from_numpy(data.prepared.y_scale.scale),
    )


def build_trainer(spec: RunSpec, tracker: Tracker, *more: Callback) -> Trainer:
    """Return Lightning's trainer; the tracker does the logging, the checkpoints and the bar for every run."""
    return Trainer(
        accelerator=spec.trainer.accelerator,
        devices=spec.trainer.devices,
        precision="64-true" if spec.data.dtype == "float64" else "32-true",
        max_epochs=spec.trainer.max_epochs,
        max_time=spec.trainer.max_time,
        check_val_every_n_epoch=spec.trainer.check_val_every_n_epoch,
        deterministic=spec.trainer.deterministic,
        logger=False,
        callbacks=[tracker, *more],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=None if tracker.validates else 0,
        default_root_dir=tracker.path.parent,
    )


def learning_rates(specs: Sequence[RunSpec], solver: Solver) -> list[float]:
    """Return the learning rate of each run; ``auto`` is 1/L of its objective on the train rows.

    Raises:
        UserError: auto for an optimizer whose step has another size, or for a loss of boundless curvature.
    """
    for spec in specs:
        refuse_auto_lr(spec.optim.name, spec.optim.lr, solver.objective)
    if all(spec.optim.lr != "auto" for spec in specs):
        found = [0.0] * len(specs)
    else:
        found = solver.auto_lr([spec.model.l2 for spec in specs])
    return [auto if spec.optim.lr == "auto" else spec.optim.lr for spec, auto in zip(specs, found, strict=True)]


def known_theta(data: Prepared, bias: bool) -> torch.Tensor | None:
    """Return the weights that made the data, (outputs, columns) for its scaled form; None where they are not known."""
    if data.known is None:
        return None
    weight, constant = scaled_coefficients(*data.known, data.x_scale, data.y_scale)
    parts = [torch.from_numpy(weight)] + ([torch.from_numpy(constant)[:, None]] if bias else [])
    return torch.cat(parts, 1)


def refuse_missing_device(spec: RunSpec) -> None:
    """Say in one sentence what Lightning says in a traceback.

    Raises:
        UserError: the accelerator is not there.
    """
    there = {
        "gpu": torch.cuda.is_available() or torch.backends.mps.is_available(),
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    number = spec.trainer.devices[0] if isinstance(spec.trainer.devices, list) else 0
    if spec.trainer.accelerator in ("gpu", "cuda") and number >= torch.cuda.device_count() > 0:
        raise UserError(f"trainer.devices=[{number}]: this machine has {torch.cuda.device_count()} GPUs, from 0 on")
    if not there.get(spec.trainer.accelerator, True):
        raise UserError(
            f"trainer.accelerator={spec.trainer.accelerator}: torch finds no such device on this machine; "
            "use trainer=cpu"
        )


def refuse_undefined_monitor(monitor: str, data: DataModule) -> None:
    """Refuse to choose weights by what has no value on these rows, or the same for all weights.

    Raises:
        UserError: with another metric, or how to get other rows.
    """
    check_monitor(monitor, data.task, data.prepared.streams)
    stage, _, metric = monitor.partition("/")
    if stage != "val" or metric == "loss":  # without rows the last weights are delivered, as is said
        return
    if not len(data.val):
        raise UserError(
            f"monitor={monitor}: there are no validation rows; set data.split.val above 0, or monitor=train/loss"
        )
    rows = ((block.y, block.sample_weight) for block in data.measured("val"))
    reason = undefined(metric, rows, data.prepared.classes, "validation")
    if reason:
        raise UserError(f"monitor={monitor} has no value: {reason}; {REMEDY[metric]}")


def refuse_blind_monitor(spec: RunSpec, module: OneLayer) -> None:
    """Refuse to choose weights by a distance to something that is not known, or is where they start.

    Raises:
        UserError: no reference, no known weights, or no way between zero weights and them.
    """
    assert module.truth is not None
    if spec.monitor == "train/rel_gap" and module.truth.unmeasured:
        raise UserError(
            "monitor=train/rel_gap has no value: zero weights are the optimum already; set monitor=train/loss"
        )
    for reference in module.truth.references:
        if spec.monitor in ("train/gap", "train/rel_gap") and reference.theta is None:
            raise UserError(f"monitor={spec.monitor}: there is nothing to measure it against ({reference.note})")
    if spec.monitor == "train/weight_error" and spec.model.hidden is not None:
        raise UserError(f"monitor={spec.monitor}: no true weights are known of model.hidden={spec.model.hidden} units")
    known = module.truth.known
    if spec.monitor == "train/weight_error" and known is None:
        raise UserError(f"monitor={spec.monitor}: the true weights of data={spec.data.source} are not known")
    if spec.monitor == "train/weight_error" and known is not None and not known.any():
        raise UserError(f"monitor={spec.monitor} has no value: the true weights are all 0; set monitor=train/loss")
