"""What the train rows say of each column, in one pass over them; a row counts as so many as it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onelayer.data.frame import Column, Frame

Array = NDArray[np.float64]
Counts = NDArray[Any]  # of rows: whole numbers, but where rows stand for parts of one
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

    def at(self, columns: slice) -> "Moments":
        """Return those of some columns, without quartiles."""
        return Moments(self.mean[columns], self.variance[columns], self.minimum[columns], self.maximum[columns])


class Counted(NamedTuple):
    """How many rows lack a value, and how many have each level.

    Attributes:
        columns: of the frame.
        missing: (numbers,), rows without a value, for each column of `Frame.numbers`.
        levels: for each category (levels + 1,), the rows without a level, then those of each, as in `Column.levels`.
    """

    columns: tuple[Column, ...]
    missing: Counts
    levels: tuple[Counts, ...]

    @classmethod
    def of(cls, frame: Frame) -> "Counted":
        """Count the rows of a frame."""
        missing = np.zeros(frame.numbers.shape[1], np.int64)
        for rows in blocks(*frame.numbers.shape):
            missing += np.isnan(frame.numbers[rows]).sum(axis=0)
        sizes = [len(column.levels) + 1 for column in frame.columns if column.role == "category"]
        counts = (np.bincount(codes + 1, minlength=size) for codes, size in zip(frame.codes.T, sizes, strict=True))
        return cls(frame.columns, missing, tuple(counts))

    def plus(self, other: "Counted") -> "Counted":
        """Count further rows of the same columns."""
        levels = tuple(a + b for a, b in zip(self.levels, other.levels, strict=True))
        return self._replace(missing=self.missing + other.missing, levels=levels)


@dataclass(frozen=True)
class Statistics:
    """What of the train rows decides how columns are encoded.

    Attributes:
        columns: of the frame.
        rows: how many, as all counts here by what each stands for.
        missing: (numbers,), rows without a value, for each column of `Frame.numbers`.
        moments: of the numbers that are there.
        median: (numbers,), of those that are there, NaN without any; None unless missing numbers get it.
        levels: for each category (levels,), the rows of each level, in the order of `Column.levels`.
        missing_levels: (categories,), rows without a level.
    """

    columns: tuple[Column, ...]
    rows: float
    missing: Counts
    moments: Moments
    median: Array | None
    levels: tuple[Counts, ...]
    missing_levels: Counts

    @classmethod
    def of(cls, frame: Frame, weight: Array | None = None, *, median: bool = False) -> "Statistics":
        """Look at (rows) of a frame.

        Args:
            frame: the rows.
            weight: (rows,), how many rows each one stands for, as `counts_of` says; None: one.
            median: where it is needed, since it costs more than all the rest.
        """
        if weight is not None and not weight.all():  # a row that stands for none has no say
            frame, weight = frame.take(np.flatnonzero(weight)), weight[weight > 0]
        numbers = frame.numbers
        present, moments = moments_of(numbers, weight)
        missing = len(frame) - present
        if weight is not None:  # not a difference of sums: without holes it must be zero to the last bit
            missing = sum((weight[rows] @ np.isnan(numbers[rows]) for rows in blocks(*numbers.shape)), missing * 0.0)
        counts = [
            np.bincount(frame.codes[:, place] + 1, weight, minlength=len(column.levels) + 1)
            for column, place in frame.places()
            if column.role == "category"
        ]
        return cls(
            columns=frame.columns,
            rows=len(frame) if weight is None else float(weight.sum()),
            missing=missing,
            moments=moments,
            median=quantiles_of(numbers, (0.5,), weight)[0] if median else None,
            levels=tuple(count[1:] for count in counts),
            missing_levels=np.array([count[0] for count in counts], np.int64 if weight is None else np.float64),
        )

    @property
    def counted(self) -> Counted:
        """How many rows lack a value, and how many have each level."""
        levels = (np.append(none, each) for none, each in zip(self.missing_levels, self.levels, strict=True))
        return Counted(self.columns, self.missing, tuple(levels))


def blocks(rows: int, columns: int) -> list[slice]:
    """Cut rows of float64 columns into blocks that stay in the cache."""
    size = max(64, BLOCK_BYTES // (8 * max(columns, 1)))
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def counts_of(weight: Array) -> Array:
    """Say how many rows each train row stands for, (rows,), where a number of rows matters: in quantiles, rare levels.

    Whole weights are such numbers. Others, whose scale means nothing, are taken relative to their mean.
    """
    return weight if (weight == np.rint(weight)).all() else weight / weight.mean()


def moments_of(x: Array, weight: Array | None = None) -> tuple[Counts, Moments]:
    """Count the values of (rows, columns) that are not NaN, and say how they are spread.

    Sums are taken about the mean of the first values of a column, so that a column far from zero keeps its digits
    (the shifted data algorithm of Chan, Golub and LeVeque, Algorithms for Computing the Sample Variance, 1983).
    Values beyond 1e150 have no variance in float64: it is infinite or NaN then.

    Args:
        x: (rows, columns).
        weight: (rows,), above 0, how many rows each one stands for; None: one.
    """
    columns = x.shape[1]
    present: Counts = np.zeros(columns, np.int64 if weight is None else np.float64)
    origin, total, squares = np.full(columns, np.nan), np.zeros(columns), np.zeros(columns)
    minimum, maximum = np.full(columns, np.inf), np.full(columns, -np.inf)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for rows in blocks(*x.shape):
            values, weights = x[rows], None if weight is None else weight[rows]
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
            if weights is None:
                present += count
                total += from_origin.sum(axis=0)
                squares += np.einsum("ij,ij->j", from_origin, from_origin)
            else:
                present += weights @ ~holes
                total += weights @ from_origin
                squares += np.einsum("i,ij,ij->j", weights, from_origin, from_origin)
    minimum[present == 0] = maximum[present == 0] = np.nan
    return present, moments_about(origin, present, total, squares, minimum, maximum)


def moments_about(
    origin: Array, present: Counts, total: Array, squares: Array, minimum: Array, maximum: Array
) -> Moments:
    """Return the moments of columns, given sums about an origin, (columns,) each.

    Args:
        origin: near the mean.
        present: how many values there are.
        total, squares: sums of the distances from the origin, and of their squares.
        minimum, maximum: NaN where a column has no value.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        mean = origin + total / present
        variance = np.maximum(squares - total * (total / present), 0.0) / present
    alone = minimum == maximum  # one value: no digit of it may be lost
    mean[alone], variance[alone] = minimum[alone], 0.0
    return Moments(mean, variance, minimum, maximum)


