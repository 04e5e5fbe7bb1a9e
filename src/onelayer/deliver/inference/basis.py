"""Columns in which the least-squares problem keeps its digits, and the way back to original units.

Columns are shifted by their means, where a constant column takes that up, and divided by powers of two, which loses no
digit. Aliased are, as in R, columns that are combinations of those before them; the constant one comes first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from onelayer.deliver.inference.rows import Array, Rows
from onelayer.linalg import Piece
from onelayer.optimum.moments import Moments
from onelayer.optimum.triangle import independent, triangle


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

    @classmethod
    def fit(cls, rows: Rows) -> "Basis":
        """Pass over the rows twice.

        Raises:
            ValueError: there are no rows of positive weight.
        """
        width, constant = len(rows.names), rows.constant
        n_rows, n, total = 0, 0.0, 0.0
        low, high = np.full(width, np.inf), np.full(width, -np.inf)
        for x, _, counts, precision in rows.pieces():
            np.minimum(low, x.min(0), out=low)
            np.maximum(high, x.max(0), out=high)
            n_rows, n, total = n_rows + len(x), n + float(counts.sum()), total + float((counts * precision).sum())
        if not n_rows:
            raise ValueError("there are no rows of positive weight")
        largest = np.maximum(np.abs(low), np.abs(high))
        extent = largest if constant is None else np.where(high > low, high - low, largest)
        scale = np.exp2(np.frexp(extent)[1])
        features = [j for j in range(width) if j != constant]
        moments = Moments.of(_Features(rows, features, scale[features], n_rows, total / n_rows))
        moments = moments.about_zero() if constant is None else moments
        shift, every = np.zeros(width), np.zeros((width, width))
        shift[features] = moments.x_mean * scale[features]
        every[np.ix_(features, features)] = moments.triangle * np.sqrt(total / n_rows)
        if constant is not None:
            scale[constant], every[constant, constant] = 1.0, np.sqrt(total)
        kept = independent(every, sorted(range(width), key=lambda j: (j != constant, j in rows.bases, j)))
        return cls(
            rows=rows,
            n=n,
            shift=shift,
            scale=scale,
            y_shift=float(moments.y_mean[0]),
            kept=kept,
            aliased=sorted(set(range(width)) - set(kept)),
            every=every,
            triangle=triangle(every[:, kept]),
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


@dataclass(frozen=True)
class _Features:
    """Rows as moments are taken of: no constant column, in powers of two, with weights that are 1 on average."""

    rows: Rows
    features: list[int]
    scale: Array
    n_rows: int
    weight: float

    def __len__(self) -> int:
        return self.n_rows

    @property
    def n_features(self) -> int:
        return len(self.features)

    def chunks(self, device: torch.device | None = None) -> Iterator[Piece]:
        for x, y, counts, precision in self.rows.pieces():
            weight = counts * precision / self.weight
            tensors = (x[:, self.features] / self.scale, y[:, None], weight)
            yield Piece(*map(torch.from_numpy, tensors))
