"""Rows of a table on disk, split: what `prepare` asks of them, as SQL answers it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from onelayer.data.encode import Encoder, EncodeSettings, Moments, Statistics
from onelayer.data.encode.size import refuse_too_large
from onelayer.data.encode.statistics import moments_about, weighted_quantiles
from onelayer.data.parts import Part
from onelayer.data.preparation import Preparation
from onelayer.data.preprocess import Scale, target_scaling
from onelayer.data.streaming.part import StreamedPart
from onelayer.data.streaming.split import Parts, parts_of, refuse_empty
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Array
from onelayer.errors import UserError

# of a number n, in a distance d from an origin, in rows that count k: what `Statistics` and `Moments` are made of
OF_NUMBERS = (
    "sum(k) FILTER (n{0} IS NOT NULL)",
    "sum(k) FILTER (n{0} IS NULL)",
    "fsum(k * d{0})",
    "fsum(k * (d{0} * d{0}))",
    "min(n{0})",
    "max(n{0})",
)
FIRST = 1024  # rows whose means are the origins


class RowsOnDisk:
    """A streamed table that was split, and looked at once.

    Args:
        stream: the table.
        how: its rows are prepared.

    Raises:
        UserError: it cannot be split so, or its numbers are too large.
    """

    def __init__(self, stream: Stream, how: Preparation) -> None:
        self._stream, self._how = stream, how
        self._conditions = parts_of(stream, how)
        self._seen = _look(stream, self._conditions, median=how.encode.impute == "median")
        refuse_empty(
            tuple(part.rows for part in self._seen),
            val=how.folds is not None or how.val > 0,
            test=how.test > 0,
            folds=how.folds,
        )

    @property
    def dense(self) -> bool:
        """Whether features may be shifted: all of them are dense."""
        return True

    @property
    def _train(self) -> "_Seen":
        return self._seen[0]

    def encoder(self, settings: EncodeSettings) -> Encoder:
        """Decide by the train rows what becomes of each column."""
        encoder = Encoder.build(self._train.statistics, settings)
        refuse_too_large(encoder.features, min(self._stream.block_rows, self._stream.end))
        return encoder

    def moments(self, encoder: Encoder, *, quartiles: bool) -> Moments:
        """Return how the features of the train rows are spread."""
        found = _quartiles(self._stream, self._conditions.train, encoder, self._train) if quartiles else None
        return encoder.moments(self._train.statistics, found)

    def target_moments(self) -> Moments:
        """Return how the target of the train rows is spread."""
        return self._train.target

    def class_counts(self) -> Array:
        """Count the train rows of each class by their sample weight, (classes,)."""
        return self._train.classes

    def parts(self, encoder: Encoder, x_scale: Scale, y_scale: Scale, per_class: Array | None) -> list[StreamedPart]:
        """Make the parts, whose rows are encoded, scaled and weighed as they are read."""
        train, stream = self._train, self._stream
        mean_weight = (train.weight if per_class is None else float(train.classes @ per_class)) / train.rows
        number = stream.classes is None
        return [
            StreamedPart(
                stream=stream,
                condition=condition,
                rows=part.rows,
                encoder=encoder,
                x_scale=x_scale,
                y_scale=y_scale,
                multiclass=stream.task == "multiclass",
                class_weight=per_class,
                mean_weight=mean_weight,
                extremes=_extremes(part, encoder, x_scale, y_scale if number else None),
            )
            for condition, part in zip(self._conditions, self._seen, strict=True)
        ]

    def notes(self, encoder: Encoder, parts: Sequence[Any]) -> tuple[str, ...]:
        """Say what was understood, left out or mended, a sentence each."""
        return (*self._stream.notes, *encoder.notes, *_unseen(self._seen, parts, encoder))

    def hashed(self, encoder: Encoder, parts: Sequence[Any], x_scale: Scale, y_scale: Scale) -> Callable[[], str]:
        """Return the hash of whatever decides the numbers; these themselves may differ in a last digit elsewhere."""
        stream, how = self._stream, self._how
        scaling = target_scaling(how.normalize_target, classes=stream.classes is not None)
        hashes, multiclass = tuple(part.hashes for part in self._seen), stream.task == "multiclass"
        decided = (hashes, self._conditions, how.encode, how.normalize, scaling, multiclass, stream.classes)
        digest = hashlib.sha256(repr((*decided, how.class_weight)).encode()).hexdigest()[:16]
        return lambda: digest

    def target_hash(self) -> str:
        """Return the hash of the target of all rows."""
        y = f"hash({self._stream.target.value})"
        summed = self._stream.rows.one(f"SELECT count(*), bit_xor({y}), CAST(sum({y}) AS VARCHAR) FROM rows")
        return hashlib.sha256(repr((self._stream.task, self._stream.classes, summed)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Seen:
    """What one pass over the rows tells of a part.

    Attributes:
        rows: how many.
        hashes: of its rows, whatever their order.
        statistics: of their columns; a train row counts as so many as it stands for, as in memory.
        target: how their target is spread, where it is a number.
        classes: (classes,), rows of each class, by their sample weight.
        weight: the sum of their sample weights.
        unit: what a sample weight is divided by to be a number of rows, see `counts_of`.
    """

    rows: int
    hashes: tuple[Any, ...]
    statistics: Statistics
    target: Moments
    classes: Array
    weight: float
    unit: float


def _look(stream: Stream, conditions: Parts, *, median: bool) -> tuple[_Seen, ...]:
    """Pass over all rows once; for medians and weighted levels of the train rows, once more over each column."""
    import duckdb

    numbers, codes, rows = stream.numbers, stream.codes, stream.rows
    weight = stream.sample_weight or "1"
    part = f"CASE WHEN {conditions.test} THEN 2 WHEN {conditions.val} THEN 1 ELSE 0 END"
    # NaN stands for a missing number, which aggregates must not see
    values = [f"nullif(CAST({value} AS DOUBLE), 'nan'::DOUBLE)" for value in (*numbers, stream.target.value)]
    origins = _origins(stream, conditions.train, values)
    inner = [
        f"{part} AS part",
        "hash(rows) AS h",
        f"{weight} AS w",
        f"CASE WHEN {part} = 0 THEN {weight} ELSE 1 END AS k",
    ]
    for place, (value, origin) in enumerate(zip(values, origins.tolist(), strict=True)):
        inner += [f"{value} AS n{place}", f"{value} - '{origin!r}'::DOUBLE AS d{place}"]
    inner += [f"{value} AS c{place}" for place, value in enumerate(codes)]
    wanted = ["part", "count(*)", "bit_xor(h)", "CAST(sum(h) AS VARCHAR)", "sum(w)", "sum(k)", "bool_and(k = round(k))"]
    wanted += [function.format(place) for place in range(len(values)) for function in OF_NUMBERS]
    wanted += [f"histogram(c{place})" for place in range(len(codes))]
    try:
        found = rows.in_order(f"SELECT {', '.join(wanted)} FROM (SELECT {', '.join(inner)} FROM rows) GROUP BY part")
    except duckdb.OutOfRangeException:
        raise UserError(
            f"{rows.source}: a column holds numbers whose square float64 cannot hold; divide it by a power of ten"
        ) from None
    classes = np.zeros((len(Parts._fields), len(stream.target.classes or ())))
    if stream.target.classes is not None:
        by_class = f"SELECT {part} AS part, {stream.target.value} AS y, sum({weight}) FROM rows"
        for place, label, count in rows.in_order(f"{by_class} GROUP BY ALL"):
            classes[place, label] = count
    of_parts = {row[0]: row[1:] for row in found}
    nothing = (0, None, None, 0, 0, True, *[None] * (len(wanted) - 7))
    train, *others = (
        _seen(stream, of_parts.get(place, nothing), origins, classes[place]) for place in range(len(Parts._fields))
    )
    if stream.sample_weight is not None:
        levels = [
            _levels(stream, conditions.train, one, len(its)) for one, its in zip(codes, _names(stream), strict=True)
        ]
        train = replace(train, statistics=_weighted(train, levels))
    if median:
        medians = np.array([_quantiles(stream, conditions.train, value, (0.5,), train)[0] for value in numbers])
        train = replace(train, statistics=replace(train.statistics, median=medians))
    return train, *others


def _origins(stream: Stream, train: str, values: Sequence[str]) -> Array:
    """Return numbers near the means of the train rows, (columns,): sums of distances from them lose no digit."""
    some = ", ".join(f"{value} AS v{place}" for place, value in enumerate(values))
    means = ", ".join(f"avg(v{place})" for place in range(len(values)))
    origins = list(
        stream.rows.in_order(f"SELECT {means} FROM (SELECT {some} FROM rows WHERE {train} LIMIT {FIRST})")[0]
    )
    for place, value in enumerate(values):
        if origins[place] is None:  # all of the first rows have a hole
            origins[place] = stream.rows.in_order(f"SELECT any_value({value}) FROM rows WHERE {train}")[0][0]
    return np.nan_to_num(np.array(origins, np.float64), posinf=0.0, neginf=0.0)


def _names(stream: Stream) -> list[tuple[str, ...]]:
    """Return the levels of each category."""
    return [one.column.levels for one in stream.readings if one.column.role == "category"]


def _seen(stream: Stream, found: Sequence[Any], origins: Array, classes: Array) -> _Seen:
    """Read what SQL says of a part; None where it has no rows."""
    n_rows, *hashes, weight, counted, whole = found[:6]
    of_numbers, of_codes = found[6 : 6 + len(OF_NUMBERS) * len(origins)], found[6 + len(OF_NUMBERS) * len(origins) :]
    values = np.array([np.nan if value is None else float(value) for value in of_numbers])
    present, missing, *sums = values.reshape(-1, len(OF_NUMBERS)).T
    moments = moments_about(origins, np.nan_to_num(present), *sums)
    counts = [
        np.array([(counted or {}).get(level, 0) for level in range(-1, len(names))], np.int64)
        for counted, names in zip(of_codes, _names(stream), strict=True)
    ]
    unit = 1.0 if whole else float(counted) / n_rows
    columns = slice(0, len(origins) - 1)
    statistics = Statistics(
        columns=tuple(one.column for one in stream.readings),
        rows=float(counted) / unit,
        missing=np.nan_to_num(missing[columns]) / unit,
        moments=moments.at(columns),
        median=None,
        levels=tuple(one[1:] for one in counts),
        missing_levels=np.array([one[0] for one in counts], np.int64),
    )
    return _Seen(n_rows, tuple(hashes), statistics, moments.at(slice(-1, None)), classes, float(weight), unit)


def _levels(stream: Stream, train: str, code: str, levels: int) -> Array:
    """Count the train rows without a level and those of each, by their sample weight, (1 + levels,)."""
    counts = np.zeros(1 + levels)
    query = f"SELECT {code} AS c, sum({stream.sample_weight}) FROM rows WHERE {train} GROUP BY ALL"
    for level, count in stream.rows.in_order(query):
        counts[1 + level] = count
    return counts


def _weighted(train: _Seen, levels: Sequence[Array]) -> Statistics:
    return replace(
        train.statistics,
        levels=tuple(one[1:] / train.unit for one in levels),
        missing_levels=np.array([one[0] for one in levels]) / train.unit,
    )


def _extremes(seen: _Seen, encoder: Encoder, x_scale: Scale, y_scale: Scale | None) -> Part:
    """Return the smallest and the largest numbers of a part as two rows; without `y_scale` the target has no size."""
    if not seen.rows:
        return Part(torch.zeros(0, encoder.n_features), torch.zeros(0, 1))
    found = encoder.moments(seen.statistics)
    x = x_scale.apply(np.stack([found.minimum, found.maximum]))
    y = np.zeros((2, 1))
    if y_scale is not None:
        y = y_scale.apply(np.stack([seen.target.minimum, seen.target.maximum]))
    return Part(torch.from_numpy(x), torch.from_numpy(y))


def _unseen(seen: Sequence[_Seen], parts: Sequence[StreamedPart], encoder: Encoder) -> tuple[str, ...]:
    """Say which rows have levels that no train row has, or refuse the first such row."""
    notes: tuple[str, ...] = ()
    for seen_part, part, what in list(zip(seen, parts, Parts._fields, strict=True))[1:]:
        sentences = encoder.unseen(seen_part.statistics.counted, f"{what} rows", seen[0].statistics.counted)
        if sentences and encoder.refuse_unseen:
            for _ in part.chunks():  # which names the row
                pass
        notes += sentences
    return notes


def _quartiles(stream: Stream, train: str, encoder: Encoder, seen: _Seen) -> Array:
    """Return the quartiles of the numbers of the train rows with their holes filled, (3, numbers)."""
    fills = encoder.fills(seen.statistics.columns).tolist()
    filled = [
        f"coalesce(nullif(CAST({value} AS DOUBLE), 'nan'::DOUBLE), '{fill!r}'::DOUBLE)"
        for value, fill in zip(stream.numbers, fills, strict=True)
    ]
    return np.array([_quantiles(stream, train, value, (0.25, 0.5, 0.75), seen) for value in filled]).reshape(-1, 3).T


def _quantiles(stream: Stream, train: str, value: str, at: tuple[float, ...], seen: _Seen) -> Array:
    """Compute exact quantiles, (len(at),), which takes the memory of one column; NaN without values."""
    number = f"nullif(CAST({value} AS DOUBLE), 'nan'::DOUBLE)"
    if stream.sample_weight is None:
        (found,) = stream.rows.one(f"SELECT quantile_cont({number}, {list(at)}) FROM rows WHERE {train}")
        return np.full(len(at), np.nan) if found is None else np.array(found)
    query = f"SELECT {number} AS n, CAST({stream.sample_weight} AS DOUBLE) AS w FROM rows WHERE {train}"
    values, weight = stream.rows.columns_of(f"{query} AND {number} IS NOT NULL")
    return weighted_quantiles(values, weight / seen.unit, at) if len(values) else np.full(len(at), np.nan)
