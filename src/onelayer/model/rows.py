"""What the model asks of data, which knows nothing of models."""

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from onelayer.protocols import Measurable, Part


class Block(Measurable, Protocol):
    """What a DataLoader yields: rows, and the minibatches in which to visit them."""

    def batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield minibatches ``(x, y, weight)``."""


class Scale(Protocol):
    """How a column was scaled: ``(value - shift) / scale``."""

    @property
    def shift(self) -> Any:
        """(columns,) float64, an array."""

    @property
    def scale(self) -> Any:
        """(columns,) float64, an array."""


class Prepared(Protocol):
    """How the rows of a data set came to be."""

    @property
    def x_scale(self) -> Scale:
        """Scaling of the features."""

    @property
    def y_scale(self) -> Scale:
        """Scaling of the target."""

    @property
    def sparse(self) -> bool:
        """Whether x is."""

    @property
    def streams(self) -> bool:
        """Whether the rows are read again and again instead of held in memory."""

    def known_theta(self, bias: bool) -> Tensor | None:
        """Return the weights that made the data, (outputs, n_features [+ 1]) of the scaled problem; None: not known."""


class Data(Protocol):
    """What a stack takes its dimensions and rows from: a data module of onelayer that is set up."""

    @property
    def task(self) -> str:
        """``regression``, ``binary`` or ``multiclass``."""

    @property
    def n_features(self) -> int:
        """Columns of x."""

    @property
    def n_outputs(self) -> int:
        """Columns of the logits."""

    @property
    def classes(self) -> Sequence[str] | None:
        """The names of the classes in the order of their indices; None for a number."""

    @property
    def dtype(self) -> torch.dtype:
        """Of the blocks."""

    @property
    def batch_size(self) -> int:
        """Rows of a minibatch."""

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches of an epoch."""

    @property
    def prepared(self) -> Prepared:
        """How the rows came to be."""

    @property
    def train(self) -> Part:
        """The rows to train on."""

    @property
    def val(self) -> Sized:
        """The validation rows."""

    @property
    def test(self) -> Sized:
        """The test rows."""

    def measured(self, part: Literal["train", "val", "test"]) -> Iterable[Block]:
        """Yield the rows of a part in the order of the table; nothing where there are none."""
