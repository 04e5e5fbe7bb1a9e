"""From a table on disk to what a model sees of it: the train rows decide, by what SQL says of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from onelayer.data.encode import Encoder, Moments, Statistics
from onelayer.data.encode.size import refuse_too_large
from onelayer.data.parts import Part
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import Prepared
from onelayer.data.preprocess import Scale, target_scaling
from onelayer.data.streaming.part import StreamedPart
from onelayer.data.streaming.split import Parts, parts_of, refuse_empty
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Array
from onelayer.data.weights import class_weights
from onelayer.errors import UserError

OF_NUMBERS = ("count", "avg", "var_pop", "min", "max")


def prepare_stream(stream: Stream, how: Preparation) -> Prepared:
    """Split a table on disk, encode, scale and weigh it by its train rows.

    Raises:
        UserError: the table does not allow what is asked.
    """
    target, classes, settings = stream.target, stream.target.classes, how.encode
    scaling = target_scaling(how.normalize_target, classes=classes is not None)
    conditions = parts_of(stream, how)
    seen = _look(stream, conditions, median=settings.impute == "median")
    refuse_empty(
        tuple(one.rows for one in seen), val=how.folds is not None or how.val > 0, test=how.test > 0, folds=how.folds
    )
    train, *_ = seen
    encoder = Encoder.build(train.statistics, settings)
    refuse_too_large(encoder.features, min(stream.block_rows, stream.end))
    quartiles = _quartiles(stream, conditions.train, encoder, train.statistics) if how.normalize == "robust" else None
    x_scale = Scale.from_moments(encoder.moments(train.statistics, quartiles), train.rows, how.normalize)
    multiclass = stream.task == "multiclass"
    if classes is None:
        y_scale = Scale.from_moments(train.target, train.rows, scaling)
    else:  # classes have no unit
        y_scale = Scale.neutral(len(classes) if multiclass else 1)
    per_class = class_weights(target.name, classes, train.classes, how.class_weight)
    weights = [one.weight if per_class is None else float(one.classes @ per_class) for one in seen]
    for one, weight, what in zip(seen, weights, Parts._fields, strict=True):
        if one.rows and not weight > 0:
            raise UserError(f"data.sample_weight: all {what} rows count 0; split otherwise (data.split.seed)")
    mean_weight = weights[0] / train.rows
    parts = [
        StreamedPart(
            stream=stream,
            condition=condition,
            rows=one.rows,
            encoder=encoder,
            x_scale=x_scale,
            y_scale=y_scale,
            multiclass=multiclass,
            class_weight=per_class,
            mean_weight=mean_weight,
            extremes=_extremes(one, encoder, x_scale, None if classes is not None else y_scale),
        )
        for condition, one in zip(conditions, seen, strict=True)
    ]
    unseen = _unseen(seen, parts, encoder)
    # whatever decides the numbers that the model sees; these themselves may differ in a last digit elsewhere
    hashes = tuple(one.hashes for one in seen)
    said = repr((hashes, conditions, settings, how.normalize, scaling, multiclass, classes, how.class_weight))
    found = hashlib.sha256(said.encode()).hexdigest()[:16]
    return Prepared(
        train=parts[0],
        val=parts[1],
        test=parts[2],
        task=stream.task,
        target_name=target.name,
        classes=classes,
        encoder=encoder,
        x_scale=x_scale,
        y_scale=y_scale,
        hashed=lambda: found,
        notes=(*stream.notes, *encoder.notes, *unseen),
    )


@dataclass(frozen=True)
class _Seen:
    """What one pass over the rows tells of a part.

    Attributes:
        hashes: of its rows, whatever their order.
        statistics: of their columns.
        target: how their target is spread, where it is a number.
        classes: (classes,), rows of each class, by their sample weight.
        weight: the sum of their sample weights.
    """

    hashes: tuple[Any, ...]
    statistics: Statistics
    target: Moments
    classes: Array
    weight: float

    @property
    def rows(self) -> int:
        """How many."""
        return self.statistics.rows


def _look(stream: Stream, conditions: Parts, *, median: bool) -> tuple[_Seen, ...]:
    """Pass over all rows once; for medians of the train rows, once more over each column."""
    import duckdb

    numbers, codes, rows = stream.numbers, stream.codes, stream.rows
    part = f"CASE WHEN {conditions.test} THEN 2 WHEN {conditions.val} THEN 1 ELSE 0 END AS part"
    # NaN stands for a missing number, which aggregates must not see
    inner = [part, "hash(rows) AS h", f"{stream.sample_weight or '1'} AS w", f"{stream.target.value} AS y"]
    inner += [f"nullif(CAST({value} AS DOUBLE), 'nan'::DOUBLE) AS n{place}" for place, value in enumerate(numbers)]
    inner += [f"{value} AS c{place}" for place, value in enumerate(codes)]
    spread = [f"{function}({value})" for value in (f"n{k}" for k in range(len(numbers))) for function in OF_NUMBERS]
    wanted = ["part", "count(*)", "bit_xor(h)", "CAST(sum(h) AS VARCHAR)", "sum(w)", *spread]
    wanted += [f"histogram(c{place})" for place in range(len(codes))]
    wanted += [f"{function}(y)" for function in OF_NUMBERS]
    try:
        found = rows.in_order(f"SELECT {', '.join(wanted)} FROM (SELECT {', '.join(inner)} FROM rows) GROUP BY part")
    except duckdb.OutOfRangeException:
        raise UserError(
            f"{rows.source}: a column holds numbers whose square float64 cannot hold; divide it by a power of ten"
        ) from None
    classes = np.zeros((len(Parts._fields), len(stream.target.classes or ())))
    if stream.target.classes is not None:
        by_class = f"SELECT {part}, {stream.target.value} AS y, sum({stream.sample_weight or '1'}) FROM rows"
        for place, label, count in rows.in_order(f"{by_class} GROUP BY part, y"):
            classes[place, label] = count
    medians = np.array([_quantiles(stream, conditions.train, v, "0.5") for v in numbers]) if median else None
    values = {row[0]: row[1:] for row in found}
    nothing = (0, None, None, 0, *[None] * (len(wanted) - 5))
    return tuple(
        _seen(stream, values.get(place, nothing), classes[place], None if place else medians)
        for place in range(len(Parts._fields))
    )


def _seen(stream: Stream, found: Sequence[Any], classes: Array, medians: Array | None) -> _Seen:
    """Read what SQL says of a part; None where it has no rows."""
    n_rows, *hashes, weight = found[:4]
    values, n_numbers = list(found[4:]), len(stream.numbers)
    of_numbers = _columns(values[: 5 * n_numbers])
    of_codes = values[5 * n_numbers : len(values) - 5]
    levels = [one.column.levels for one in stream.readings if one.column.role == "category"]
    counts = [
        np.array([(counted or {}).get(level, 0) for level in range(-1, len(names))], np.int64)
        for counted, names in zip(of_codes, levels, strict=True)
    ]
    statistics = Statistics(
        columns=tuple(one.column for one in stream.readings),
        rows=n_rows,
        missing=n_rows - np.nan_to_num(of_numbers[0]).astype(np.int64),
        moments=Moments(*of_numbers[1:]),
        median=medians,
        levels=tuple(one[1:] for one in counts),
        missing_levels=np.array([one[0] for one in counts], np.int64),
    )
    return _Seen(tuple(hashes), statistics, Moments(*_columns(values[-5:])[1:]), classes, float(weight))


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
    for one, part, what in list(zip(seen, parts, Parts._fields, strict=True))[1:]:
        levels, missing = one.statistics.levels, one.statistics.missing_levels
        counts = [np.append(none, each) for none, each in zip(missing, levels, strict=True)]
        found = encoder.unseen_among(one.statistics.columns, counts, f"{what} rows")
        if found and encoder.refuse_unseen:
            for _ in part.chunks():  # which names the row
                pass
        notes += found
    return notes


def _columns(values: list[Any]) -> Array:
    """Order what was asked of each column, as many values as `OF_NUMBERS`: (functions, columns), NaN for NULL."""
    found = np.array([np.nan if value is None else float(value) for value in values])
    return found.reshape(-1, len(OF_NUMBERS)).T


def _quartiles(stream: Stream, train: str, encoder: Encoder, statistics: Statistics) -> Array:
    """Return the quartiles of the numbers with their holes filled, (3, numbers)."""
    fills = encoder.fills(statistics.columns).tolist()
    filled = [
        f"coalesce(nullif(CAST({value} AS DOUBLE), 'nan'::DOUBLE), '{fill!r}'::DOUBLE)"
        for value, fill in zip(stream.numbers, fills, strict=True)
    ]
    return np.array([_quantiles(stream, train, value, "[0.25, 0.5, 0.75]") for value in filled]).T


def _quantiles(stream: Stream, train: str, value: str, at: str) -> Any:
    """Compute exact quantiles, which takes the memory of one column; NaN without values."""
    number = f"nullif(CAST({value} AS DOUBLE), 'nan'::DOUBLE)"
    (found,) = stream.rows.one(f"SELECT quantile_cont({number}, {at}) FROM rows WHERE {train}")
    return np.nan if found is None else found
