"""Rows that are hard to get right, made of real ones: something missing, empty, new or far away in each column."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import count, islice
from typing import Any

import numpy as np

from onelayer.data.encode import Encoder
from onelayer.data.encode.design import Levels
from onelayer.data.frame import Frame
from onelayer.data.tables.measured import kind_of
from onelayer.deliver.export.rows import MISSING, Raw, Rows, spread
from onelayer.deliver.model import Model
from onelayer.deliver.values import PARTS
from onelayer.errors import UserError

# columns that rows are invented for, and how far from the train rows a number then is, in units of their spread
COLUMNS, FAR = 200, {"float32": 1e20, "float64": 1e100}
DATES = (datetime(1, 1, 1), datetime(1969, 12, 31, 23), datetime(9999, 12, 31, 12))


def with_invented(frame: Frame, model: Model, raw: Raw | None = None) -> Rows:
    """Put invented rows after real ones: each column missing, each text empty and new, numbers and dates far away.

    Rows that the model refuses are left out.

    Args:
        frame: what is read of the real rows.
        model: predicts.
        raw: the same rows as their table has them; None where they are of no table.

    Raises:
        UserError: the real rows do not fit the model.
    """
    ordered = _in_order(frame, model.artefact.encoder, {} if raw is None else dict(raw.table.columns))
    real = Rows(ordered, np.zeros(ordered.codes.shape, bool), len(ordered), raw)
    model.of_frame(frame)  # what it refuses of real rows is the user's to know
    found = [one for one in _invented(real, model) if _is_taken(one, model)]
    joined = replace(
        ordered,
        numbers=np.concatenate([ordered.numbers, *(one.frame.numbers for one in found)]),
        codes=np.concatenate([ordered.codes, *(one.frame.codes for one in found)]),
    )
    return replace(real, frame=joined, blank=np.concatenate([real.blank, *(one.blank for one in found)]))


def _in_order(frame: Frame, encoder: Encoder, types: Mapping[str, str]) -> Frame:
    """Return the columns of the model in its order, each category with a level more, which is new to it.

    A truth may be of no new level: its last level is then one that the model knows.
    """
    there = {column.name: (column, place) for column, place in frame.places()}
    if all(one.role != "category" for one in frame.columns) and tuple(there) == tuple(d.name for d in encoder.designs):
        return frame
    columns, numbers, codes = [], [], []
    for design in encoder.designs:
        column, place = there[design.name]
        if isinstance(design, Levels):
            known = {*column.levels, *design.levels, *design.pooled}
            new = (one for one in _levels_of(types.get(design.name, "VARCHAR")) if one not in known)
            column = replace(column, levels=(*column.levels, *islice(new, 1)))
            codes.append(frame.codes[:, place : place + 1])
        else:
            numbers.append(frame.numbers[:, place : place + column.width])
        columns.append(column)
    empty = np.empty((len(frame), 0))
    return Frame(
        tuple(columns),
        np.concatenate([empty, *numbers], axis=1),
        np.concatenate([empty.astype(np.int32), *codes], axis=1),
    )


def _levels_of(type_name: str) -> Iterator[str]:
    """Yield levels that a column of this type may have."""
    kind = kind_of(type_name)
    if kind == "number":
        yield from map(str, count())
    elif kind == "text":
        yield from ('it\'s "new"' + "?" * marks for marks in count())
    else:
        yield from ("true", "false") if kind == "boolean" else (f"{year:04}-01-01" for year in range(1, 9999))


def _invented(real: Rows, model: Model) -> Iterator[Rows]:
    """Yield rows one by one; of a table with many columns for some of them."""
    places = list(real.frame.places())
    scale = _scales(model)
    far = FAR[str(model.artefact.weight.dtype)]
    for number in spread(len(places), COLUMNS):
        column, place = places[number]
        base = replace(real, frame=real.frame.take(slice(number % real.real, number % real.real + 1)), real=0)
        base = replace(base, blank=np.zeros(base.frame.codes.shape, bool))
        if column.role == "category":
            yield _with_code(base, place, MISSING)
            yield _with_code(base, place, MISSING, blank=True)
            yield _with_code(base, place, len(column.levels) - 1)
            continue
        here = slice(place, place + column.width)
        yield _with_numbers(base, here, np.nan)
        if column.role == "date":
            for date in DATES:
                yield _with_numbers(base, here, [float(PARTS[part](date)) for part in column.parts])
        elif column.role == "numeric":
            shift, unit = scale[column.name]
            for sign in (-1, 1):
                yield _with_numbers(base, here, shift + sign * far * unit)
            yield _with_numbers(base, here, 0.0)


def _scales(model: Model) -> dict[str, tuple[float, float]]:
    one = model.artefact
    moments = zip(one.encoder.features, one.x_shift.tolist(), one.x_scale.tolist(), strict=True)
    return {feature.column: (shift, scale) for feature, shift, scale in moments if feature.kind == "number"}


def _with_code(base: Rows, place: int, code: int, *, blank: bool = False) -> Rows:
    codes, blanks = base.frame.codes.copy(), base.blank.copy()
    codes[:, place], blanks[:, place] = code, blank
    return replace(base, frame=replace(base.frame, codes=codes), blank=blanks)


def _with_numbers(base: Rows, place: slice, value: Any) -> Rows:
    numbers = base.frame.numbers.copy()
    numbers[:, place] = value
    return replace(base, frame=replace(base.frame, numbers=numbers))


def _is_taken(row: Rows, model: Model) -> bool:
    try:
        model.of_frame(row.frame)
    except UserError:
        return False
    return True
