"""What the DataLoader yields: not a minibatch but a block, whose minibatches are cut where they are used."""

import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset


class Block(NamedTuple):
    """Rows with the order in which training visits them.

    Attributes:
        x: (rows, n_features), dense or sparse CSR.
        y: (rows, n_outputs) for a number or a binary class, (rows,) int64 for one of several classes.
        order: (rows,) int64, the visiting order; None for the order they lie in.
        batch_size: rows a minibatch; the last one may be smaller.
        weight: (rows,) what each row counts in the loss, 1 on average over the part; None: all alike.
        sample_weight: (rows,) what each row counts in the other metrics; None: all alike.
    """

    x: Tensor
    y: Tensor
    order: Tensor | None
    batch_size: int
    weight: Tensor | None = None
    sample_weight: Tensor | None = None

    def batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield the minibatches ``(x, y, weight)``."""
        x, y, weight = self.x, self.y, self.weight
        if self.order is not None:
            for rows in torch.split(self.order, self.batch_size):
                yield choose(x, rows), y.index_select(0, rows), None if weight is None else weight.index_select(0, rows)
            return
        for start in range(0, len(y), self.batch_size):
            part = slice(start, min(start + self.batch_size, len(y)))
            yield neighbours(x, part), y[part], None if weight is None else weight[part]


class Blocks(Dataset[Block]):
    """A part of the data as one block, in a new order each epoch where `seed` is given.

    The order depends on the seed and the epoch alone, so a resumed run sees the batches that the
    uninterrupted one would have seen.
    """

    def __init__(self, block: Block, *, seed: int | None = None, epoch: Callable[[], int] = lambda: 0) -> None:
        self.block, self.seed, self.epoch = block, seed, epoch

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Block:
        return self.block._replace(order=self._order())

    def _order(self) -> Tensor | None:
        rows = len(self.block.y)
        if self.seed is None or self.block.batch_size >= rows:
            return None
        return torch.randperm(rows, generator=generator_of(self.seed, self.epoch()))


def generator_of(seed: int, epoch: int) -> torch.Generator:
    """Return the source of randomness of an epoch."""
    state = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]) >> 1)


def csr(starts: Tensor, columns: Tensor, values: Tensor, n_features: int) -> Tensor:
    """Return (rows, n_features) in CSR.

    Args:
        starts: (rows + 1,) where each row begins in `columns` and `values`.
        columns: (non-zeros,) the column of each value.
        values: (non-zeros,).
        n_features: columns.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        shape = (len(starts) - 1, n_features)
        return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)


def neighbours(x: Tensor, rows: slice) -> Tensor:
    """Return neighbouring rows of (rows, n_features), dense or CSR, without copying them."""
    if not x.is_sparse_csr:
        return x[rows]
    starts = x.crow_indices()[rows.start : rows.stop + 1]
    first, last = int(starts[0]), int(starts[-1])
    return csr(starts - first, x.col_indices()[first:last], x.values()[first:last], x.shape[1])


def choose(x: Tensor, rows: Tensor) -> Tensor:
    """Return chosen rows of (rows, n_features), dense or CSR, in their order."""
    if not x.is_sparse_csr:
        return x.index_select(0, rows)
    begin = x.crow_indices()
    counts = (begin[1:] - begin[:-1])[rows]
    starts = torch.cat([begin.new_zeros(1), counts.cumsum(0)]).to(begin.dtype)
    at = torch.arange(int(starts[-1]), device=rows.device) + (begin[rows] - starts[:-1]).repeat_interleave(counts)
    return csr(starts, x.col_indices()[at], x.values()[at], x.shape[1])
