"""Values at hand as a frame; for a few rows, where starting a database takes longer.

Each value is read as the same value in a table is: texts are stripped, those that spell a missing value are missing,
and what a table would be refused for is refused here.
"""

import sys
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelayer.data.encode import Encoder
from onelayer.data.encode.design import Levels, Numbers
from onelayer.data.frame import Column, Frame
from onelayer.data.tables.notation import PADDING, PLAIN, missing_numbers, printed
from onelayer.data.tables.reading import FALSE, TRUE
from onelayer.errors import UserError, did_you_mean

NUMBER = Real | Decimal | np.bool_

PARTS: Mapping[str, Callable[[date], int]] = {
    "year": lambda one: one.year,
    "month": lambda one: one.month,
    "day": lambda one: one.day,
    "weekday": lambda one: one.weekday(),
    "hour": lambda one: getattr(one, "hour", 0),
}


def frame_of(given: Mapping[str, Any], encoder: Encoder, missing: Collection[str] = ()) -> Frame:
    """Return the columns that a model needs.

    Args:
        given: a value, or a list, array or series of values, for each column: numbers, texts, truths, dates; None, NaN,
            an empty text or one of `missing` where missing.
        encoder: of the model.
        missing: texts that mean a missing value, as numbers too where they are some.

    Raises:
        UserError: a column is missing, of another length, or holds something else than in training.
    """
    numbers: list[list[float]] = []
    codes: list[list[int]] = []
    columns: list[Column] = []
    rows: int | None = None
    holes = missing_numbers(missing)
    spelled: set[str | float] = {"", *missing, *holes}
    for design in encoder.designs:
        if design.name not in given:
            hint = did_you_mean(design.name, given)
            raise UserError(f"the model needs the column '{design.name}', which is not there{hint}")
        values = [_cleaned(one, spelled) for one in _listed(design.name, given[design.name])]
        rows = len(values) if rows is None else rows
        if len(values) != rows:
            raise UserError(f"'{design.name}' has {len(values)} values where other columns have {rows}")
        if isinstance(design, Levels):
            column, found = _category(design, values)
            codes.append(found)
        else:
            column = Column(design.name, design.role, parts=design.parts)
            numbers += _numbers(design, values, holes)
        columns.append(column)
    shape = rows or 0
    return Frame(
        tuple(columns),
        np.array(numbers, np.float64).reshape(len(numbers), shape).T.copy(),
        np.array(codes, np.int32).reshape(len(codes), shape).T.copy(),
    )


def frame_of_array(x: NDArray[Any], encoder: Encoder, missing: Collection[str] = ()) -> Frame:
    """Return the columns that a model needs, out of (rows, columns) in the order of training, NaN where missing.

    Numbers among the texts `missing` mean a missing value, too.

    Raises:
        UserError: the model has categories or dates, or the array has another shape or holds something else than in
            training.
    """
    designs = encoder.designs
    odd = [one.name for one in designs if one.role not in ("numeric", "boolean")]
    if odd:
        raise UserError(f"'{odd[0]}' is no number; give a frame, whose columns have names")
    if x.ndim != 2 or x.shape[1] != len(designs):
        raise UserError(f"the model has {len(designs)} columns, but rows of shape {x.shape} came")
    try:
        numbers = np.ma.filled(x.astype(np.float64, casting="unsafe" if x.dtype == object else "same_kind"), np.nan)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"the array holds {x.dtype}, where numbers are needed; give a frame of them") from None
    holes = missing_numbers(missing)
    if holes:
        numbers[np.isin(numbers, holes)] = np.nan
    for row, place in np.argwhere(np.isinf(numbers))[:1]:
        raise _infinite(designs[place].name, numbers[row, place], row)
    truths = [place for place, one in enumerate(designs) if one.role == "boolean"]
    for row, place in np.argwhere(~np.isin(numbers[:, truths], (0, 1)) & ~np.isnan(numbers[:, truths]))[:1]:
        raise _refusal(designs[truths[place]], numbers[row, truths[place]], row)
    columns = tuple(Column(one.name, one.role) for one in designs)
    return Frame(columns, numbers, np.empty((len(numbers), 0), np.int32))


def _listed(name: str, values: Any) -> list[Any]:
    """Return the values of a column; one that stands alone, in a list."""
    if isinstance(values, Mapping | Set) or getattr(values, "ndim", 1) > 1:
        raise UserError(f"'{name}' is a {type(values).__name__}; give a value, or a list of values, one for each row")
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        return [values]
    return [values[()]] if getattr(values, "ndim", 1) == 0 else list(values)


