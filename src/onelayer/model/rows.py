"""What the model asks of data, which knows nothing of models."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor


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


class Block(Rows, Protocol):
    """What a DataLoader yields: rows, and the minibatches in which to visit them."""

    @property
    def sample_weight(self) -> Tensor | None:
        """(rows,) what each row counts in metrics other than the loss; None where all count alike."""

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
