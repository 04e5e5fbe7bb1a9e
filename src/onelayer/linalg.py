"""Products with rows of x, dense or sparse CSR: logits, the gradient by the weights, weighted sums over rows."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from onelayer.protocols import Measurable

# rows that are measured at once on a CPU, the same for every stack: then a run's sums do not hang on the other runs
PIECE = 2**14


def logits_of(theta: Tensor, x: Tensor) -> Tensor:
    """Map (rows, n_features) to logits (runs, rows, outputs) by theta (runs, outputs, n_features [+ 1])."""
    flat = theta.flatten(0, 1)
    n_features = x.shape[1]
    if flat.shape[1] not in (n_features, n_features + 1):
        raise ValueError(f"x of shape {tuple(x.shape)} against weights for {flat.shape[1]} columns, bias included")
    weight = flat[:, :n_features]
    if flat.shape[1] == n_features:
        logits = torch.mm(x, weight.t())
    elif x.is_sparse_csr:
        logits = torch.mm(x, weight.t()).add_(flat[:, -1])
    else:
        logits = torch.addmm(flat[:, -1], x, weight.t())
    return logits.view(x.shape[0], theta.shape[0], theta.shape[1]).transpose(0, 1)


def pullback(x: Tensor, residual: Tensor, out: Tensor) -> None:
    """Write the gradient by theta, given that by the logits.

    Args:
        x: (rows, n_features), dense or sparse CSR.
        residual: (runs, rows, outputs).
        out: (runs, outputs, n_features [+ 1]), with runs and outputs side by side in memory, written to.
    """
    flat = out.flatten(0, 1)
    columns = residual.transpose(0, 1).reshape(x.shape[0], -1)
    n_features = x.shape[1]
    if x.is_sparse_csr:
        transposed_product(x, columns, flat[:, :n_features].t())
    else:
        torch.mm(columns.t(), x, out=flat[:, :n_features])
    if flat.shape[1] > n_features:
        torch.sum(columns, 0, out=flat[:, -1])


def transposed_product(x: Tensor, columns: Tensor, out: Tensor) -> None:
    """Write x' columns, (n_features, k).

    Args:
        x: (rows, n_features), sparse CSR.
        columns: (rows, k).
        out: written to.
    """
    starts, at, values = x.crow_indices(), x.col_indices(), x.values()
    if x.device.type == "cpu":
        # torch's own product with a transposed CSR matrix takes three times as long
        from scipy.sparse import csc_array

        transposed = csc_array((values.numpy(), at.numpy(), starts.numpy()), shape=(x.shape[1], x.shape[0]))
        out.copy_(torch.from_numpy(transposed @ columns.numpy()))
        return
    rows = torch.arange(x.shape[0], device=x.device).repeat_interleave(starts.diff())
    out.zero_().index_add_(0, at.long(), values[:, None] * columns[rows])


def dense(x: Tensor, rows: slice) -> Tensor:
    """Return neighbouring rows of a dense or CSR matrix as a dense one."""
    if not x.is_sparse_csr:
        return x[rows]
    starts, at, values = x.crow_indices(), x.col_indices(), x.values()
    first, last = int(starts[rows.start]), int(starts[rows.stop])
    found = x.values().new_zeros(rows.stop - rows.start, x.shape[1])
    row = torch.arange(len(found)).repeat_interleave(starts[rows.start : rows.stop + 1].diff())
    return found.index_put_((row, at[first:last].long()), values[first:last], accumulate=True)


def total(values: Tensor, weight: Tensor | None) -> Tensor:
    """Return the sum over rows of (runs, rows), each row as often as it counts, (runs,)."""
    return values.sum(-1) if weight is None else values @ weight


class Piece(NamedTuple):
    """Some rows out of `Measurable` ones."""

    x: Tensor
    y: Tensor
    weight: Tensor | None
    sample_weight: Tensor | None = None


def pieces(rows: Measurable) -> Iterator[Measurable]:
    """Cut rows so that what is computed of them stays in the cache; sparse ones and those on a GPU are left whole."""
    x, y, weight, sample_weight = rows.x, rows.y, rows.weight, rows.sample_weight
    if len(y) <= PIECE or x.is_sparse_csr or x.device.type != "cpu":
        yield rows
        return
    for start in range(0, len(y), PIECE):
        some = slice(start, start + PIECE)
        cut = None if weight is None else weight[some]
        # one tensor where they are the same: what is summed with it is summed once
        same = sample_weight is weight
        yield Piece(x[some], y[some], cut, cut if same or sample_weight is None else sample_weight[some])
