"""From a specification to the objects that train it; beyond here classes take typed keywords."""

from collections.abc import Callable

import torch

from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.prepare import Prepared
from onelayer.errors import UserError
from onelayer.model.defined import undefined
from onelayer.model.metrics import check_monitor
from onelayer.model.module import OneLayer
from onelayer.prepared import load_table, prepare_data

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
