"""What models and optima ask of rows, of losses and of what maps weights to logits; data know nothing of these."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from onelayer.links import Link


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


class Part(Protocol):
    """All train, validation or test rows, in float64."""

    def __len__(self) -> int: ...

    @property
    def n_features(self) -> int:
        """Columns of x."""

    def chunks(self, device: torch.device | None = None) -> Iterator[Rows]:
        """Yield the rows, on a device (None: the CPU), as many at a time as fit into memory; the same each time."""


class Loss(Protocol):
    """A loss of one row as a function of its logits, with two derivatives; see `onelayer.model.objectives.base`."""

    name: str
    link: Link
    of_classes: bool
    curvature: float
    quadratic: bool
    convex: bool
    self_concordant: bool

    @property
    def canonical(self) -> "Loss":
        """The self-concordant loss of the same task: without a penalty, both have an optimum on the same rows."""

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of each row, (runs, rows)."""

    def residual(self, logits: Tensor, target: Tensor) -> Tensor:
        """Derivative by the logits, (runs, rows, outputs); a new tensor."""

    def hessian(self, logits: Tensor, target: Tensor) -> Tensor:
        """Second derivative by the logits, (runs, rows, outputs, outputs)."""

    def information(self, logits: Tensor, target: Tensor) -> Tensor:
        """What the model expects of the second derivative, of the same shape."""


class LogitMap(Protocol):
    """How the weights of some runs, theta, map x to logits."""

    @property
    def unsolved(self) -> str:
        """Why no exact optimum is looked for; "" where one is."""

    @property
    def width(self) -> int:
        """How many numbers a row has in one run on its way to the logits, these included."""

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        """Map (rows, n_features), dense or sparse CSR, to logits (runs, rows, outputs)."""

    def squared_norm(self, theta: Tensor) -> Tensor:
        """Return the sum of squares of what a penalty charges, (runs,)."""
