"""Rows that come in pieces, as often as they are asked for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Chunk = tuple[Any, Any, Any | None]
Weights = Literal["precision", "frequency"]
BLOCK = 2**20  # numbers of a piece


class Piece(NamedTuple):
    """Some rows in float64, none with the weight zero.

    Attributes:
        x: (rows, columns).
        y: (rows,).
        counts: (rows,), how many observations a row stands for.
        precision: (rows,), the weight of each of them.
    """

    x: Array
    y: Array
    counts: Array
    precision: Array


@dataclass(frozen=True)
class Rows:
    """The rows of a model and what its columns are.

    Attributes:
        chunks: starts a pass: (rows, columns) in original units, (rows,), (rows,) weights or None. Each pass must
            bring the same rows.
        names: of the columns.
        constant: which column is the constant one, of ones; None where the model has no bias.
        weights: what they mean. "precision": a row is one observation whose variance is 1 / weight, or the share of
            ones among so many trials, as `weights` of R's lm and glm. "frequency": a row stands for so many equal
            observations.
    """

    chunks: Callable[[], Iterable[Chunk]]
    names: tuple[str, ...]
    constant: int | None
    weights: Weights = "precision"

    @classmethod
    def of(
        cls,
        x: ArrayLike,
        y: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        names: Sequence[str] | None = None,
        constant: int | None,
        weights: Weights = "precision",
    ) -> "Rows":
        """Take (rows, columns), (rows,) and weights (rows,) that are in memory."""
        x, y = np.asarray(x), np.asarray(y)
        if x.ndim != 2:
            raise ValueError(f"x has the shape {x.shape}, but (rows, columns) is needed")
        weight = None if weight is None else np.asarray(weight)
        called = tuple(names) if names is not None else tuple(f"x{j}" for j in range(x.shape[1]))
        return cls(lambda: [(x, y, weight)], called, constant, weights)

    def pieces(self) -> Iterator[Piece]:
        """Pass over the rows once.

        Raises:
            ValueError: shapes do not agree, a weight is negative, or a number is not finite.
        """
        width = len(self.names) + 1
        size = max(BLOCK // width, 4 * width)  # the triangle, factored again with each piece, is small beside it
        for x_, y_, weight_ in self.chunks():
            n_rows = len(x_)
            shapes = np.shape(x_), np.shape(y_), (n_rows,) if weight_ is None else np.shape(weight_)
            if shapes != ((n_rows, len(self.names)), (n_rows,), (n_rows,)):
                raise ValueError(f"x, y, weight have the shapes {shapes} for {len(self.names)} columns")
            for start in range(0, n_rows, size):
                some = slice(start, start + size)
                x, y = (np.asarray(part[some], np.float64) for part in (x_, y_))
                weight = np.ones(len(y)) if weight_ is None else np.asarray(weight_[some], np.float64)
                if not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(weight).all()):
                    raise ValueError("x, y or weight holds a number that is not finite")
                if self.constant is not None and (x[:, self.constant] != 1.0).any():
                    raise ValueError(f"the constant column '{self.names[self.constant]}' holds other numbers than 1")
                if (weight < 0).any():
                    raise ValueError("a weight is negative")
                if not (used := weight > 0).all():
                    x, y, weight = x[used], y[used], weight[used]
                if len(y):
                    ones = np.ones(len(y))
                    yield Piece(x, y, *((ones, weight) if self.weights == "precision" else (weight, ones)))
