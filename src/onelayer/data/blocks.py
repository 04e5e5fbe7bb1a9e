"""What the DataLoader yields: not a minibatch but a block, whose minibatches are cut where they are used."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset


class Block(NamedTuple):
    """Rows with the order in which training visits them.

    Attributes:
        x: (rows, n_features).
        y: (rows, n_outputs) for a number or a binary class, (rows,) int64 for one of several classes.
        order: (rows,) int64, the visiting order; None for the order they lie in.
        batch_size: rows a minibatch; the last one may be smaller.
    """

    x: Tensor
    y: Tensor
    order: Tensor | None
    batch_size: int

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the minibatches ``(x, y)``."""
        if self.order is None:
            yield from zip(torch.split(self.x, self.batch_size), torch.split(self.y, self.batch_size), strict=True)
            return
        for rows in torch.split(self.order, self.batch_size):
            yield self.x.index_select(0, rows), self.y.index_select(0, rows)


class Blocks(Dataset[Block]):
    """A part of the data as one block, in a new order each epoch where `seed` is given.

    The order depends on the seed and the epoch alone, so a resumed run sees the batches that the
    uninterrupted one would have seen.
    """

    def __init__(
        self, x: Tensor, y: Tensor, batch_size: int, *, seed: int | None = None, epoch: Callable[[], int] = lambda: 0
    ) -> None:
        self.x, self.y, self.batch_size, self.seed, self.epoch = x, y, batch_size, seed, epoch

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Block:
        return Block(self.x, self.y, self._order(), self.batch_size)

    def _order(self) -> Tensor | None:
        if self.seed is None or self.batch_size >= len(self.x):
            return None
        state = np.random.SeedSequence([self.seed, self.epoch()]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(state[0]) >> 1)
        return torch.randperm(len(self.x), generator=generator)
