"""The weights of all runs of a stack, served by one matrix product."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from onelayer.linalg import logits_of, pullback
from onelayer.model.architecture import Architecture, Layer
from onelayer.model.two_layers import TwoLayers

Init = Literal["zeros", "normal", "torch"] | float


class StackedLinear(nn.Module):
    """Linear layers of the same shape, one for each run; with a hidden layer, two of them with a ReLU between.

    All numbers of a run lie together in `theta`, so that an elementwise optimizer has one tensor to update; the
    `architecture` says which is which, and gives the outputs of all runs by one product.

    Laid out by columns, the numbers that belong to one column of x lie side by side in memory, whatever the shape says:
    a non-zero value of sparse x then meets them at one place.

    Args:
        n_runs: runs in the stack.
        n_features: columns of x.
        n_outputs: columns of the outputs.
        bias: whether there is one.
        hidden: units of the hidden layer; None: there is none.
        dtype: of all numbers.
        by_column: lay out by columns of x, for sparse x; without a hidden layer alone.
    """

    def __init__(
        self,
        n_runs: int,
        n_features: int,
        n_outputs: int,
        *,
        bias: bool = True,
        hidden: int | None = None,
        dtype: torch.dtype = torch.float32,
        by_column: bool = False,
    ) -> None:
        super().__init__()
        self.n_runs, self.n_features, self.n_outputs, self.has_bias = n_runs, n_features, n_outputs, bias
        self.architecture = architecture_of(n_features, n_outputs, bias, hidden)
        self.by_column = by_column
        # no autograd: the gradient of a linear layer is one product, and `pullback` writes it where it is used
        theta = self._laid_out(torch.zeros(n_runs, *self.architecture.shape, dtype=dtype))
        self.theta = nn.Parameter(theta, requires_grad=False)

    @property
    def weight(self) -> Tensor:
        """(runs, outputs, n_features), a view; of the layer that sees x."""
        return self.architecture.layers(self.theta)[0].weight

    @property
    def bias(self) -> Tensor | None:
        """(runs, outputs), a view, likewise; None without bias."""
        return self.architecture.layers(self.theta)[0].bias

    def forward(self, x: Tensor) -> Tensor:
        """Map (rows, n_features) to logits (runs, rows, outputs)."""
        return self.architecture.logits(self.theta, x)

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs."""
        self.n_runs = len(runs)
        self.theta = nn.Parameter(self._laid_out(self.theta.data[runs]), requires_grad=False)

    @torch.no_grad()
    def start(self, seeds: Sequence[int], init: Sequence[Init], std: Sequence[float]) -> None:
        """Set the initial weights, each run's from its own seed, whatever else is in the stack.

        ``torch`` draws what `torch.nn.Linear`, or a `torch.nn.Sequential` of two, draws after
        ``torch.manual_seed(seed)``; ``normal`` leaves the bias zero, and so does a number, where all weights start.
        """
        self.theta.zero_()
        for theta, seed, kind, spread in zip(self.theta.data, seeds, init, std, strict=True):
            generator = torch.Generator().manual_seed(seed)
            for weight, bias in self.architecture.layers(theta):
                drawn = torch.empty(weight.shape, dtype=theta.dtype)
                if isinstance(kind, float | int):
                    weight.fill_(kind)
                elif kind == "normal":
                    weight.copy_(drawn.normal_(0.0, spread, generator=generator))
                elif kind == "torch":
                    # as torch.nn.Linear does, to the last bit of float64
                    weight.copy_(nn.init.kaiming_uniform_(drawn, a=sqrt(5), generator=generator))
                    bound = 1 / sqrt(weight.shape[1])
                    if bias is not None:
                        bias.copy_(drawn[:, 0].clone().uniform_(-bound, bound, generator=generator))

    def _laid_out(self, theta: Tensor) -> Tensor:
        return theta.permute(2, 0, 1).contiguous().permute(1, 2, 0) if self.by_column else theta.contiguous()


@dataclass(frozen=True)
class Linear(Architecture):
    """One layer: theta is (runs, outputs, n_features + 1), for each output its weights and then its bias.

    Without bias the last column is not there.
    """

    @property
    @override
    def shape(self) -> tuple[int, int]:
        return self.n_outputs, self.n_features + self.bias

    @property
    @override
    def width(self) -> int:
        return self.n_outputs

    @override
    def layers(self, theta: Tensor) -> tuple[Layer, ...]:
        return (Layer(theta[..., : self.n_features], theta[..., self.n_features] if self.bias else None),)

    @override
    def forward(self, theta: Tensor, x: Tensor) -> tuple[Tensor, None]:
        return logits_of(theta, x), None

    @override
    def pullback(self, theta: Tensor, x: Tensor, kept: Tensor | None, residual: Tensor, out: Tensor) -> None:
        pullback(x, residual, out)


def architecture_of(n_features: int, n_outputs: int, bias: bool, hidden: int | None) -> Architecture:
    """Return two layers where there are hidden units, and one where not."""
    return Linear(n_features, n_outputs, bias) if hidden is None else TwoLayers(n_features, n_outputs, bias, hidden)
