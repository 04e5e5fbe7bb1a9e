"""Triangles of rows, R of Q R, and which of their columns are combinations of columns before them.

The triangle R of the rows so far, with more rows below it, has the triangle of all of them (Golub & Van Loan, Matrix
Computations, 5.3). Products such as X'X, which square the condition number, are never formed.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Array = NDArray[np.float64]
ALIASED = 1e-11  # the share of a column that its predecessors leave unexplained, and rounding alone may explain


def triangle(rows: Array) -> Array:
    """Return R of rows = Q R, with as many rows as columns, or fewer where there are fewer rows."""
    return np.asarray(torch.linalg.qr(torch.from_numpy(rows), mode="r").R)


def triangle_of(blocks: Iterable[Array], width: int) -> Array:
    """Return R (width, width) of the stacked blocks (rows, width) = Q R."""
    result = np.zeros((width, width))
    for block in blocks:
        result = triangle(np.concatenate([result, block]))
    return result


def solve(upper: Array, right: Array, *, transposed: bool = False) -> Array:
    """Solve R b = right, or R' b = right, for R upper triangular."""
    return np.asarray(solve_triangular(upper, right, trans="T" if transposed else "N", check_finite=False))


def independent(columns: Array, order: Sequence[int] | None = None) -> list[int]:
    """Return the columns, in the order in which they are visited, that are no combination of those before them.

    This alone decides ranks, for training and for summaries. The units of the columns do not matter.

    Args:
        columns: (any, width), such as a triangle.
        order: in which to visit them; None: as they stand.
    """
    order = range(columns.shape[1]) if order is None else order
    visited = columns[:, list(order)]
    norms = np.linalg.norm(visited, axis=0)
    # the diagonal of a triangle is what predecessors leave unexplained, as long as all of these are independent
    upper = visited if np.array_equal(visited, np.triu(visited)) else triangle(visited)
    left = np.abs(np.diag(upper))
    if len(left) == len(norms) and (left > ALIASED * norms).all():
        return list(order)
    # Gram-Schmidt, twice (Giraud et al., 2005)
    basis, kept = np.zeros(upper.shape), list[int]()
    for place, rest in enumerate(upper.T):
        known = basis[:, : len(kept)]
        for _ in range(2):
            rest = rest - known @ (known.T @ rest)
        left_over = float(np.linalg.norm(rest))
        if left_over > ALIASED * norms[place]:
            basis[:, len(kept)] = rest / left_over
            kept.append(order[place])
    return kept
