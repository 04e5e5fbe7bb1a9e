"""The end of a stack: final numbers, the delivered model, figures, and last of all result.json."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import sklearn
import torch
from lightning.pytorch import Trainer

import onelayer
from onelayer.artefact import Artefact
from onelayer.config import RunSpec
from onelayer.data.module import Part, TableDataModule
from onelayer.model.linear import logits_of
from onelayer.model.metrics import METRICS
from onelayer.model.module import OneLayer
from onelayer.track.rundir import BEST, MODEL, write_result
from onelayer.track.tracker import Tracker

Result = dict[str, Any]
# what does not change the numbers of a run
IRRELEVANT = ("logger", "resume", "checkpoint_seconds")

# in result.json, but no column of the HParams tab
REPEATED = ("train/loss", "train/objective", "train/mse", "train/mae", "train/r2", "train/log_loss", "train/f1")
# switches between ways to compute the same
SWITCHES = {"foreach", "fused", "capturable", "differentiable", "maximize"}


@dataclass(frozen=True)
class Run:
    """One run: what it says, where it writes, and the overrides that made it."""

    spec: RunSpec
    directory: Path
    overrides: tuple[str, ...] = ()


def collect(
    runs: Sequence[Run], data: TableDataModule, module: OneLayer, trainer: Trainer, tracker: Tracker
) -> list[Result]:
    """Measure, deliver and write down every run of a trained stack.

    ``train/*`` are measured where training ended; ``val/*`` and ``test/*`` with the best weights, which `model/` holds.
    """
    assert tracker.best_theta is not None
    module.metrics = METRICS[data.task]
    (block,) = data.train_dataloader()
    last = {f"train/{name}": value for name, value in module.measure(block, module.metrics).items()} | module.values
    module.linear.theta.data.copy_(tracker.best_theta)
    if len(data.val):
        trainer.validate(module, data, verbose=False)
    if len(data.test):
        trainer.test(module, data, verbose=False)
    best = {name: value for name, value in module.values.items() if not name.startswith("train/")}
    trainer.save_checkpoint(runs[0].directory / BEST, weights_only=True)
    values = {name: value.tolist() for name, value in (last | best).items()}
    return [
        _finish(run, {name: column[index] for name, column in values.items()}, data, module, tracker, index)
        for index, run in enumerate(runs)
    ]


def _finish(
    run: Run, metrics: dict[str, float], data: TableDataModule, module: OneLayer, tracker: Tracker, index: int
) -> Result:
    assert module.truth is not None
    reference = module.truth.references[index]
    result = {
        "status": tracker.status[index],
        "metrics": dict(sorted(metrics.items())),
        "reference": {"objective": reference.value, "note": reference.note},
        "epochs": tracker.epochs[index],
        "best_epoch": tracker.best_epoch[index],
        "steps": tracker.epochs[index] * data.steps_per_epoch,
        "seconds": module.seconds / len(tracker.directories),
        "seed": run.spec.seed,
        "device": tracker.device,
        "threads": torch.get_num_threads(),
        "lr": module.settings[index].lr,
        "overrides": list(run.overrides),
        "config_hash": config_hash(run.spec),
        "data_hash": tracker.data_hash,
        "versions": versions(),
    }
    _deliver(run, result, data, module, index)
    if tracker.writers:
        writer = tracker.writers[index]
        if run.spec.logger.figures and result["status"] != "diverged":
            _draw(run, writer, data, module, index, tracker.epochs[index])
        kept = {name: value for name, value in metrics.items() if np.isfinite(value) and name not in REPEATED}
        # TensorBoard sorts by name: after train/ and val/, so that the curves come first
        verdict = {f"verdict/{name}": value for name, value in kept.items()}
        writer.hparams(hparams(run.spec, module.settings[index].lr), verdict)
        writer.flush()
    write_result(run.directory, result)
    return result


def config_hash(spec: RunSpec) -> str:
    """Hash of everything in a specification that changes its numbers."""
    plain = spec.model_dump(exclude=set(IRRELEVANT))
    plain["trainer"].pop("enable_progress_bar")
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    """Name what the numbers were computed with."""
    found = {module.__name__: str(module.__version__) for module in (onelayer, torch, lightning, np, sklearn)}
    return {"python": platform.python_version(), **found}


def hparams(spec: RunSpec, lr: float) -> dict[str, Any]:
    """Return the settings of a run as flat names, as users type them."""
    plain = spec.model_dump(exclude={*IRRELEVANT, "trainer"})
    plain["optim"] = {key: value for key, value in plain["optim"].items() if key not in SWITCHES} | {"lr": lr}
    flat = _flatten(plain) | {"trainer.max_epochs": spec.trainer.max_epochs}
    return {name: value for name, value in flat.items() if value is not None}


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _deliver(run: Run, result: Result, data: TableDataModule, module: OneLayer, index: int) -> None:
    weight = module.linear.weight[index].detach().cpu().numpy()
    bias = module.linear.bias
    table = data.table
    Artefact(
        weight=weight,
        bias=np.zeros(len(weight), weight.dtype) if bias is None else bias[index].detach().cpu().numpy(),
        x_shift=data.x_scale.shift,
        x_scale=data.x_scale.scale,
        y_shift=data.y_scale.shift,
        y_scale=data.y_scale.scale,
        header={
            "objective": module.objective.name,
            "task": data.task,
            "columns": list(table.columns),
            "target": table.target_name,
            "classes": list(table.classes) if table.classes else None,
            "l2": module.l2[index],
            "best_epoch": result["best_epoch"],
            "data_hash": result["data_hash"],
            "versions": result["versions"],
        },
    ).save(run.directory / MODEL)


def _draw(run: Run, writer: Any, data: TableDataModule, module: OneLayer, index: int, epoch: int) -> None:
    from onelayer.track.figures import draw, to_png

    named: list[tuple[str, Part]] = [("test", data.test), ("val", data.val), ("train", data.train)]
    name, part = next((name, part) for name, part in named if len(part))
    theta = module.linear.theta.data[index : index + 1]
    logits = logits_of(theta, part.x.to(theta))
    prediction = module.objective.predict(logits)[0].detach().double().cpu().numpy()
    target = part.y.numpy().reshape(len(part), -1)
    if data.task == "regression":
        prediction, target = data.y_scale.undo(prediction), data.y_scale.undo(target)
    figure = draw(data.task, prediction, target[:, 0], data.table.classes, f"{data.table.target_name}, {name} rows")
    writer.image(f"{name}/{'residuals' if data.task == 'regression' else 'predictions'}", *to_png(figure), epoch)
