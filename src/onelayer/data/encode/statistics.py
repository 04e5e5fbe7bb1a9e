"""What the train rows say of each column, in one pass over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onelayer.data.frame import Column, Frame

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
# bytes of a block of rows: it stays in the cache while it is looked at several times
BLOCK_BYTES = 512 * 1024


@dataclass(frozen=True)
class Moments:
    """How the values of columns are spread.

    Attributes:
        mean, minimum, maximum: (columns,), NaN where a column has no value.
        variance: (columns,), of the population (divided by the number of values), NaN likewise.
        quartiles: (3, columns), at 25, 50 and 75 %, interpolated linearly; None where nobody needs them.
    """

    mean: Array
    variance: Array
    minimum: Array
    maximum: Array
    quartiles: Array | None = None


@dataclass(frozen=True)
class Statistics:
    """What of the train rows decides how columns are encoded.

    Attributes:
        columns: of the frame.
        rows: how many.
        missing: (numbers,), rows without a value, for each column of `Frame.numbers`.
        moments: of the numbers that are there.
        median: (numbers,), of those that are there, NaN without any; None unless missing numbers get it.
        levels: for each category (levels,), the rows of each level, in the order of `Column.levels`.
        missing_levels: (categories,), rows without a level.
    """

    columns: tuple[Column, ...]
    rows: int
    missing: Counts
    moments: Moments
    median: Array | None
    levels: tuple[Counts, ...]
    missing_levels: Counts

    @classmethod
    def of(cls, frame: Frame, *, median: bool = False) -> "Statistics":
        """Look at (rows) of a frame; `median` where it is needed, since it costs more than all the rest."""
        present, moments = moments_of(frame.numbers)
        counts = [
            np.bincount(frame.codes[:, place] + 1, minlength=len(column.levels) + 1)
            for column, place in frame.places()
            if column.role == "category"
        ]
        return cls(
            columns=frame.columns,
            rows=len(frame),
            missing=len(frame) - present,
            moments=moments,
            median=quantiles_of(frame.numbers, (0.5,))[0] if median else None,
            levels=tuple(count[1:] for count in counts),
            missing_levels=np.array([count[0] for count in counts], np.int64),
        )


def blocks(rows: int, columns: int) -> list[slice]:
    """Cut rows of float64 columns into blocks that stay in the cache."""
    size = max(64, BLOCK_BYTES // (8 * max(columns, 1)))
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def moments_of(x: Array) -> tuple[Counts, Moments]:
    """Count the values of (rows, columns) that are not NaN, and say how they are spread.

    Sums are taken about the mean of the first values of a column, so that a column far from zero keeps its digits
    (the shifted data algorithm of Chan, Golub and LeVeque, Algorithms for Computing the Sample Variance, 1983).
    Values beyond 1e150 have no variance in float64: it is infinite or NaN then.
    """
    columns = x.shape[1]
    present = np.zeros(columns, np.int64)
    origin, total, squares = np.full(columns, np.nan), np.zeros(columns), np.zeros(columns)
    minimum, maximum = np.full(columns, np.inf), np.full(columns, -np.inf)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for rows in blocks(*x.shape):
            values = x[rows]
            holes = np.isnan(values)
            some = bool(holes.any())
            count = len(values) - holes.sum(axis=0) if some else np.full(columns, len(values))
            fresh = np.isnan(origin) & (count > 0)
            if fresh.any():
                first = np.where(holes[:, fresh], 0.0, values[:, fresh])
                origin[fresh] = (first / count[fresh]).sum(axis=0)
            from_origin = values - origin
            if some:
                from_origin[holes] = 0.0
                np.fmin(minimum, np.fmin.reduce(values, axis=0), out=minimum)
                np.fmax(maximum, np.fmax.reduce(values, axis=0), out=maximum)
            else:
                np.minimum(minimum, values.min(axis=0), out=minimum)
                np.maximum(maximum, values.max(axis=0), out=maximum)
            present += count
            total += from_origin.sum(axis=0)
            squares += np.einsum("ij,ij->j", from_origin, from_origin)
        mean = origin + total / present
        variance = np.maximum(squares - total * (total / present), 0.0) / present
    minimum[present == 0] = maximum[present == 0] = np.nan
    alone = minimum == maximum  # one value: no digit of it may be lost
    mean[alone], variance[alone] = minimum[alone], 0.0
    return present, Moments(mean, variance, minimum, maximum)


def quantiles_of(x: Array, at: tuple[float, ...]) -> Array:
    """Return (len(at), columns): quantiles of the values of (rows, columns) that are not NaN, interpolated linearly."""
    found = np.full((len(at), x.shape[1]), np.nan)
    for number in range(x.shape[1]):
        values = x[:, number]
        values = values[~np.isnan(values)]
        if len(values):
            found[:, number] = np.quantile(values, at, overwrite_input=True)
    return found


def with_fill(moments: Moments, rows: int, missing: Counts, fill: Array, quartiles: Array | None = None) -> Moments:
    """Return the moments of columns whose holes were filled.

    Args:
        moments: of the values that are there.
        rows: of the table, with those that have holes.
        missing: (columns,), rows that have a hole.
        fill: (columns,), what they get.
        quartiles: (3, columns), of the filled columns.

    Two samples are put together as in Chan, Golub and LeVeque, formula 2.1.
    """
    here, share = (rows - missing) / rows, missing / rows
    some, holes = missing < rows, missing > 0
    step = np.where(some, fill - moments.mean, 0.0)
    mean = np.where(some, np.where(holes, moments.mean + step * share, moments.mean), fill)
    variance = np.where(some, here * moments.variance + step**2 * here * share, 0.0)
    return Moments(
        mean=mean,
        variance=variance,
        minimum=np.where(holes, np.fmin(moments.minimum, fill), moments.minimum),
        maximum=np.where(holes, np.fmax(moments.maximum, fill), moments.maximum),
        quartiles=quartiles,
    )


def of_flags(rows: int, ones: Counts, *, quartiles: bool) -> Moments:
    """Return the moments of columns of zeros and ones, from how many ones (columns,) each has."""
    zeros = rows - ones
    place = np.array([0.25, 0.5, 0.75])[:, None] * (rows - 1)
    below = np.floor(place)
    low, high = (below >= zeros).astype(np.float64), (below + 1 >= zeros).astype(np.float64)
    return Moments(
        mean=ones / rows,
        variance=(ones / rows) * (zeros / rows),
        minimum=(zeros == 0).astype(np.float64),
        maximum=(ones > 0).astype(np.float64),
        quartiles=low + (high - low) * (place - below) if quartiles else None,
    )


def side_by_side(moments: Sequence[Moments]) -> Moments:
    """Return the moments of all columns; quartiles where all have them."""
    quartiles = [one.quartiles for one in moments if one.quartiles is not None]
    return Moments(
        mean=np.concatenate([one.mean for one in moments]),
        variance=np.concatenate([one.variance for one in moments]),
        minimum=np.concatenate([one.minimum for one in moments]),
        maximum=np.concatenate([one.maximum for one in moments]),
        quartiles=np.concatenate(quartiles, axis=1) if len(quartiles) == len(moments) else None,
    )