def quantiles_of(x: Array, at: tuple[float, ...], weight: Array | None = None) -> Array:
    """Return (len(at), columns): quantiles of the values of (rows, columns) that are not NaN, interpolated linearly.

    Args:
        x: (rows, columns).
        at: which, from 0 to 1.
        weight: (rows,), above 0, how many rows each one stands for; None: one.
    """
    found = np.full((len(at), x.shape[1]), np.nan)
    for number in range(x.shape[1]):
        values = x[:, number]
        there = ~np.isnan(values)
        values = values[there]
        if not len(values):
            continue
        if weight is None:
            found[:, number] = np.quantile(values, at, overwrite_input=True)
        else:
            found[:, number] = weighted_quantiles(values, weight[there], at)
    return found


def weighted_quantiles(values: Array, weight: Array, at: tuple[float, ...]) -> Array:
    """Return the quantiles of values (n,) that each stand for so many equal ones, as `numpy.quantile` of all of them.

    With the weights as numbers of equal rows, those of `numpy.repeat(values, weight)`, to the last bit.
    """
    order = np.argsort(values)
    ordered, until = values[order], np.cumsum(weight[order])
    place = np.maximum(np.array(at) * (until[-1] - 1), 0.0)
    below = np.floor(place)
    low, high = (
        ordered[np.minimum(np.searchsorted(until, one, side="right"), len(ordered) - 1)] for one in (below, below + 1)
    )
    share, step = place - below, high - low
    return np.asarray(np.where(share < 0.5, low + step * share, high - step * (1 - share)))


def with_fill(moments: Moments, rows: float, missing: Counts, fill: Array, quartiles: Array | None = None) -> Moments:
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
    some, holes = ~np.isnan(moments.mean), missing > 0
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


def of_flags(rows: float, ones: Counts, *, quartiles: bool) -> Moments:
    """Return the moments of columns of zeros and ones, from how many ones (columns,) each has."""
    zeros = rows - ones
    zeros = np.where(zeros < 1e-12 * rows, 0, zeros)  # parts of rows add up but for rounding
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
