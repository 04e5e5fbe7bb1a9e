"""From a table on disk to what a model sees of it: the train rows decide, by what SQL says of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from onelayer.data.encode import Encoder, EncodeSettings, Moments, Statistics
from onelayer.data.prepare import Prepared
from onelayer.data.preprocess import Scale, Scaling, TargetScaling, target_scaling
from onelayer.data.streaming.part import StreamedPart
from onelayer.data.streaming.split import Parts, parts_of
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Array
from onelayer.data.weights import class_weights
from onelayer.errors import UserError

OF_NUMBERS = ("count", "avg", "var_pop", "min", "max")


def prepare_stream(
    stream: Stream,
    *,
    val: float = 0.15,
    test: float = 0.15,
    split_seed: int = 0,
    split_shuffle: bool = True,
    stratify: bool = False,
    folds: int | None = None,
    fold: int | None = None,
    repeats: int = 1,
    normalize: Scaling = "standard",
    normalize_target: TargetScaling = "none",
    class_weight: Literal["balanced"] | Mapping[str, float] | None = None,
    encode: EncodeSettings | None = None,
) -> Prepared:
    """Split a table on disk, encode, scale and weigh it by its train rows; the arguments are those of `prepare`.

    Raises:
        UserError: the table does not allow what is asked.
    """
    target, classes, settings = stream.target, stream.target.classes, encode or EncodeSettings()
    scaling = target_scaling(normalize_target, classes=classes is not None)
    if folds is not None and fold is not None and fold >= folds * repeats:
        raise UserError(f"data.fold={fold}: there are folds 0 to {folds * repeats - 1} (data.folds, data.repeats)")
    conditions = parts_of(
        stream,
        val=val,
        test=test,
        seed=split_seed,
        shuffle=split_shuffle,
        stratify=stratify,
        folds=folds,
        fold=fold,
    )
    seen = _look(stream, conditions, median=settings.impute == "median")
    encoder = Encoder.build(seen.statistics, settings)
    quartiles = _quartiles(stream, conditions.train, encoder, seen.statistics) if normalize == "robust" else None
    x_scale = Scale.from_moments(encoder.moments(seen.statistics, quartiles), seen.rows[0], normalize)
    multiclass = stream.task == "multiclass"
    if classes is None:
        y_scale = Scale.from_moments(seen.target, seen.rows[0], scaling)
    else:  # classes have no unit
        y_scale = Scale.neutral(len(classes) if multiclass else 1)
    per_class = class_weights(target.name, classes, seen.classes, class_weight)
    mean_weight = (seen.weight if per_class is None else float(seen.classes @ per_class)) / seen.rows[0]
    if not mean_weight > 0:
        raise UserError("data.sample_weight: all train rows count 0; split otherwise (data.split.seed)")
    train, val_part, test_part = (
        StreamedPart(stream, condition, rows, encoder, x_scale, y_scale, multiclass, per_class, mean_weight)
        for condition, rows in zip(conditions, seen.rows, strict=True)
    )
    # whatever decides the numbers that the model sees
    said = repr((seen.hashes, conditions, encoder.to_json(), multiclass, classes, mean_weight, per_class))
    digest = hashlib.sha256(said.encode())
    for array in (x_scale.shift, x_scale.scale, y_scale.shift, y_scale.scale):
        digest.update(np.ascontiguousarray(array).data)
    return Prepared(
        train,
        val_part,
        test_part,
        task=stream.task,
        target_name=target.name,
        classes=classes,
        encoder=encoder,
        x_scale=x_scale,
        y_scale=y_scale,
        data_hash=digest.hexdigest()[:16],
        notes=(*stream.notes, *encoder.notes),
    )


@dataclass(frozen=True)
class _Seen:
    """What one pass over the rows tells.

    Attributes:
        rows: of each part.
        hashes: of the rows of each part, whatever their order.
        statistics: of the train rows.
        target: how their target is spread, where it is a number.
        classes: (classes,), train rows of each class, by their sample weight.
        weight: the sum of their sample weights.
    """

    rows: tuple[int, ...]
    hashes: tuple[Any, ...]
    statistics: Statistics
    target: Moments
    classes: Array
    weight: float


def _look(stream: Stream, conditions: Parts, *, median: bool) -> _Seen:
    """Pass over all rows once; for medians, once more over each column."""
    import duckdb

    numbers, codes, rows = stream.numbers, stream.codes, stream.rows
    part = f"CASE WHEN {conditions.test} THEN 2 WHEN {conditions.val} THEN 1 ELSE 0 END AS part"
    # NaN stands for a missing number, which aggregates must not see
    inner = [part, "hash(rows) AS h", f"{stream.sample_weight or '1'} AS w", f"{stream.target.value} AS y"]
    inner += [f"nullif({value}, 'nan'::DOUBLE) AS n{place}" for place, value in enumerate(numbers)]
    inner += [f"{value} AS c{place}" for place, value in enumerate(codes)]
    spread = [f"{function}({value})" for value in (f"n{k}" for k in range(len(numbers))) for function in OF_NUMBERS]
    wanted = ["part", "count(*)", "bit_xor(h)", "CAST(sum(h) AS VARCHAR)", "sum(w)", *spread]
    wanted += [f"histogram(c{place})" for place in range(len(codes))]
    wanted += [f"{function}(y)" for function in OF_NUMBERS]
    try:
        found = rows.all(f"SELECT {', '.join(wanted)} FROM (SELECT {', '.join(inner)} FROM rows) GROUP BY part")
    except duckdb.OutOfRangeException:
        raise UserError(
            f"{rows.source}: a column holds numbers whose square float64 cannot hold; divide it by a power of ten"
        ) from None
    parts: dict[int, tuple[Any, ...]] = {row[0]: row[1:] for row in found}
    if 0 not in parts:
        raise UserError("data.split leaves no rows for training; lower data.split.val or data.split.test")
    n_rows, _, _, weight, *values = parts[0]
    of_numbers = _columns(values[: 5 * len(numbers)])
    of_codes = values[5 * len(numbers) : len(values) - 5]
    levels = [one.column.levels for one in stream.readings if one.column.role == "category"]
    counts = [
        np.array([counted.get(level, 0) for level in range(-1, len(names))], np.int64)
        for counted, names in zip(of_codes, levels, strict=True)
    ]
    statistics = Statistics(
        columns=tuple(one.column for one in stream.readings),
        rows=n_rows,
        missing=n_rows - of_numbers[0].astype(np.int64),
        moments=Moments(*of_numbers[1:]),
        median=np.array([_quantiles(stream, conditions.train, v, "0.5") for v in numbers]) if median else None,
        levels=tuple(one[1:] for one in counts),
        missing_levels=np.array([one[0] for one in counts], np.int64),
    )
    classes = np.zeros(len(stream.target.classes or ()))
    if stream.target.classes is not None:
        by_class = f"SELECT {stream.target.value} AS y, sum({stream.sample_weight or '1'}) FROM rows"
        for label, count in rows.all(f"{by_class} WHERE {conditions.train} GROUP BY y"):
            classes[label] = count
    return _Seen(
        rows=tuple(parts[k][0] if k in parts else 0 for k in range(3)),
        hashes=tuple(parts[k][1:3] if k in parts else () for k in range(3)),
        statistics=statistics,
        target=Moments(*_columns(values[-5:])[1:]),
        classes=classes,
        weight=float(weight),
    )


def _columns(values: list[Any]) -> Array:
    """Order what was asked of each column, as many values as `OF_NUMBERS`: (functions, columns), NaN for NULL."""
    found = np.array([np.nan if value is None else float(value) for value in values])
    return found.reshape(-1, len(OF_NUMBERS)).T


def _quartiles(stream: Stream, train: str, encoder: Encoder, statistics: Statistics) -> Array:
    """Return the quartiles of the numbers with their holes filled, (3, numbers)."""
    fills = encoder.fills(statistics.columns).tolist()
    filled = [
        f"coalesce(nullif({value}, 'nan'::DOUBLE), '{fill!r}'::DOUBLE)"
        for value, fill in zip(stream.numbers, fills, strict=True)
    ]
    return np.array([_quantiles(stream, train, value, "[0.25, 0.5, 0.75]") for value in filled]).T


def _quantiles(stream: Stream, train: str, value: str, at: str) -> Any:
    """Compute exact quantiles, which takes the memory of one column; NaN without values."""
    (found,) = stream.rows.one(f"SELECT quantile_cont(nullif({value}, 'nan'::DOUBLE), {at}) FROM rows WHERE {train}")
    return np.nan if found is None else found
