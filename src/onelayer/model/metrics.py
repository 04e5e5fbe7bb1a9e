"""What is measured on a part of the data, for all runs of a stack at once.

Every metric is a mean over rows, or a ratio of sums over rows, so parts and batches of any size weigh by their rows.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from onelayer.errors import UserError, did_you_mean
from onelayer.model.objectives import Objective

CLASSES = ("loss", "log_loss", "accuracy", "f1", "auroc")
METRICS = {"regression": ("loss", "mse", "mae", "r2"), "binary": CLASSES, "multiclass": CLASSES}
# a sort of all rows for every run: too dear to be drawn as a curve unless it is watched
COSTLY = frozenset({"auroc"})
# what an epoch says of the train rows, beside their loss
TRAIN_CURVES = ("loss", "objective", "gap", "rel_gap", "weight_error")


def check_monitor(monitor: str, task: str) -> None:
    """Check that ``stage/name`` is something that a run of this task measures each epoch.

    Raises:
        UserError: with the names there are.
    """
    known = [f"val/{name}" for name in METRICS[task]] + [f"train/{name}" for name in TRAIN_CURVES]
    if monitor not in known:
        hint = did_you_mean(monitor, known) or f"; there are {', '.join(known)}"
        raise UserError(f"monitor={monitor}: a {task} run has no such metric{hint}")


def measure(
    names: Sequence[str], objective: Objective, logits: Tensor, target: Tensor, unit: Tensor | None = None
) -> dict[str, Tensor]:
    """Measure all runs on the same rows.

    Args:
        names: which metrics, out of `METRICS`.
        objective: gives the loss and the predictions.
        logits: (runs, rows, outputs).
        target: as the objective wants it.
        unit: (outputs,), what one unit of a scaled target is in original units; mse and mae are given in those.

    Returns:
        (runs,) for each name.
    """
    values: dict[str, Tensor] = {}
    if "loss" in names or "log_loss" in names:
        loss = objective.loss(logits, target).mean(-1)
        values |= {name: loss for name in ("loss", "log_loss") if name in names}
    if objective.task == "regression":
        values |= _regression(names, logits, target, unit)
    else:
        values |= _classification(names, logits, target)
    return {name: values[name] for name in names}


def _regression(names: Sequence[str], logits: Tensor, target: Tensor, unit: Tensor | None) -> dict[str, Tensor]:
    error = logits - target
    squared = error.square().mean(1)
    unit = squared.new_ones(()) if unit is None else unit.to(squared)
    values = {"mse": (squared * unit.square()).mean(-1), "mae": (error.abs().mean(1) * unit).mean(-1)}
    if "r2" in names:
        spread = target.var(0, correction=0)
        values["r2"] = (1 - squared / spread).mean(-1) if len(target) > 1 else torch.full_like(values["mse"], torch.nan)
    return values


def _classification(names: Sequence[str], logits: Tensor, target: Tensor) -> dict[str, Tensor]:
    values: dict[str, Tensor] = {}
    binary = logits.shape[-1] == 1
    truth = target[:, 0].long() if binary else target
    if "accuracy" in names or "f1" in names:
        predicted = (logits[..., 0] > 0).long() if binary else logits.argmax(-1)
        counts = confusion(predicted, truth, 2 if binary else logits.shape[-1])
        hits = counts.diagonal(dim1=1, dim2=2)
        sound = torch.where(logits.isnan().any(-1).any(-1), torch.nan, 1.0)
        values["accuracy"] = sound * hits.sum(-1) / len(truth)
        f1 = 2 * hits / (counts.sum(1) + counts.sum(2)).clamp(min=1)
        present = counts.sum(1) + counts.sum(2) > 0
        values["f1"] = sound * (f1[:, 1] if binary else f1.sum(-1) / present.sum(-1))
    if "auroc" in names:
        scores = logits if binary else logits.softmax(-1)
        members = truth[:, None] == torch.arange(1 if binary else logits.shape[-1], device=truth.device) + binary
        values["auroc"] = torch.stack([auroc(scores[..., k], members[:, k]) for k in range(scores.shape[-1])]).mean(0)
    return values


def confusion(predicted: Tensor, truth: Tensor, n_classes: int) -> Tensor:
    """Count rows by true class (first) and predicted class (second).

    Args:
        predicted: (runs, rows) int64.
        truth: (rows,) int64.
        n_classes: how many there are.

    Returns:
        (runs, n_classes, n_classes) float.
    """
    cell = truth * n_classes + predicted
    counts = torch.zeros(len(predicted), n_classes**2, device=cell.device)
    return counts.scatter_add_(1, cell, counts.new_ones(()).expand_as(cell)).view(-1, n_classes, n_classes)


def auroc(scores: Tensor, positive: Tensor) -> Tensor:
    """Area under the ROC curve, as the Mann-Whitney statistic with mean ranks for ties.

    Args:
        scores: (runs, rows).
        positive: (rows,) bool.

    Returns:
        (runs,), NaN where only one class is present.
    """
    if scores.device.type == "mps":  # it has no float64, which ranks need
        scores, positive = scores.cpu(), positive.cpu()
    ordered = scores.sort(-1).values.contiguous()
    scores = scores.contiguous()
    below = torch.searchsorted(ordered, scores)
    up_to = torch.searchsorted(ordered, scores, right=True)
    rank = (below + up_to + 1).double() / 2
    n_positive = positive.sum()
    n_negative = len(positive) - n_positive
    statistic = rank[:, positive].sum(-1) - n_positive * (n_positive + 1) / 2
    area = statistic / (n_positive * n_negative)
    return torch.where(scores.isnan().any(-1), torch.nan, area)
