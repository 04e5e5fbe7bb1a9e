"""Whether the classes of some rows leave a finite optimum without a penalty.

There is none where some direction of the weights lowers no row's margin and raises that of some row: going on in it for
ever, the loss falls for ever (Albert & Anderson, 1984). This holds for every loss that falls for ever on the right side
and rises for ever on the wrong one, so that all links have an optimum on the same rows. A row whose target lies between
0 and 1 stands on both sides.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onelayer.optimum.moments import dense_pieces
from onelayer.optimum.triangle import Array
from onelayer.protocols import Part

NO_OPTIMUM = "no finite optimum"
SECONDS = 30.0  # for the linear programme that settles a doubt about separation
PROGRAMME = 2**24  # numbers of a linear programme; a larger one is not tried
CURVED = 1e-13  # an eigenvalue of a Hessian that is a smaller share of the largest may be but rounding


def margins(logits: Tensor, y: Tensor) -> Tensor:
    """Return how far each row lies on its own side, (rows,): its logit less the largest of the others.

    Args:
        logits: (rows, outputs).
        y: (rows, 1) within [0, 1] of two classes, (rows,) the number of the class of several.
    """
    if logits.shape[1] == 1:
        return torch.where(y == 1, logits, torch.where(y == 0, -logits, -logits.abs()))[:, 0]
    own = logits.gather(1, y[:, None])
    others = logits.scatter(1, y[:, None], -torch.inf).amax(1, keepdim=True)
    return (own - others)[:, 0]


def absent(part: Part, n_outputs: int) -> int | None:
    """Return a class without rows, whose bias, which is never penalised, would fall for ever; None without such."""
    counts = torch.zeros(max(n_outputs, 2), dtype=torch.float64)
    for chunk in part.chunks():
        if n_outputs == 1:
            ones = chunk.y[:, 0] if chunk.weight is None else chunk.y[:, 0] * chunk.weight
            rows = float(len(chunk.y) if chunk.weight is None else chunk.weight.sum())
            counts += torch.stack([rows - ones.sum(), ones.sum()])
        else:
            counts += torch.bincount(chunk.y, chunk.weight, minlength=len(counts))
    return int(counts.argmin()) if bool((counts == 0).any()) else None


def surely_exists(hessian: Tensor, decrement: float, radius: float, flat: int) -> bool:
    """Return whether a finite optimum is certain from the curvature here.

    The loss is self-concordant in the generalised sense, with R the largest norm of a row: a Newton decrement nu with
    R * nu / sqrt(smallest eigenvalue) below 1/2 proves that the optimum lies close by (Bach, 2010, proposition 2).

    Args:
        hessian: (weights, weights).
        decrement: nu^2.
        radius: R.
        flat: how many directions change no logit; these have no curvature anywhere and take no part in this.
    """
    if flat == len(hessian):
        return True
    smallest, largest = torch.linalg.eigvalsh(hessian)[[flat, -1]].tolist()
    return bool(smallest > CURVED * largest and 2 * radius * (max(decrement, 0.0) / smallest) ** 0.5 < 0.5)


def why_none(part: Part, n_outputs: int, bias: bool) -> str:
    """Settle whether an optimum exists; "" where it does, else why there is none to be had.

    By a linear programme, which takes up to half a minute, unless a column alone shows that there is none.
    """
    if _parted_by_a_column(part, n_outputs, bias):
        return receding("the classes are separated in part")
    unsettled = "skipped: whether the classes are separated in part was not settled"
    n_columns = part.n_features + bias
    if len(part) * n_columns * n_outputs > PROGRAMME:
        return f"{unsettled}, with {len(part)} rows"
    pieces = [*_sides(part, n_columns)]
    recedes = _recedes(np.concatenate([x for x, _ in pieces]), np.concatenate([k for _, k in pieces]), n_outputs, bias)
    if recedes is None:
        return f"{unsettled} in {SECONDS} s"
    return receding("the classes are separated in part") if recedes else ""


def receding(reason: str) -> str:
    """Say why there is no finite optimum, and what gives one."""
    return f"{NO_OPTIMUM}: {reason}; set model.l2 above 0"


def _parted_by_a_column(part: Part, n_outputs: int, bias: bool) -> bool:
    """Look for a column that parts a class from all others, such as a level whose rows are all of one class.

    Going on in the weight of such a column for ever loses in no row and gains in some.
    """
    classes = max(n_outputs, 2)
    low, high = np.full((classes, part.n_features), np.inf), np.full((classes, part.n_features), -np.inf)
    for x, label in _sides(part, part.n_features + bias):
        for k in np.unique(label):
            rows = x[label == k]
            np.minimum(low[k], rows.min(0), out=low[k])
            np.maximum(high[k], rows.max(0), out=high[k])
    # with a bias from any number on, and only where the column has several
    varied = low.min(0) < high.max(0) if bias else (low.min(0) < 0) | (high.max(0) > 0)
    for k in range(classes):
        below, above = np.delete(low, k, 0).min(0), np.delete(high, k, 0).max(0)
        if bias:
            parted = (low[k] >= above) | (high[k] <= below)
        else:
            parted = (low[k] >= 0) & (above <= 0) | (high[k] <= 0) & (below >= 0)
        if (parted & varied).any():
            return True
    return False


def _sides(part: Part, width: int) -> Iterator[tuple[Array, NDArray[np.int64]]]:
    """Yield x (rows, n_features) and the class of each row that counts; a row on both sides comes twice."""
    for x, y, weight in dense_pieces(part, width):
        x, y = (x, y.ravel()) if weight is None else (x[weight > 0], y[weight > 0].ravel())
        upper, lower = np.ceil(y).astype(np.int64), np.floor(y).astype(np.int64)
        both = upper != lower
        yield (np.concatenate([x, x[both]]), np.concatenate([upper, lower[both]])) if both.any() else (x, upper)


def _recedes(x: Array, label: NDArray[np.int64], n_outputs: int, bias: bool) -> bool | None:
    """Look for a direction in which no row's loss rises and some row's falls for ever (Konis, 2007).

    A linear programme: the largest sum of margins under margins >= 0 and weights within [-1, 1]. None where the
    solver found no answer in time.
    """
    from scipy.optimize import linprog  # half a second, which few need
    from scipy.sparse import csr_array, vstack

    # neither units nor, where the bias takes them up, the middles of columns may decide
    middle = (x.max(0) + x.min(0)) / 2 if bias else np.zeros(x.shape[1])
    rows = x - middle
    rows /= np.maximum(np.abs(rows).max(0), 1e-300)
    rows = np.column_stack([rows, np.ones(len(rows))]) if bias else rows
    if n_outputs == 1:
        margins = csr_array(np.where(label[:, None] == 1, rows, -rows))
    else:
        own = np.eye(n_outputs)[label]
        pairs = [own - np.eye(n_outputs)[k] for k in range(n_outputs)]
        margins = vstack(
            [csr_array((pair[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)) for pair in pairs], format="csr"
        )
    bounds = np.zeros(margins.shape[0])
    options = {"time_limit": SECONDS}
    found = linprog(-margins.sum(0), A_ub=-margins, b_ub=bounds, bounds=(-1, 1), method="highs", options=options)
    if found.status != 0:
        return None
    # the solver lets a constraint slip by 1e-7; a real direction moves some margin by far more
    return bool((margins @ found.x).max() > 1e-4)
