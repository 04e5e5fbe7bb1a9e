"""Rows that come in pieces, as often as they are asked for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Chunk = tuple[Any, Any, Any | None, Any | None]
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
        chunks: starts a pass: (rows, columns) in original units, (rows,), then counts and precision as in `Piece`,
            (rows,) or None for ones. Each pass must bring the same rows.
        names: of the columns.
        constant: which column is the constant one, of ones; None where the model has no bias.
        bases: columns that are aliased before all others, such as the base level of each category: that they are is
            meant, and no lack of rank.
    """

    chunks: Callable[[], Iterable[Chunk]]
    names: tuple[str, ...]
    constant: int | None
    bases: tuple[int, ...] = ()

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
        bases: Sequence[int] = (),
    ) -> "Rows":
        """Take (rows, columns), (rows,) and weights (rows,) that are in memory.

        What weights mean: of "precision", a row is one observation whose variance is 1 / weight, or the share of ones
        among so many trials, as `weights` of R's lm and glm; of "frequency", a row stands for so many equal ones.
        """
        x, y = np.asarray(x), np.asarray(y)
        if x.ndim != 2:
            raise ValueError(f"x has the shape {x.shape}, but (rows, columns) is needed")
        weight = None if weight is None else np.asarray(weight)
        called = tuple(names) if names is not None else tuple(f"x{j}" for j in range(x.shape[1]))
        both = (weight, None) if weights == "frequency" else (None, weight)
        return cls(lambda: [(x, y, *both)], called, constant, tuple(bases))

    def pieces(self) -> Iterator[Piece]:
        """Pass over the rows once.

        Raises:
            ValueError: shapes do not agree, a weight is negative, or a number is not finite.
        """
        size = rows_of_piece(len(self.names))
        for x_, y_, *weights_ in self.chunks():
            n_rows = len(x_)
            shapes = [(n_rows,) if one is None else np.shape(one) for one in (y_, *weights_)]
            if np.shape(x_) != (n_rows, len(self.names)) or any(one != (n_rows,) for one in shapes):
                raise ValueError(
                    f"x, y, weights have the shapes {np.shape(x_)}, {', '.join(map(str, shapes))} for "
                    f"{len(self.names)} columns"
                )
            for start in range(0, n_rows, size):
                some = slice(start, start + size)
                x, y = (np.asarray(part[some], np.float64) for part in (x_, y_))
                counts, precision = (
                    np.ones(len(y)) if one is None else np.asarray(one[some], np.float64) for one in weights_
                )
                if not all(np.isfinite(one).all() for one in (x, y, counts, precision)):
                    raise ValueError("x, y or weight holds a number that is not finite")
                if self.constant is not None and (x[:, self.constant] != 1.0).any():
                    raise ValueError(f"the constant column '{self.names[self.constant]}' holds other numbers than 1")
                if (counts < 0).any() or (precision < 0).any():
                    raise ValueError("a weight is negative")
                if not (used := (counts > 0) & (precision > 0)).all():
                    x, y, counts, precision = x[used], y[used], counts[used], precision[used]
                if len(y):
                    yield Piece(x, y, counts, precision)


def rows_of_piece(columns: int) -> int:
    """Return how many rows a piece has: the triangle, factored again with each, is small beside it."""
    return max(BLOCK // (columns + 1), 4 * (columns + 1))
