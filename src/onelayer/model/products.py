"""Products with x that torch does not have, or not fast."""

import torch
from torch import Tensor


def transposed_product(x: Tensor, columns: Tensor, out: Tensor) -> None:
    """Write x' columns, (n_features, k).

    Args:
        x: (rows, n_features), sparse CSR.
        columns: (rows, k).
        out: written to.
    """
    starts, at, values = x.crow_indices(), x.col_indices(), x.values()
    if x.device.type == "cpu":
        # torch's own product with a transposed CSR matrix takes three times as long
        from scipy.sparse import csc_array

        transposed = csc_array((values.numpy(), at.numpy(), starts.numpy()), shape=(x.shape[1], x.shape[0]))
        out.copy_(torch.from_numpy(transposed @ columns.numpy()))
        return
    rows = torch.arange(x.shape[0], device=x.device).repeat_interleave(starts.diff())
    out.zero_().index_add_(0, at.long(), values[:, None] * columns[rows])
