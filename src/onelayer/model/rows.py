"""What the model asks of data, which knows nothing of models."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

# rows that are measured at once on a CPU, the same for every stack: then a run's sums do not hang on the other runs
PIECE = 2**14


class Rows(Protocol):
    """Some rows.

    `x` is dense or sparse CSR; `y` is as the objective wants it; `weight` is what each row counts in the loss, 1 on
    average over its part, None where all count alike.
    """

    @property
    def x(self) -> Tensor:
        """(rows, n_features)."""

    @property
    def y(self) -> Tensor:
        """The target."""

    @property
    def weight(self) -> Tensor | None:
        """(rows,)."""


class Measurable(Rows, Protocol):
    """Rows to measure weights on."""

    @property
    def sample_weight(self) -> Tensor | None:
        """(rows,) what each row counts in metrics other than the loss; None where all count alike."""


class Block(Measurable, Protocol):
    """What a DataLoader yields: rows, and the minibatches in which to visit them."""

    def batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield minibatches ``(x, y, weight)``."""


class Part(Protocol):
    """All train, validation or test rows, in float64."""

    def __len__(self) -> int: ...

    @property
    def n_features(self) -> int:
        """Columns of x."""

    def chunks(self, device: torch.device | None = None) -> Iterator[Rows]:
        """Yield the rows, on a device (None: the CPU), as many at a time as fit into memory; the same each time."""


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
