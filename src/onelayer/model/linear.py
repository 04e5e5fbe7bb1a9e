"""The weights of all runs of a stack, served by one matrix product."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Init = Literal["zeros", "normal", "torch"] | float


class StackedLinear(nn.Module):
    """Linear layers of the same shape, one for each run.

    All numbers of a run lie together in `theta`, (runs, outputs, n_features + 1): for each output its weights and
    then its bias (without bias: no last column). `weight` and `bias` are views of it. So one product with
    (runs * outputs, n_features) gives the outputs of all runs, and an elementwise optimizer has one tensor to update.

    Laid out by columns, the numbers that belong to one column of x lie side by side in memory, whatever the shape says:
    a non-zero value of sparse x then meets them at one place.

    Args:
        n_runs: runs in the stack.
        n_features: columns of x.
        n_outputs: columns of the outputs.
        bias: whether there is one.
        dtype: of all numbers.
        by_column: lay out by columns of x, for sparse x.
    """

    def __init__(
        self,
        n_runs: int,
        n_features: int,
        n_outputs: int,
        *,
        bias: bool = True,
        dtype: torch.dtype = torch.float32,
        by_column: bool = False,
    ) -> None:
        super().__init__()
        self.n_runs, self.n_features, self.n_outputs, self.has_bias = n_runs, n_features, n_outputs, bias
        self.by_column = by_column
        # no autograd: the gradient of a linear layer is one product, and `pullback` writes it where it is used
        theta = self._laid_out(torch.zeros(n_runs, n_outputs, n_features + bias, dtype=dtype))
        self.theta = nn.Parameter(theta, requires_grad=False)

    @property
    def weight(self) -> Tensor:
        """(runs, outputs, n_features), a view."""
        return self.theta[..., : self.n_features]

    @property
    def bias(self) -> Tensor | None:
        """(runs, outputs), a view; None without bias."""
        return self.theta[..., self.n_features] if self.has_bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (rows, n_features) to logits (runs, rows, outputs)."""
        return logits_of(self.theta, x)

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs."""
        self.n_runs = len(runs)
        self.theta = nn.Parameter(self._laid_out(self.theta.data[runs]), requires_grad=False)

    @torch.no_grad()
    def start(self, seeds: Sequence[int], init: Sequence[Init], std: Sequence[float]) -> None:
        """Set the initial weights, each run's from its own seed, whatever else is in the stack.

        ``torch`` draws what `torch.nn.Linear` draws after ``torch.manual_seed(seed)``; ``normal`` leaves the bias zero,
        and so does a number, at which every weight starts.
        """
        self.theta.zero_()
        for run, (seed, kind, spread) in enumerate(zip(seeds, init, std, strict=True)):
            if isinstance(kind, float | int):
                self.weight[run] = kind
                continue
            generator = torch.Generator().manual_seed(seed)
            weight = torch.empty(self.n_outputs, self.n_features, dtype=self.theta.dtype)
            if kind == "normal":
                self.weight[run] = weight.normal_(0.0, spread, generator=generator)
            elif kind == "torch":
                bound = self.n_features**-0.5
                self.weight[run] = weight.uniform_(-bound, bound, generator=generator)
                if self.bias is not None:
                    self.bias[run] = weight[:, 0].clone().uniform_(-bound, bound, generator=generator)

    def _laid_out(self, theta: Tensor) -> Tensor:
        return theta.permute(2, 0, 1).contiguous().permute(1, 2, 0) if self.by_column else theta.contiguous()


def logits_of(theta: Tensor, x: Tensor) -> Tensor:
    """Map (rows, n_features) to logits (runs, rows, outputs) by theta (runs, outputs, n_features [+ 1])."""
    flat = theta.flatten(0, 1)
    n_features = x.shape[1]
    if flat.shape[1] not in (n_features, n_features + 1):
        raise ValueError(f"x of shape {tuple(x.shape)} against weights for {flat.shape[1]} columns, bias included")
    weight = flat[:, :n_features]
    if flat.shape[1] == n_features:
        logits = torch.mm(x, weight.t())
    elif x.is_sparse_csr:
        logits = torch.mm(x, weight.t()).add_(flat[:, -1])
    else:
        logits = torch.addmm(flat[:, -1], x, weight.t())
    return logits.view(x.shape[0], theta.shape[0], theta.shape[1]).transpose(0, 1)


def logits_in_order(theta: Tensor, x: Tensor) -> Tensor:
    """Map (rows, n_features), dense, to (runs, rows, outputs) as delivered models do, to the last bit.

    Sums are in float64, from the first column to the last and then the bias; see `onelayer.artefact.logits_in_order`.
    """
    wide, features = theta.double(), x.double()
    logits = wide.new_zeros(theta.shape[0], len(x), theta.shape[1])
    for place, column in enumerate(features.unbind(1)):
        logits += column[:, None] * wide[:, None, :, place]
    if theta.shape[2] > x.shape[1]:
        logits += wide[:, None, :, -1]
    return logits.to(theta.dtype)


def pullback(x: Tensor, residual: Tensor, out: Tensor) -> None:
    """Write the gradient by theta, given that by the logits.

    Args:
        x: (rows, n_features), dense or sparse CSR.
        residual: (runs, rows, outputs).
        out: (runs, outputs, n_features [+ 1]), with runs and outputs side by side in memory, written to.
    """
    flat = out.flatten(0, 1)
    columns = residual.transpose(0, 1).reshape(x.shape[0], -1)
    n_features = x.shape[1]
    if x.is_sparse_csr:
        _sparse_pullback(x, columns, flat[:, :n_features].t())
    else:
        torch.mm(columns.t(), x, out=flat[:, :n_features])
    if flat.shape[1] > n_features:
        torch.sum(columns, 0, out=flat[:, -1])


def _sparse_pullback(x: Tensor, columns: Tensor, out: Tensor) -> None:
    """Write x' columns, (n_features, runs * outputs)."""
    starts, at, values = x.crow_indices(), x.col_indices(), x.values()
    if x.device.type == "cpu":
        # torch's own product with a transposed CSR matrix takes three times as long
        from scipy.sparse import csc_array

        transposed = csc_array((values.numpy(), at.numpy(), starts.numpy()), shape=(x.shape[1], x.shape[0]))
        out.copy_(torch.from_numpy(transposed @ columns.numpy()))
        return
    rows = torch.arange(x.shape[0], device=x.device).repeat_interleave(starts.diff())
    out.zero_().index_add_(0, at.long(), values[:, None] * columns[rows])
