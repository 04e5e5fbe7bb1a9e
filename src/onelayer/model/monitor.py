"""What a run may be judged by: metrics that it measures, that have a value on its rows, and that tell weights apart.

Of one class there are no pairs in a right or a wrong order, and of a constant target there is no variance to be
explained. f1 without a row of its class is a number, 0, but the same for all weights. A gap has a value where there is
an optimum, and a relative one where zero weights are not the optimum already.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from onelayer.errors import UserError, did_you_mean
from onelayer.model.linear import architecture_of
from onelayer.model.metrics import TRAIN_CURVES, metrics_of
from onelayer.model.rows import Data
from onelayer.optimum import Solved, Solver, Truth
from onelayer.protocols import Loss

# what to do about a metric without a value on the validation rows
REMEDY = {
    "r2": "set monitor=val/loss, or validate on more rows",
    **dict.fromkeys(("auroc", "f1"), "set monitor=val/loss, or validate on rows of every class"),
}
GAPS = ("train/gap", "train/rel_gap")
WEIGHT_ERROR = "train/weight_error"


def check_monitor(monitor: str, task: str, streams: bool = False) -> None:
    """Check that ``stage/name`` is something that a run of this task measures each epoch.

    Raises:
        UserError: with the names there are.
    """
    known = [f"val/{name}" for name in metrics_of(task, streams)] + [f"train/{name}" for name in TRAIN_CURVES]
    if monitor not in known:
        hint = did_you_mean(monitor, known) or f"; there are {', '.join(known)}"
        what = f"{task} run on streamed rows" if streams else f"{task} run"
        raise UserError(f"monitor={monitor}: a {what} has no such metric{hint}")


def refuse_undefined_monitor(monitor: str, data: Data) -> None:
    """Refuse to choose weights by what is not measured, or has no value on these rows, or the same for all weights.

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
    refuse_undefined(monitor, rows, data.classes, "validation", REMEDY.get(metric, ""))


def refuse_undefined(
    monitor: str,
    rows: Iterable[tuple[Tensor, Tensor | None]],
    classes: Sequence[str] | None,
    what: str,
    remedy: str,
) -> None:
    """Refuse a metric that cannot tell weights apart on some rows; see `undefined`.

    Raises:
        UserError: with the reason and the remedy.
    """
    reason = undefined(monitor.partition("/")[2], rows, classes, what)
    if reason:
        raise UserError(f"monitor={monitor} has no value: {reason}; {remedy}")


def refuse_unknown_weights(monitor: str, data: Data, source: str, bias: bool, hidden: int | None) -> None:
    """Refuse to choose weights by their distance to true ones that are not known.

    Args:
        monitor: as stage/name.
        data: may know what made them.
        source: their name.
        bias: whether the model has one.
        hidden: units of its hidden layer; None: it has none.

    Raises:
        UserError: no weights are known, or they are 0.
    """
    if monitor != WEIGHT_ERROR:
        return
    if hidden is not None:
        raise UserError(f"monitor={monitor}: no true weights are known of model.hidden={hidden} units")
    known = data.prepared.known_theta(bias)
    if known is None:
        raise UserError(f"monitor={monitor}: the true weights of data={source} are not known")
    if not known.any():
        raise UserError(f"monitor={monitor} has no value: the true weights are all 0; set monitor=train/loss")


def refuse_blind_gap(
    monitor: str, data: Data, objective: Loss, l2: float, bias: bool, hidden: int | None, *, solved: Solved | None
) -> None:
    """Refuse to choose weights by a distance to an optimum that is not known, or is where they start.

    Args:
        monitor: as stage/name.
        data: the rows to train on.
        objective: of the run.
        l2: its penalty.
        bias: whether the model has one.
        hidden: units of its hidden layer; None: it has none.
        solved: references that are known of these train rows; one that is found now is added.

    Raises:
        UserError: there is no reference, or no way between zero weights and it.
    """
    solver = Solver(data.train, objective, n_outputs=data.n_outputs, bias=bias, classes=data.classes)
    architecture = architecture_of(data.n_features, data.n_outputs, bias, hidden)
    truth = Truth(solver, [l2], architecture=architecture, solved=solved)
    if monitor == "train/rel_gap" and truth.unmeasured:
        raise UserError(
            "monitor=train/rel_gap has no value: zero weights are the optimum already; set monitor=train/loss"
        )
    (reference,) = truth.references
    if reference.theta is None:
        raise UserError(f"monitor={monitor}: there is nothing to measure it against ({reference.note})")


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
