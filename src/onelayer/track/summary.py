"""What is said of a run: before it starts, and when it has ended."""

from collections.abc import Mapping
from math import isfinite, isnan
from pathlib import Path
from typing import Any

from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.preprocess import NO_CONSTANT
from onelayer.optimum import Reference


def announced(spec: RunSpec, data: DataModule, objective: str, lr: float) -> list[str]:
    """Say what is about to happen, and what was made of the data."""
    rows = f"{len(data.train)} train, {len(data.val)} val, {len(data.test)} test rows"
    hidden = "" if spec.model.hidden is None else f"{spec.model.hidden} hidden units, "
    line = (
        f"{spec.data.source}: {rows} x {data.n_features} features -> {objective}, {hidden}"
        f"{spec.optim.name} lr {spec.optim.lr}, batch {data.batch_size}, {spec.trainer.max_epochs} epochs"
    )
    notes = [f"  {note}" for note in data.prepared.notes]
    if not spec.model.bias and (data.prepared.x_scale.shift.any() or data.prepared.y_scale.shift.any()):
        notes.append(f"  {NO_CONSTANT}")
    if not len(data.val) and spec.monitor.startswith("val/"):
        notes.append("  no validation rows: the last weights are delivered")
    return [line, *notes, f"lr auto: 1/L = {lr:.4g}"] if spec.optim.lr == "auto" else [line, *notes]


def announced_reference(reference: Reference) -> str:
    """Say what the exact optimum is, or why there is none."""
    note = f" ({reference.note})" if reference.note else ""
    said = reference.note if reference.theta is None else f"objective {reference.value:.6g}{note}"
    return f"exact optimum: {said}"


def summary(result: Mapping[str, Any], directory: Path) -> str:
    """Say in one line how a run ended."""
    metrics, note = result["metrics"], result["reference"]["note"]
    parts = [result["status"]]
    for stage in ("val", "test"):
        name = next((name for name in ("r2", "accuracy") if f"{stage}/{name}" in metrics), None)
        if name is not None:
            value = metrics[f"{stage}/{name}"]
            parts.append(f"{stage} {name} " + ("undefined" if isnan(value) else f"{value:.4g}"))
    if len(parts) > 1:
        parts[-1] += f" (epoch {result['best_epoch']})"
    elif result["status"] != "diverged":
        parts.append(f"train loss {metrics['train/loss']:.4g}")
    if result["status"] == "diverged":
        parts.append(f"at epoch {result['epochs']}: try a smaller optim.lr")
    elif isnan(metrics["train/gap"]):
        why = note.partition(":")[0].replace("skipped", "no exact optimum")
        parts.append(f"gap unknown ({why})")
    else:
        relative = f"relative {metrics['train/rel_gap']:.2g}"
        parts.append(f"gap {metrics['train/gap']:.3g} (epoch {result['epochs']}, {relative})")
    judged = metrics.get(result["monitor"])
    if judged is not None and not isfinite(judged) and result["status"] != "diverged":
        parts.append(f"{result['monitor']} has no value, so that it could not choose the weights")
    parts.append(f"{result['epochs']} epochs in {result['seconds']:.2f} s of steps")
    try:
        shown_at = directory.relative_to(Path.cwd())
    except ValueError:
        shown_at = directory
    return "  ".join([*parts, str(shown_at)])
