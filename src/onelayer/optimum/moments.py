"""First and second moments of the train rows, kept as a triangle so that no digits are lost.

The columns ``[1, x, y]`` are factored block by block (`triangle`), after they were shifted by their means over the
first rows.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from onelayer.linalg import dense
from onelayer.optimum.triangle import Array, independent, triangle
from onelayer.protocols import Part
from onelayer.rounding import constant
from onelayer.threads import one_thread, one_thread_here

# numbers of the rows that are dense at once, and of those that are factored at once, which stay in the cache
BLOCK, FACTORED = 2**22, 2**17
FIRST = 1024  # rows whose means the columns are shifted by
STRANDS = 4  # threads, the same on every machine: where rows are cut decides the last digit of a sum


@dataclass(frozen=True)
class Moments:
    """What a squared loss needs to know of (x, y), for rows that count by their weight.

    With n rows, ``|y - x w - b|^2`` summed over rows is

        |rest|^2 + |projected - triangle w|^2 + n (y_mean - x_mean w - b)^2

    Attributes:
        n_rows: how many.
        x_mean: (n_features,).
        y_mean: (outputs,).
        triangle: (k, n_features), with triangle' triangle the sum of squares and products of centred x; 0 in a column
            that is constant but perhaps for rounding.
        projected: (k, outputs), with triangle' projected the products of centred x and y.
        rest: (outputs,), the root of what no x explains of y's sum of squares.
    """

    n_rows: int
    x_mean: Array
    y_mean: Array
    triangle: Array
    projected: Array
    rest: Array

    @classmethod
    def of(cls, part: Part, *, with_y: bool = True) -> "Moments":
        """Pass over the rows once; without y for a target of classes."""
        n_features, strands = part.n_features, list[_Strand]()
        low, high = np.full(n_features, np.inf), np.full(n_features, -np.inf)
        # one thread each: two of them would sum in another order each time
        with one_thread(), ThreadPoolExecutor(STRANDS, initializer=one_thread_here) as pool:
            for x, y, weight in dense_pieces(part, n_features + 2):
                beside = y if with_y else x[:, :0]
                there = x if weight is None or weight.all() else x[weight > 0]
                np.minimum(low, there.min(0, initial=np.inf), out=low)
                np.maximum(high, there.max(0, initial=-np.inf), out=high)
                if not strands:
                    shift = np.concatenate([x[:FIRST].mean(0), beside[:FIRST].mean(0)])
                    strands = [_Strand(shift) for _ in range(STRANDS)]
                cuts = [slice(start, end) for start, end in pairwise(len(x) * k // STRANDS for k in range(STRANDS + 1))]
                weights = [None if weight is None else weight[rows] for rows in cuts]
                some = [x[rows] for rows in cuts], [beside[rows] for rows in cuts], weights
                list(pool.map(_Strand.add, strands, *some))
        factor = triangle(np.concatenate([strand.triangle for strand in strands]))
        # its first row has the sums; where there are few rows, the last ones are missing
        width = factor.shape[1]
        factor = np.concatenate([factor, np.zeros((max(0, width - len(factor)), width))])
        mean = shift + factor[0, 1:] / factor[0, 0]
        inner = factor[1 : n_features + 1]
        inner[:, 1 : n_features + 1][:, constant(low, high)] = 0.0
        return cls(
            n_rows=len(part),
            x_mean=mean[:n_features],
            y_mean=mean[n_features:],
            triangle=inner[:, 1 : n_features + 1],
            projected=inner[:, n_features + 1 :],
            rest=np.linalg.norm(factor[n_features + 1 :, n_features + 1 :], axis=0),
        )

    @property
    def rank(self) -> int:
        """The rank of x, of centred x where the means are not zero."""
        return len(independent(self.triangle))

    def about_zero(self) -> "Moments":
        """Return the same for a model without bias: moments about zero, with means that are zero."""
        n, n_features = self.n_rows, len(self.x_mean)
        top = np.concatenate([self.triangle, self.projected], 1)
        level = np.sqrt(n) * np.concatenate([self.x_mean, self.y_mean])[None]
        folded = triangle(np.concatenate([top, level]))
        folded = np.concatenate([folded, np.zeros((max(0, n_features - len(folded)), folded.shape[1]))])
        extra = np.linalg.norm(folded[n_features:, n_features:], axis=0)
        return Moments(
            n_rows=n,
            x_mean=np.zeros(n_features),
            y_mean=np.zeros(len(self.y_mean)),
            triangle=folded[:n_features, :n_features],
            projected=folded[:n_features, n_features:],
            rest=np.hypot(self.rest, extra),
        )

    def largest(self, *, bias: bool) -> float:
        """Return the largest eigenvalue of the mean of x' x, the constant column appended where there is a bias."""
        rows = np.concatenate([self.triangle / np.sqrt(self.n_rows), self.x_mean[None]])
        if bias:
            rows = np.concatenate([rows, np.zeros((len(rows), 1))], 1)
            rows[-1, -1] = 1.0
        return float(np.linalg.norm(rows, 2) ** 2)


class _Strand:
    """The triangle of the rows ``[1, x, y]`` so far, (k, columns)."""

    def __init__(self, shift: Array) -> None:
        self.shift = shift
        self.triangle = np.empty((0, 1 + len(shift)))

    def add(self, x: Array, y: Array, weight: Array | None) -> None:
        """Put rows below it, few enough at once to stay in the cache."""
        width = 1 + len(self.shift)
        # the triangle, which is factored again with each piece, must be small beside it
        size = max(FACTORED // width, 4 * width)
        for start in range(0, len(x), size):
            piece, above = slice(start, min(start + size, len(x))), len(self.triangle)
            rows = np.empty((above + piece.stop - start, width))
            rows[:above], rows[above:, 0] = self.triangle, 1.0
            np.subtract(x[piece], self.shift[: x.shape[1]], out=rows[above:, 1 : 1 + x.shape[1]])
            np.subtract(y[piece], self.shift[x.shape[1] :], out=rows[above:, 1 + x.shape[1] :])
            if weight is not None:
                rows[above:] *= np.sqrt(weight[piece])[:, None]
            self.triangle = triangle(rows)


def dense_pieces(part: Part, width: int) -> Iterator[tuple[Array, Array, Array | None]]:
    """Yield the rows as dense (rows, n_features), (rows, outputs) or (rows,), (rows,) of bounded size.

    Args:
        part: the rows.
        width: numbers that are needed for a row.
    """
    size = max(BLOCK // width, width)
    for chunk in part.chunks():
        for start in range(0, len(chunk.y), size):
            rows = slice(start, min(start + size, len(chunk.y)))
            x = dense(chunk.x, rows)
            yield x.numpy(), chunk.y[rows].numpy(), None if chunk.weight is None else chunk.weight[rows].numpy()
