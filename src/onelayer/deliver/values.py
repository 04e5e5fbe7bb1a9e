"""Values at hand, by the names of their columns, as a frame; for a few rows, where starting a database takes longer."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from onelayer.data.encode import Encoder
from onelayer.data.encode.design import Design, Levels
from onelayer.data.frame import Column, Frame
from onelayer.errors import UserError, did_you_mean

PARTS: Mapping[str, Callable[[date], int]] = {
    "year": lambda one: one.year,
    "month": lambda one: one.month,
    "day": lambda one: one.day,
    "weekday": lambda one: one.weekday(),
    "hour": lambda one: getattr(one, "hour", 0),
}


def frame_of(given: Mapping[str, Any], encoder: Encoder) -> Frame:
    """Return the columns that a model needs.

    Args:
        given: a value, or a sequence of values, for each column: numbers, texts, truths, dates; None or NaN where
            missing.
        encoder: of the model.

    Raises:
        UserError: a column is missing, of another length, or holds something else than in training.
    """
    numbers: list[list[float]] = []
    codes: list[list[int]] = []
    columns: list[Column] = []
    rows: int | None = None
    for design in encoder.designs:
        if design.name not in given:
            hint = did_you_mean(design.name, given)
            raise UserError(f"the model needs the column '{design.name}', which is not there{hint}")
        values = given[design.name]
        values = list(values) if isinstance(values, Sequence | np.ndarray) and not isinstance(values, str) else [values]
        rows = len(values) if rows is None else rows
        if len(values) != rows:
            raise UserError(f"'{design.name}' has {len(values)} values where other columns have {rows}")
        values = [None if _is_missing(one) else one for one in values]
        if isinstance(design, Levels):
            column, found = _category(design, values)
            codes.append(found)
        else:
            column = Column(design.name, design.role, parts=design.parts)
            numbers += _numbers(design, values)
        columns.append(column)
    shape = rows or 0
    return Frame(
        tuple(columns),
        np.array(numbers, np.float64).reshape(len(numbers), shape).T.copy(),
        np.array(codes, np.int32).reshape(len(codes), shape).T.copy(),
    )


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _category(design: Levels, values: Sequence[Any]) -> tuple[Column, list[int]]:
    texts = [None if one is None else _text(one) for one in values]
    known = (*design.levels, *design.pooled)
    new = sorted({one for one in texts if one is not None and one not in known})
    code = {level: place for place, level in enumerate((*known, *new))}
    column = Column(design.name, "category", levels=(*known, *new))
    return column, [-1 if one is None else code[one] for one in texts]


def _text(value: Any) -> str:
    """Write a level as a table's would be: a number without a needless point, a truth in small letters."""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float | np.floating) and value.is_integer() and abs(float(value)) < 1e15:
        return str(int(value))
    return str(value)


def _numbers(design: Design, values: Sequence[Any]) -> list[list[float]]:
    """Return a row of numbers, or one for each part of a date."""
    if design.role == "date":
        for one in values:
            if one is not None and not isinstance(one, date):
                raise UserError(f"column '{design.name}' was date in training, and {one!r} is none; give a datetime")
        assert not isinstance(design, Levels)
        return [[np.nan if one is None else float(PARTS[part](one)) for one in values] for part in design.parts]
    for one in values:
        if not isinstance(one, int | float | np.number | np.bool_ | None):
            raise UserError(f"column '{design.name}' was {design.role} in training, and {one!r} is no number")
    return [[np.nan if one is None else float(one) for one in values]]
