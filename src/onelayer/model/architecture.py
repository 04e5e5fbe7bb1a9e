"""What the numbers of a run mean: which layers they are, how they give logits, and what their gradient is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor


class Layer(NamedTuple):
    """A linear layer of some runs.

    Attributes:
        weight: (..., outputs, inputs).
        bias: (..., outputs); None without one.
    """

    weight: Tensor
    bias: Tensor | None


@dataclass(frozen=True)
class Architecture(ABC):
    """How theta, (runs, *shape), maps x to logits: linear layers with a ReLU between them.

    Attributes:
        n_features: columns of x.
        n_outputs: columns of the logits.
        bias: whether the layers have one.
        unsolved: why no exact optimum is looked for; "" where one is.
    """

    n_features: int
    n_outputs: int
    bias: bool
    unsolved: ClassVar[str] = ""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Of the numbers of one run."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers a row has in one run on its way to the logits, these included."""

    @abstractmethod
    def layers(self, theta: Tensor) -> tuple[Layer, ...]:
        """Cut numbers, (..., *shape), into layers, the one that sees x first; views."""

    @abstractmethod
    def forward(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map (rows, n_features), dense or sparse CSR, to logits (runs, rows, outputs), and what `pullback` needs."""

    @abstractmethod
    def pullback(self, theta: Tensor, x: Tensor, kept: Tensor | None, residual: Tensor, out: Tensor) -> None:
        """Write the gradient by theta, given that by the logits.

        Args:
            theta: (runs, *shape).
            x: (rows, n_features), dense or sparse CSR.
            kept: as `forward` gave it for these.
            residual: (runs, rows, outputs).
            out: like theta, written to.
        """

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        """Map (rows, n_features), dense or sparse CSR, to logits (runs, rows, outputs)."""
        return self.forward(theta, x)[0]

    def logits_in_order(self, theta: Tensor, x: Tensor) -> Tensor:
        """Map (rows, n_features), dense, to (runs, rows, outputs) as delivered models do, to the last bit.

        Sums are in float64, from the first column to the last and then the bias, and what a layer gives is rounded to
        the precision of theta; see `onelayer.artefact.logits_in_order`.
        """
        found = values = x.double().expand(len(theta), *x.shape)
        for layer in self.layers(theta):
            weight = layer.weight.double()
            found = weight.new_zeros(len(theta), len(x), weight.shape[1])
            for place in range(weight.shape[2]):
                found += values[:, :, place, None] * weight[:, None, :, place]
            if layer.bias is not None:
                found += layer.bias.double()[:, None]
            found = found.to(theta.dtype)
            values = found.relu().double()
        return found

    def squared_norm(self, theta: Tensor) -> Tensor:
        """Return the sum of squares of what a penalty charges, the weights of all layers, (runs,)."""
        return torch.stack([layer.weight.square().sum((-2, -1)) for layer in self.layers(theta)]).sum(0)
