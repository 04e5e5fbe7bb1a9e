"""How a run ended, in numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.model.metrics import metrics_of
from onelayer.model.module import OneLayer
from onelayer.track.tracker import Tracker

Result = dict[str, Any]


def measured(ended: Sequence[int], module: OneLayer, best: Tensor, data: DataModule) -> dict[str, Tensor]:
    """Measure runs that have ended: ``train/*`` where training ended, ``val/*`` and ``test/*`` with the best weights.

    Args:
        ended: rising indices into the present stack.
        module: the stack.
        best: (runs that have ended, outputs, columns), on the device of the stack.
        data: what they were trained on.

    Returns:
        (runs that have ended,) for each stage/name.
    """
    theta = module.linear.theta.data[ended]
    names = metrics_of(data.task, data.prepared.streams)
    values = {name: value[ended] for name, value in module.values.items() if name.startswith("train/")}
    stages: tuple[tuple[Literal["train", "val", "test"], Tensor], ...] = (
        ("train", theta),
        ("val", best),
        ("test", best),
    )
    for stage, weights in stages:
        blocks = (data.transfer_batch_to_device(block, theta.device, 0) for block in data.measured(stage))
        values |= module.measure(stage, blocks, names, weights)
    return values


def conclusion(
    index: int, metrics: Mapping[str, float], spec: RunSpec, data: DataModule, module: OneLayer, tracker: Tracker
) -> Result:
    """Say how a run of the present stack ended, as in result.json but for what identifies it."""
    assert module.truth is not None
    reference, judge = module.truth.references[index], tracker.judge
    steps = judge.epochs[index] * data.steps_per_epoch
    evaluations = module.evaluated(index)
    return {
        "status": judge.status[index],
        "metrics": dict(sorted(metrics.items())),
        "monitor": spec.monitor,
        "reference": {"objective": reference.value, "note": reference.note},
        "epochs": judge.epochs[index],
        "best_epoch": judge.best_epoch[index],
        "rows": {name: len(part) for name, part in (("train", data.train), ("val", data.val), ("test", data.test))},
        "given": list(data.prepared.given),
        "steps": steps,
        "evaluations": steps if evaluations is None else evaluations,
        "seconds": float(module.seconds[index]),
        "seed": spec.seed,
        "random": spec.is_random(data.steps_per_epoch),
        "device": tracker.device,
        "threads": torch.get_num_threads(),
        "lr": module.settings[index].lr,
    }
