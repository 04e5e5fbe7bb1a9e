"""Whether a metric has a value on some rows, whatever the weights are.

Of one class there are no pairs in a right or a wrong order, and of a constant target there is no variance to be
explained. f1 without a row of its class is a number, 0, but the same for all weights.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def undefined(
    metric: str, rows: Iterable[tuple[Tensor, Tensor | None]], classes: Sequence[str] | None, what: str
) -> str:
    """Say why a metric cannot tell weights apart; "" where it can. Rows are looked at until that is known.

    Args:
        metric: a name out of `METRICS`.
        rows: target as the objective wants it, and what each row counts, (rows,); None: one.
        classes: their names; None of a number.
        what: the rows are called.
    """
    if metric == "r2":
        return _without_variance(rows, what)
    if metric not in ("auroc", "f1") or classes is None or (metric == "f1" and len(classes) > 2):
        return ""
    # f1 of two classes is that of the second
    wanted = set(range(len(classes))) if metric == "auroc" else {1}
    for target, weight in rows:
        wanted -= set(torch.bincount(_counted(target, weight).long()).nonzero()[:, 0].tolist())
        if not wanted:
            return ""
    return f"none of the {what} rows is of class '{classes[min(wanted)]}'"


def _without_variance(rows: Iterable[tuple[Tensor, Tensor | None]], what: str) -> str:
    n_rows, least, most = 0, torch.inf, -torch.inf
    for target, weight in rows:
        y = _counted(target, weight)
        n_rows += len(y)
        if len(y):
            least, most = min(least, float(y.min())), max(most, float(y.max()))
        if least < most:
            return ""
    return f"there is one {what} row" if n_rows == 1 else f"the target is the same in all {n_rows} {what} rows"


def _counted(target: Tensor, weight: Tensor | None) -> Tensor:
    y = target.reshape(len(target), -1)[:, 0]
    return y if weight is None else y[weight > 0]
