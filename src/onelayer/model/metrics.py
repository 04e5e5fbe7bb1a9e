"""What is measured on a part of the data, for all runs of a stack at once.

Every metric is a mean over rows, or a ratio of sums over rows, so blocks of any size weigh by their rows.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from onelayer.linalg import PIECE, logits_of, pieces, total
from onelayer.model.architecture import Architecture
from onelayer.model.objectives import Objective
from onelayer.model.rows import Block
from onelayer.protocols import Measurable

CLASSES = ("loss", "log_loss", "accuracy", "f1", "auroc")
METRICS = {"regression": ("loss", "mse", "mae", "r2"), "binary": CLASSES, "multiclass": CLASSES}
# a sort of all rows for every run: too dear for a curve unless it is watched, and impossible for rows that stream
COSTLY = frozenset({"auroc"})
# what an epoch says of the train rows, beside their loss
TRAIN_CURVES = ("loss", "objective", "gap", "rel_gap", "weight_error")
# logits at a time: those of thousands of runs on many rows would not fit; and so many that they stay in the cache
CHUNK, CACHED = 2**24, 2**20


def metrics_of(task: str, streams: bool) -> tuple[str, ...]:
    """Name what a run of a task is measured by."""
    return tuple(name for name in METRICS[task] if not (streams and name in COSTLY))


class Tally:
    """Measures weights on a part of the data, block by block.

    The loss counts a row by its `weight`, which class weights have a share in; the other metrics by its
    `sample_weight`.

    Args:
        names: which metrics, out of `METRICS`.
        objective: gives the loss and the predictions.
        unit: (outputs,), what one unit of a scaled target is in original units; mse and mae are given in those.
        architecture: how weights give logits; None: by one layer.
    """

    def __init__(
        self,
        names: Sequence[str],
        objective: Objective,
        unit: Tensor | None = None,
        architecture: Architecture | None = None,
    ) -> None:
        self.names, self.objective, self.unit = names, objective, unit
        self._logits = logits_of if architecture is None else architecture.logits
        self._width = None if architecture is None else architecture.width
        self._sums: dict[str, Tensor] = {}
        self._spread = Spread()

    @torch.no_grad()
    def add(self, theta: Tensor, block: Block) -> None:
        """Take a block into account.

        Args:
            theta: (runs, outputs, columns).
            block: rows on the same device.
        """
        whole = "auroc" in self.names
        if whole and self._sums:
            raise ValueError("auroc compares every row with every other: give all rows as one block")
        for rows in (block,) if whole else pieces(block):
            few = max(1, (CHUNK if len(rows.y) > PIECE else CACHED) // (len(rows.y) * (self._width or theta.shape[1])))
            found = [self._add(self._logits(chunk, rows.x), rows) for chunk in torch.split(theta, few)]
            for name in found[0]:
                # sums of many rows need the digits
                now = torch.cat([one[name] for one in found]).cpu().double()
                self._sums[name] = self._sums[name] + now if name in self._sums else now
        if not self.objective.of_classes:
            self._spread.add(block.y, block.sample_weight)
        for name, weight in (("rows/loss", block.weight), ("rows", block.sample_weight)):
            count = torch.tensor(float(len(block.y))) if weight is None else weight.sum().cpu()
            self._sums[name] = self._sums.get(name, torch.zeros((), dtype=torch.float64)) + count.double()

    def values(self) -> dict[str, Tensor]:
        """Return (runs,) float64 for each name."""
        sums, rows = self._sums, self._sums["rows"]
        values = {"loss": sums["loss"] / sums["rows/loss"]}
        if not self.objective.of_classes:
            squared, absolute = sums["squared"] / rows, sums["absolute"] / rows
            unit = torch.ones(()).double() if self.unit is None else self.unit.cpu().double()
            values |= {"mse": (squared * unit.square()).mean(-1), "mae": (absolute * unit).mean(-1)}
            spread = self._spread.variance
            values["r2"] = (1 - squared / spread).mean(-1) if self._spread.rows > 1 else values["mse"] * torch.nan
            return {name: values[name] for name in self.names}
        values |= {"log_loss": sums["log_loss"] / rows, "auroc": sums.get("auroc", torch.empty(0))}
        values |= _of_confusion(sums["confusion"], sums["unsound"] > 0)
        return {name: values[name] for name in self.names}

    def _add(self, logits: Tensor, block: Measurable) -> dict[str, Tensor]:
        """Return sums over some rows, (runs, ...)."""
        loss = self.objective.loss(logits, block.y)
        weight = block.sample_weight
        sums = {"loss": total(loss, block.weight)}
        if not self.objective.of_classes:
            error = (logits - block.y).transpose(1, 2)
            return sums | {"squared": total(error.square(), weight), "absolute": total(error.abs(), weight)}
        sums["log_loss"] = sums["loss"] if weight is block.weight else total(loss, weight)
        binary = logits.shape[-1] == 1
        truth = block.y[:, 0].long() if binary else block.y
        predicted = (logits[..., 0] > self.objective.decision_threshold).long() if binary else logits.argmax(-1)
        sums["confusion"] = confusion(predicted, truth, 2 if binary else logits.shape[-1], weight)
        sums["unsound"] = logits.isnan().any(-1).any(-1).to(logits.dtype)
        if "auroc" in self.names:
            scores = logits if binary else logits.softmax(-1)
            members = truth[:, None] == torch.arange(scores.shape[-1], device=truth.device) + binary
            areas = [auroc(scores[..., k], members[:, k], weight) for k in range(scores.shape[-1])]
            sums["auroc"] = torch.stack(areas).mean(0)
        return sums


class Spread:
    """The variance of a target over blocks.

    Merged by mean and sum of squares (Chan, Golub & LeVeque, 1983): sums of squares of targets far from zero would
    leave no digits.

    Attributes:
        rows: seen so far.
    """

    def __init__(self) -> None:
        self.rows, self._weight, self._mean, self._squares = 0, 0.0, torch.zeros(()), torch.zeros(())

    def add(self, target: Tensor, weight: Tensor | None) -> None:
        """Take (rows, outputs) into account, each row as often as it counts."""
        y = target.cpu().double()
        w = torch.ones(len(y), 1).double() if weight is None else weight.cpu().double()[:, None]
        count = float(w.sum())
        if count == 0:
            return
        mean = (w * y).sum(0) / count
        squares = (w * (y - mean).square()).sum(0)
        both = self._weight + count
        away = mean - self._mean
        self._squares = self._squares + squares + away.square() * (self._weight * count / both)
        self._mean = self._mean + away * (count / both)
        self._weight, self.rows = both, self.rows + len(y)

    @property
    def variance(self) -> Tensor:
        """(outputs,) float64, divided by the number of rows."""
        return self._squares / self._weight


def _of_confusion(counts: Tensor, unsound: Tensor) -> dict[str, Tensor]:
    """Return accuracy and f1 (macro for more than two classes) of (runs, classes, classes); NaN where unsound."""
    hits = counts.diagonal(dim1=1, dim2=2)
    seen = counts.sum(1) + counts.sum(2)
    each = 2 * hits / torch.where(seen > 0, seen, 1.0)
    f1 = each[:, 1] if counts.shape[1] == 2 else each.sum(-1) / (seen > 0).sum(-1)
    values = {"accuracy": hits.sum(-1) / counts.sum((1, 2)), "f1": f1}
    return {name: torch.where(unsound, torch.nan, value) for name, value in values.items()}


def confusion(predicted: Tensor, truth: Tensor, n_classes: int, weight: Tensor | None = None) -> Tensor:
    """Count rows by true class (first) and predicted class (second).

    Args:
        predicted: (runs, rows) int64.
        truth: (rows,) int64.
        n_classes: how many there are.
        weight: (rows,) what each row counts; None: one.

    Returns:
        (runs, n_classes, n_classes) float.
    """
    cell = truth * n_classes + predicted
    dtype = None if weight is None else weight.dtype
    counts = torch.zeros(len(predicted), n_classes**2, device=cell.device, dtype=dtype)
    one = counts.new_ones(()) if weight is None else weight
    return counts.scatter_add_(1, cell, one.expand_as(cell)).view(-1, n_classes, n_classes)


def auroc(scores: Tensor, positive: Tensor, weight: Tensor | None = None) -> Tensor:
    """Area under the ROC curve: the share of pairs in the right order, ties as half (Mann & Whitney, 1947).

    Args:
        scores: (runs, rows).
        positive: (rows,) bool.
        weight: (rows,) what each row counts; None: one.

    Returns:
        (runs,), NaN where only one class is present.
    """
    if scores.device.type == "mps":  # it has no float64, which counts of pairs need
        scores, positive, weight = scores.cpu(), positive.cpu(), None if weight is None else weight.cpu()
    weights = torch.ones(len(positive), device=scores.device).double() if weight is None else weight.double()
    ordered, order = scores.contiguous().sort(-1)
    # the weight of negatives among the k lowest rows
    negatives = torch.where(positive, 0.0, weights)[order].cumsum(-1)
    negatives = torch.cat([negatives.new_zeros(len(scores), 1), negatives], 1)
    chosen = scores[:, positive].contiguous()
    below = negatives.gather(1, torch.searchsorted(ordered, chosen))
    up_to = negatives.gather(1, torch.searchsorted(ordered, chosen, right=True))
    pairs = weights[positive].sum() * negatives[:, -1]
    area = ((below + up_to) / 2) @ weights[positive] / pairs
    return torch.where(scores.isnan().any(-1), torch.nan, area)
