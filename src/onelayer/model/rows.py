"""What the model asks of data, which knows nothing of models."""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor

from onelayer.protocols import Measurable


class Block(Measurable, Protocol):
    """What a DataLoader yields: rows, and the minibatches in which to visit them."""

    def batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield minibatches ``(x, y, weight)``."""
