"""The train, validation or test rows, held in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from onelayer.data.blocks import Block, Blocks
from onelayer.errors import UserError


class Chunk(NamedTuple):
    """Some rows in float64.

    Attributes:
        x: (rows, n_features), dense or sparse CSR.
        y: (rows, n_outputs) for a number or a binary class, (rows,) int64 for one of several classes.
        weight: (rows,) what each row counts in the loss; None: all alike.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None


@dataclass(frozen=True)
class Part:
    """Encoded and scaled rows in float64; blocks are cast from them.

    Attributes:
        x: (rows, n_features), dense or sparse CSR.
        y: (rows, n_outputs) float64 for a number or a binary class, (rows,) int64 for one of several classes.
        weight: (rows,) float64, what each row counts in the loss, 1 on average; None: all alike.
        sample_weight: (rows,) float64, what each row counts in the other metrics; None: all alike.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None
    sample_weight: Tensor | None = None
    _moved: dict[torch.device, Chunk] = field(default_factory=dict, repr=False, compare=False)
    _cast: dict[torch.dtype, Block] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_features(self) -> int:
        """Columns of x."""
        return int(self.x.shape[1])

    @property
    def sparse(self) -> bool:
        """Whether x is."""
        return self.x.is_sparse_csr

    @property
    def size(self) -> int:
        """Bytes of the features, and of a cast of them."""
        return 2 * (self.x.values() if self.sparse else self.x).nbytes

    def refuse_beyond(self, dtype: torch.dtype, columns: tuple[str, ...], target: str, what: str) -> None:
        """Refuse numbers that a precision cannot compute with: of their squares it has to hold sums.

        Args:
            dtype: the precision.
            columns: names of the features.
            target: name of the target.
            what: what these rows are for.

        Raises:
            UserError: names the column.
        """
        limit = torch.finfo(dtype).max ** 0.5 / 1000
        for values, y in ((self.x.values() if self.sparse else self.x, False), (self.y, True)):
            if not values.numel() or max(abs(one.item()) for one in torch.aminmax(values)) <= limit:
                continue
            at = int((~(values.abs() <= limit)).flatten().nonzero()[0])
            found, place = values.flatten()[at], self.x.col_indices()[at] if self.sparse else at % values.shape[-1]
            raise UserError(
                f"column '{target if y else columns[int(place)]}': a {what} row holds {float(found):g} once it is "
                f"scaled, too large for data.dtype={str(dtype).removeprefix('torch.')}; divide the column by a power "
                "of ten, or leave the row out"
            )

    def chunks(self, device: torch.device | None = None) -> Iterator[Chunk]:
        """Yield all rows as one chunk, moved to a device once."""
        here = Chunk(self.x, self.y, self.weight)
        if device is None or device == self.y.device:
            yield here
            return
        if device not in self._moved:
            weight = None if self.weight is None else self.weight.to(device)
            self._moved[device] = Chunk(self.x.to(device), self.y.to(device), weight)
        yield self._moved[device]

    def blocks(
        self, batch_size: int, dtype: torch.dtype, *, seed: int | None = None, epoch: Callable[[], int] = lambda: 0
    ) -> Dataset[Block]:
        """Return all rows as one block, cast once; with a seed, in a new order each epoch."""
        if dtype not in self._cast:
            y = self.y if self.y.dtype == torch.int64 else self.y.to(dtype)
            sample_weight = None if self.sample_weight is None else self.sample_weight.to(dtype)
            weight = sample_weight  # one tensor where they are the same: metrics look for that
            if self.weight is not None and self.weight is not self.sample_weight:
                weight = self.weight.to(dtype)
            self._cast[dtype] = Block(self.x.to(dtype), y, None, batch_size, weight, sample_weight)
        return Blocks(self._cast[dtype]._replace(batch_size=batch_size), seed=seed, epoch=epoch)

    def whole(self, dtype: torch.dtype) -> Dataset[Block]:
        """Return all rows as one block, to be measured."""
        return self.blocks(len(self), dtype)
