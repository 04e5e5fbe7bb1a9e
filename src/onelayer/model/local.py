"""Steps of plain gradient descent on sparse rows: they touch the weights of the columns that occur in a batch alone."""

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor, Tensor | None]
Gradient = Callable[[Tensor, Tensor, None, Batch], object]


class LocalSteps:
    """Takes the step ``theta -= lr (gradient + l2 W)``, digit by digit as if all columns of x were there.

    The rows of a batch move the weights of the columns that occur in them, few of all; a penalty moves all weights.

    Args:
        theta: (runs, outputs, columns), laid out by columns, moved in place.
        n_features: the columns of theta before the bias.
        l2: penalty of each run.
        gradient: writes the gradient of some weights on a batch, without penalty.
    """

    def __init__(self, theta: Tensor, n_features: int, l2: Sequence[float], gradient: Gradient) -> None:
        self._theta, self._weights, self._gradient = theta.permute(2, 0, 1), theta[..., :n_features], gradient
        self._bias = torch.arange(n_features, theta.shape[2], device=theta.device)
        self._l2 = torch.tensor(l2, dtype=theta.dtype, device=theta.device)[:, None, None]
        self._pulled = torch.empty_like(self._weights) if any(l2) else None

    def step(self, lr: Tensor, batch: Batch) -> None:
        """Move all runs; lr is (runs, 1, 1)."""
        x, y, weight = batch
        x, columns = occurring(x)
        moved = torch.cat([columns, self._bias])
        few = self._theta.index_select(0, moved)
        theta = few.permute(1, 2, 0)
        grad = torch.empty_like(theta)
        self._gradient(theta, grad, None, (x, y, weight))
        if self._pulled is not None:
            weights = slice(0, len(columns))
            grad[..., weights].addcmul_(self._l2, theta[..., weights])
            torch.mul(self._weights, self._l2, out=self._pulled)
            self._weights.addcmul_(lr, self._pulled, value=-1)
        theta.addcmul_(lr, grad, value=-1)
        self._theta.index_copy_(0, moved, few)


def occurring(x: Tensor) -> tuple[Tensor, Tensor]:
    """Leave out the columns of sparse x that are zero.

    Args:
        x: (rows, n_features), sparse CSR.

    Returns:
        (rows, k), sparse CSR, and (k,) int64, the columns that are left, rising.
    """
    at = x.col_indices().long()
    there = torch.zeros(x.shape[1], dtype=torch.bool, device=x.device)
    there[at] = True
    columns = there.nonzero().flatten()
    place = torch.empty(x.shape[1], dtype=x.col_indices().dtype, device=x.device)
    place[columns] = torch.arange(len(columns), dtype=place.dtype, device=x.device)
    shape = (x.shape[0], len(columns))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        few = torch.sparse_csr_tensor(x.crow_indices(), place[at], x.values(), shape, check_invariants=False)
    return few, columns
