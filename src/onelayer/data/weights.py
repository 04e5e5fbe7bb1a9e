"""What each row counts.

A row counts in the loss by its sample weight times the weight of its class, in the other metrics by its sample weight:
a sample weight says how many rows one stands for, a class weight what an error costs.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from onelayer.data.table import Array, Table
from onelayer.errors import UserError, did_you_mean


def class_weights(
    target: str, classes: tuple[str, ...] | None, rows: Array, asked: Literal["balanced"] | Mapping[str, float] | None
) -> Array | None:
    """Return what each class counts, (classes,); None: all alike.

    Balanced is n / (classes * rows of the class), as in scikit-learn.

    Args:
        target: its name.
        classes: their names; None for a number.
        rows: (classes,), train rows of each class, by their sample weight.
        asked: `data.class_weight`.

    Raises:
        UserError: no such class, or no classes at all.
    """
    if asked is None:
        return None
    if classes is None:
        raise UserError(f"data.class_weight={asked} needs classes, '{target}' is a number; leave it null")
    if asked == "balanced":
        if not rows.all():
            absent = classes[int(rows.argmin())]
            raise UserError(f"data.class_weight=balanced: class '{absent}' has no train rows; give weights by name")
        return np.asarray(rows.sum() / (len(rows) * rows))
    for name in asked:
        if name not in classes:
            known = did_you_mean(name, classes) or f"; there are {', '.join(classes)}"
            raise UserError(f"data.class_weight: '{target}' has no class '{name}'{known}")
    return np.array([float(asked.get(name, 1.0)) for name in classes])


def weigh(table: Table, rows: Array, per_class: Array | None) -> tuple[Tensor | None, Tensor | None]:
    """Return what rows count in the loss and in other metrics, (rows,) each, 1 on average; None: all alike.

    Raises:
        UserError: all of them count nothing.
    """
    if table.sample_weight is None and per_class is None:
        return None, None
    sample_weight = _sample_weight(table, rows)
    weight = sample_weight if per_class is None else sample_weight * per_class[table.target[rows].astype(np.int64)]
    if len(rows) and not weight.any():
        raise UserError("data.sample_weight: all rows of a part count 0; split otherwise (data.split.seed)")
    in_loss = torch.from_numpy(weight / weight.mean()) if len(rows) else torch.from_numpy(weight)
    if per_class is None:
        return in_loss, in_loss
    if table.sample_weight is None:
        return in_loss, None
    return in_loss, torch.from_numpy(sample_weight / sample_weight.mean()) if len(rows) else in_loss


def _sample_weight(table: Table, rows: Array) -> Array:
    return np.ones(len(rows)) if table.sample_weight is None else table.sample_weight[rows].astype(np.float64)
