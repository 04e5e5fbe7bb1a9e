"""Columns in which the least-squares problem keeps its digits, and the way back to original units.

Columns are shifted by their means, where a constant column takes that up, and divided by powers of two, which loses no
digit. Triangles are of stacked blocks (Golub & Van Loan, Matrix Computations, 5.3); X'X is never formed. Aliased are,
as in R, columns that are combinations of those before them; the constant one comes first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from onelayer.deliver.inference.rows import Array, Piece, Rows
from onelayer.rounding import constant as same_but_for_rounding

ALIASED = 1e-11  # the share of a column that its predecessors leave unexplained, and rounding alone may explain


def triangle_of(blocks: Iterable[Array], width: int) -> Array:
    """Return R (width, width) of the stacked blocks (rows, width) = Q R."""
    triangle = np.zeros((width, width))
    for block in blocks:
        triangle = _triangle(np.concatenate([triangle, block]))
    return triangle


def _triangle(rows: Array) -> Array:
    return np.asarray(np.linalg.qr(rows, mode="r"))


def solve(triangle: Array, right: Array, *, transposed: bool = False) -> Array:
    """Solve R b = right, or R' b = right."""
    return np.asarray(solve_triangular(triangle, right, trans="T" if transposed else "N", check_finite=False))


@dataclass(frozen=True)
class Basis:
    """The scaled columns Z = (X - shift) / scale that are kept, with logits Z b = X coef.

    Attributes:
        rows: what it is the basis of.
        n: how many observations.
        shift, scale: (columns,).
        y_shift: what y was shifted by.
        kept: indices of the columns that are not aliased, the constant one first, then ascending, bases last.
        aliased: of the others.
        every: (columns, columns), triangle of all scaled columns under weights, in their given order.
        triangle: (kept, kept), of the kept ones.
        projected: (kept,), Q'y.
    """

    rows: Rows
    n: float
    shift: Array
    scale: Array
    y_shift: float
    kept: list[int]
    aliased: list[int]
    every: Array
    triangle: Array
    projected: Array

    @classmethod
    def fit(cls, rows: Rows) -> "Basis":
        """Pass over the rows twice.

        Raises:
            ValueError: there are no rows of positive weight.
        """
        width, constant = len(rows.names), rows.constant
        n, total = 0.0, 0.0
        origin: Array | None = None
        for x, y, counts, precision in rows.pieces():
            both = np.column_stack([x, y])
            if origin is None:
                origin = both[0].copy() if constant is not None else np.zeros(width + 1)
                sums, spread = np.zeros(width + 1), np.zeros(width + 1)
                low, high = both[0].copy(), both[0].copy()
            np.minimum(low, both.min(0), out=low)
            np.maximum(high, both.max(0), out=high)
            both -= origin
            np.maximum(spread, np.abs(both).max(0), out=spread)
            sums += (counts * precision) @ both
            n, total = n + float(counts.sum()), total + float((counts * precision).sum())
        if origin is None:
            raise ValueError("there are no rows of positive weight")
        shift = origin + sums / total if constant is not None else origin
        same = same_but_for_rounding(low[:-1], high[:-1])
        largest = np.maximum(np.abs(low), np.abs(high))
        scale = np.exp2(np.frexp(np.where(same, largest[:-1], spread[:-1]))[1])
        same &= constant is not None  # without one, equal numbers are a column like others
        if constant is not None:
            shift[constant], scale[constant], same[constant] = 0.0, 1.0, False
        y_shift = float(shift[-1])

        def block(piece: Piece) -> Array:
            root = np.sqrt(piece.counts * piece.precision)[:, None]
            return np.column_stack([(piece.x - shift[:-1]) / scale, piece.y - y_shift]) * root

        both = triangle_of(map(block, rows.pieces()), width + 1)
        kept = _independent(both[:, :-1], same, constant, rows.bases)
        inner = _triangle(both[:, [*kept, width]])
        return cls(
            rows=rows,
            n=n,
            shift=shift[:-1],
            scale=scale,
            y_shift=y_shift,
            kept=kept,
            aliased=sorted(set(range(width)) - set(kept)),
            every=_triangle(both[:, :-1]),
            triangle=inner[: len(kept), : len(kept)],
            projected=inner[: len(kept), -1],
        )

    def columns(self, x: Array) -> Array:
        """Return Z (rows, kept) of X (rows, columns)."""
        return np.asarray((x[:, self.kept] - self.shift[self.kept]) / self.scale[self.kept])

    @cached_property
    def back(self) -> Array:
        """(columns, kept): coef = back @ b."""
        back = np.zeros((len(self.shift), len(self.kept)))
        back[self.kept, range(len(self.kept))] = 1 / self.scale[self.kept]
        if self.rows.constant is not None:
            back[self.rows.constant] -= self.shift[self.kept] / self.scale[self.kept]
        return back

    def scaled(self, coef: Array) -> Array:
        """Return b (kept,) with the logits of coef (columns,); what aliased columns carry passes to the kept ones."""
        b = coef * self.scale
        if self.rows.constant is not None:
            b[self.rows.constant] += coef @ self.shift
        if not self.aliased:
            return np.asarray(b[self.kept])
        share = np.linalg.lstsq(self.every[:, self.kept], self.every[:, self.aliased] @ b[self.aliased])[0]
        return np.asarray(b[self.kept] + share)

    @property
    def meant(self) -> list[int]:
        """Indices of the columns that are there to be estimated: all but aliased bases."""
        return [j for j in range(len(self.shift)) if j not in self.rows.bases or j in self.kept]

    @property
    def condition(self) -> float:
        """Condition number of X under weights, each column divided by its norm (Belsley, Kuh & Welsch, 1980, 3.2)."""
        original = self.every * self.scale
        if self.rows.constant is not None:
            original += np.outer(self.every[:, self.rows.constant], self.shift)
        original = original[:, self.meant]
        norms = np.linalg.norm(original, axis=0)
        if not norms.all() or self.n < len(norms):
            return float("inf")
        values = np.linalg.svd(original / norms, compute_uv=False)
        return float(values[0] / values[-1]) if values[-1] > 0 else float("inf")


def _independent(columns: Array, same: NDArray[np.bool_], constant: int | None, bases: Sequence[int]) -> list[int]:
    """Find the columns that are no combination of earlier ones, by Gram-Schmidt, twice (Giraud et al., 2005)."""
    order = sorted(range(columns.shape[1]), key=lambda j: (j != constant, j in bases, j))
    basis, kept = np.zeros(columns.shape), list[int]()
    for j in order:
        found, rest = basis[:, : len(kept)], columns[:, j]
        for _ in range(2):
            rest = rest - found @ (found.T @ rest)
        norm = float(np.linalg.norm(rest))
        if not same[j] and norm > ALIASED * float(np.linalg.norm(columns[:, j])):
            basis[:, len(kept)] = rest / norm
            kept.append(j)
    return kept
