"""The train, validation or test rows, held in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from onelayer.data.blocks import Block, Blocks
from onelayer.errors import UserError
from onelayer.rounding import unheld

# so many different numbers a precision must have between the smallest and the largest of a feature, of a target
STEPS, STEPS_OF_TARGET = 2**10, 2**14


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

    def release(self) -> None:
        """Let go of casts and of what was moved to a device; both are made again when they are asked for."""
        self._moved.clear()
        self._cast.clear()

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

    def refuse_unheld(self, dtype: torch.dtype, columns: tuple[str, ...] | None, target: str | None) -> None:
        """Refuse columns far from zero whose spread a precision cannot hold: it would make constants of them.

        A target is refused sooner: it may be exact in that precision and yet what predicts it is not.

        Args:
            dtype: the precision; float64 is what the rows were read in.
            columns: names of the features; None: they were shifted by numbers of their own.
            target: name of the target; None: likewise, or it has classes.

        Raises:
            UserError: names the column, and what helps.
        """
        if dtype == torch.float64 or not len(self):
            return
        eps = torch.finfo(dtype).eps
        if target is not None:
            low, high = self.y.amin(0).numpy(), self.y.amax(0).numpy()
            if unheld(low, high, eps, STEPS_OF_TARGET).any():
                raise _unheld(target, low[0], high[0], dtype, "target")
        if columns is None:
            return
        low, high = self._extremes()
        for place in np.flatnonzero(unheld(low, high, eps, STEPS)):
            column = self.x.values()[self.x.col_indices() == place] if self.sparse else self.x[:, place]
            # what is exact in that precision, such as years, is not lost
            if float((column - column.to(dtype).double()).abs().max()) * STEPS > high[place] - low[place]:
                raise _unheld(columns[place], low[place], high[place], dtype, "column")

    def _extremes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the smallest and the largest number of each column of x, (columns,)."""
        if not self.sparse:
            return self.x.amin(0).numpy(), self.x.amax(0).numpy()
        at, values = self.x.col_indices().long(), self.x.values()
        low, high = (values.new_full((self.n_features,), sign * torch.inf) for sign in (1, -1))
        low.scatter_reduce_(0, at, values, "amin")
        high.scatter_reduce_(0, at, values, "amax")
        whole = torch.bincount(at, minlength=self.n_features) == len(self)
        return (torch.where(whole, low, low.clamp(max=0)).numpy(), torch.where(whole, high, high.clamp(min=0)).numpy())

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


def _unheld(name: str, low: float, high: float, dtype: torch.dtype, kind: Literal["column", "target"]) -> UserError:
    precision = str(dtype).removeprefix("torch.")
    return UserError(
        f"{kind} '{name}': its train values lie between {low:.12g} and {high:.12g}, too near to each other for "
        f"data.dtype={precision} so far from zero; set data.dtype=float64, or subtract a number near them first"
    )