def _cleaned(value: Any, spelled: Set[str | float]) -> Any:
    """Return a value, a text without spaces around it; None where it is missing."""
    if isinstance(value, str):
        text = value.strip(PADDING)
        return None if text in spelled else text
    is_hole = isinstance(value, NUMBER) and not isinstance(value, bool | np.bool_) and value in spelled
    return None if is_hole or _is_missing(value) else value


def _is_missing(value: Any) -> bool:
    pandas = sys.modules.get("pandas")  # whoever has its NA has imported it
    if value is None or (pandas is not None and value is pandas.NA):
        return True
    return isinstance(value, NUMBER | date | np.datetime64) and bool(value != value)


def _category(design: Levels, values: Sequence[Any]) -> tuple[Column, list[int]]:
    if any(isinstance(one, NUMBER) for one in values) and (lost := design.lost_as_number) is not None:
        warnings.warn(f"'{design.name}' holds numbers here, which cannot be the level '{lost}'", stacklevel=4)
    texts = [None if one is None else _text(design, one, row) for row, one in enumerate(values)]
    known = (*design.levels, *design.pooled)
    new = sorted({one for one in texts if one is not None and one not in known})
    code = {level: place for place, level in enumerate((*known, *new))}
    column = Column(design.name, "category", levels=(*known, *new))
    return column, [-1 if one is None else code[one] for one in texts]


def _text(design: Levels, value: Any, row: int) -> str:
    """Write a level as a table's would be: a number without a needless point, a truth in small letters."""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, str) and design.typed:
        number = PLAIN.number(value)
        return value if number is None or number != number else printed(number)
    if isinstance(value, float | np.floating | Decimal):
        return printed(float(value))  # one in single precision has the digits that double precision shows
    if isinstance(value, str | Real | date | np.datetime64):
        return str(value)
    raise _refusal(design, value, row)


def _numbers(design: Numbers, values: Sequence[Any], holes: Sequence[float]) -> list[list[float]]:
    """Return a row of numbers, or one for each part of a date."""
    if design.role == "date":
        dates = [None if one is None else _date(design, one, row) for row, one in enumerate(values)]
        return [[np.nan if one is None else float(PARTS[part](one)) for one in dates] for part in design.parts]
    if design.role == "boolean":
        return [[np.nan if one is None else _truth(design, one, row) for row, one in enumerate(values)]]
    numbers = [np.nan if one is None else _number(design, one, row) for row, one in enumerate(values)]
    return [[np.nan if one in holes else one for one in numbers] if holes else numbers]


def _number(design: Numbers, value: Any, row: int) -> float:
    if not isinstance(value, NUMBER | str):
        raise _refusal(design, value, row)
    try:
        found = design.notation.number(value) if isinstance(value, str) else float(value)
    except OverflowError:
        found = np.inf
    if found is None:
        raise _refusal(design, value, row)
    if np.isinf(found):
        raise _infinite(design.name, value, row)
    return found


def _truth(design: Numbers, value: Any, row: int) -> float:
    if isinstance(value, str) and value.lower() in (*TRUE, *FALSE):
        return float(value.lower() in TRUE)
    number = PLAIN.number(value) if isinstance(value, str) else value
    if isinstance(number, NUMBER) and number in (0, 1):
        return float(number)
    raise _refusal(design, value, row)


def _date(design: Numbers, value: Any, row: int) -> date:
    if isinstance(value, np.datetime64):
        value = value.astype("M8[us]").item()
    moment = design.notation.moment(value) if isinstance(value, str) else value
    if not isinstance(moment, date):
        raise _refusal(design, value, row)
    # a table has its hours in UTC
    return moment.astimezone(UTC) if isinstance(moment, datetime) and moment.tzinfo is not None else moment


def _refusal(design: Numbers | Levels, value: Any, row: int) -> UserError:
    reason = {
        "numeric": "is no number",
        "boolean": "is neither true, yes, 1 nor false, no, 0",
        "date": f"is no date{_written(design)}; give a datetime, or a text that is written so",
        "category": "is no text or number",
    }[design.role]
    return UserError(
        f"column '{design.name}' was {design.role} in training, and {_shown(value)} in row {row + 1} {reason}"
    )


def _written(design: Numbers | Levels) -> str:
    form = "" if isinstance(design, Levels) else design.notation.date
    return f" written {form}" if form else " such as 2026-01-31"


def _infinite(name: str, value: Any, row: int) -> UserError:
    return UserError(f"column '{name}' is {_shown(value)} in row {row + 1}; only finite numbers can be used")


def _shown(value: Any) -> str:
    """Write a value, of a long one its beginning."""
    text = repr(value.item() if isinstance(value, np.number | np.bool_) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."
