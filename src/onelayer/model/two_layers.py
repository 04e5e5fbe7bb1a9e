"""A hidden layer: logits = W2 relu(W1 x + b1) + b2, for all runs of a stack at once.

The gradient is written by hand (Rumelhart, Hinton & Williams, 1986); the slope of the ReLU is 0 at 0, as torch's is.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from onelayer.linalg import transposed_product
from onelayer.model.architecture import Architecture, Layer

# numbers of the hidden layer at a time where nothing but logits is wanted: those of many rows would not fit
CHUNK = 2**24


@dataclass(frozen=True)
class TwoLayers(Architecture):
    """Two layers: theta is (runs, 1, numbers), those that torch's parameters_to_vector lists of a Sequential.

    In this order: the hidden layer's weight (hidden, n_features) and bias (hidden,), the other one's weight
    (outputs, hidden) and bias (outputs,).

    Attributes:
        hidden: units of the hidden layer.
    """

    hidden: int
    unsolved: ClassVar[str] = "skipped: with a hidden layer the objective is not convex"

    @property
    @override
    def shape(self) -> tuple[int, int]:
        first, second = self.hidden * (self.n_features + self.bias), self.n_outputs * (self.hidden + self.bias)
        return 1, first + second

    @property
    @override
    def width(self) -> int:
        return self.hidden + self.n_outputs

    @override
    def layers(self, theta: Tensor) -> tuple[Layer, ...]:
        flat, found = theta.select(-2, 0), []
        start = 0
        for outputs, inputs in ((self.hidden, self.n_features), (self.n_outputs, self.hidden)):
            end = start + outputs * inputs
            weight = flat[..., start:end].view(*flat.shape[:-1], outputs, inputs)
            start = end + outputs * self.bias
            found.append(Layer(weight, flat[..., end:start] if self.bias else None))
        return tuple(found)

    @override
    def forward(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.shape[1] != self.n_features:
            raise ValueError(f"x of shape {tuple(x.shape)} against weights for {self.n_features} columns")
        first, second = self.layers(theta)
        # all runs by one product, whose weights are copied unless a run is alone
        weight = first.weight.reshape(-1, self.n_features).t()
        sums = torch.mm(x, weight) if first.bias is None else torch.addmm(first.bias.reshape(-1), x, weight)
        hidden = sums.relu_().view(x.shape[0], len(theta), self.hidden).transpose(0, 1)
        outgoing = second.weight.transpose(1, 2)
        if second.bias is None:
            return torch.bmm(hidden, outgoing), hidden
        return torch.baddbmm(second.bias[:, None], hidden, outgoing), hidden

    @override
    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        few = max(1, CHUNK // (len(theta) * self.width))
        if x.is_sparse_csr or x.shape[0] <= few:
            return self.forward(theta, x)[0]
        return torch.cat([self.forward(theta, rows)[0] for rows in torch.split(x, few)], 1)

    @override
    def pullback(self, theta: Tensor, x: Tensor, kept: Tensor | None, residual: Tensor, out: Tensor) -> None:
        assert kept is not None
        first, second = self.layers(out)
        torch.bmm(residual.transpose(1, 2), kept, out=second.weight)
        # where a unit is silent, nothing of the residual gets through; NaN and infinity too stay out, as with torch
        through = torch.bmm(residual, self.layers(theta)[1].weight).masked_fill_(kept <= 0, 0.0)
        if first.bias is not None and second.bias is not None:
            torch.sum(residual, 1, out=second.bias)
            torch.sum(through, 1, out=first.bias)
        if x.is_sparse_csr:
            columns = through.transpose(0, 1).reshape(x.shape[0], -1)
            found = columns.new_empty(self.n_features, columns.shape[1])
            transposed_product(x, columns, found)
            first.weight.copy_(found.t().view(len(theta), self.hidden, self.n_features))
        else:
            torch.bmm(through.transpose(1, 2), x.expand(len(theta), *x.shape), out=first.weight)
