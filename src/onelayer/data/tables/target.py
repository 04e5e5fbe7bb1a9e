"""The columns that are no features: the target, the weight of each row, and what the split goes by."""

from dataclasses import dataclass

import numpy as np

from onelayer.data.table import Array
from onelayer.data.tables import sql
from onelayer.data.tables.fetch import fetch_column
from onelayer.data.tables.measured import Measured
from onelayer.data.tables.notation import PLAIN, Notation
from onelayer.data.tables.reading import codes_of, number_of
from onelayer.data.tables.roles import Said
from onelayer.data.tables.rows import Rows
from onelayer.errors import UserError
from onelayer.rounding import constant

MOST_CLASSES = 1000
# a target of so few whole numbers, each in so many rows, may hold classes
FEW_VALUES, FEWEST_EACH = 12, 10


@dataclass(frozen=True)
class Target:
    """How the target is read.

    Attributes:
        name: of its column.
        value: SQL, DOUBLE of a number, INTEGER of a class.
        classes: their names; None of a number.
        notation: how its texts are written.
        typed: its classes are numbers or truths that a typed table holds, not texts.
        note: what its numbers were taken for where they may be something else; empty: nothing is to be said.
    """

    name: str
    value: str
    classes: tuple[str, ...] | None
    notation: Notation = PLAIN
    typed: bool = False
    note: str = ""


def drop_unlabelled(rows: Rows, column: Measured) -> tuple[str, ...]:
    """Delete the rows without a target; return a note with their number.

    Raises:
        UserError: no row has one.
    """
    if column.present == 0:
        raise UserError(f"data.target={column.name}: the column has no values; choose another")
    if column.missing == 0:
        return ()
    missing = f"isnan({column.value})" if column.kind == "number" else "false"
    rows.connection.execute(f"DELETE FROM rows WHERE ({column.value}) IS NULL OR {missing}")
    return (f"{column.missing} of {column.rows} rows have no '{column.name}' and are left out",)


def drop_uncounted(rows: Rows, column: Measured) -> tuple[str, ...]:
    """Delete the rows of weight 0, which stand for none and so decide nothing; return a note with their number.

    Raises:
        UserError: see `weight_of`.
    """
    value = weight_of(rows, column)
    (count,) = rows.one(f"SELECT count(*) FROM rows WHERE {value} = 0")
    if not count:
        return ()
    rows.connection.execute(f"DELETE FROM rows WHERE {value} = 0")
    return (f"{count} of {column.rows} rows have the weight 0 in '{column.name}' and are left out",)


def read_target(rows: Rows, column: Measured, said: Said) -> Target:
    """Find the task in the target: text, truths and two numbers are classes, other numbers a regression.

    Raises:
        UserError: a column that is no target.
    """
    key = f"data.target={column.name}"
    if column.kind in ("date", "timestamp", "other"):
        raise UserError(f"{key}: its type is {column.type}; a target is a number, a truth or a text")
    numeric, category = column.name in said.numeric, column.name in said.category
    if said.task is not None and not (numeric or category):
        key = f"task={said.task}, {key}"
        numeric, category = said.task == "regression", said.task != "regression"
    as_number = numeric or (column.kind == "number" and not category)
    if as_number:
        value = number_of(rows, column, key)
        low, high = rows.one(f"SELECT min({value}), max({value}) FROM rows")
        if constant(float(low), float(high)):
            raise UserError(f"{key}: all its values are {low:g}; there is nothing to learn")
        (between,) = rows.one(f"SELECT count_if({value} NOT IN ({low!r}, {high!r})) FROM rows")
        if between or numeric:
            note = "" if numeric else _may_be_classes(rows, column.name, value)
            return Target(column.name, value, None, column.notation, note=note)
    classes, code = codes_of(rows, column)
    if as_number and len(classes) > 2:
        alike = _same_number(classes, column.notation)
        raise UserError(
            f"{key}: {' and '.join(map(repr, alike))} are one number written differently, where classes are texts; "
            f"write them alike, or list the column in data.numeric=[{column.name}]"
        )
    if len(classes) == 1:
        raise UserError(f"{key}: all its values are {classes[0]!r}; there is nothing to learn")
    if len(classes) > MOST_CLASSES or (column.kind == "text" and len(classes) == column.present):
        raise UserError(
            f"{key}: {len(classes)} different texts in {column.present} rows are no classes; choose another column, "
            f"or data.numeric=[{column.name}] if they are numbers"
        )
    if column.kind == "number":
        classes, code = _by_value(classes, code, column.notation)
    note = ""
    if as_number and (low, high) != (0, 1):
        note = (
            f"'{column.name}' holds two numbers, {low:g} and {high:g}, and is taken for two classes; for a regression "
            "set task=regression"
        )
    return Target(column.name, code, classes, typed=column.text is None, note=note)


def _may_be_classes(rows: Rows, name: str, value: str) -> str:
    """Say that a number of few whole values is taken for one; nothing of others."""
    distinct, whole, count = rows.one(
        f"SELECT count(DISTINCT x), bool_and(x = floor(x)), count(x) FROM (SELECT {value} AS x FROM rows)"
    )
    if not whole or distinct > FEW_VALUES or count < FEWEST_EACH * distinct:
        return ""
    return (
        f"'{name}' holds {distinct} different whole numbers and is taken for a number, a regression; where they are "
        "classes set task=multiclass"
    )


def fetch_target(rows: Rows, target: Target) -> Array:
    """Fetch the target, (rows,): float64 of numbers, int64 of classes."""
    return fetch_column(rows, target.value).astype(np.float64 if target.classes is None else np.int64)


def class_counts(rows: Rows, target: Target) -> list[int]:
    """Count the rows of each class, in the order of the classes."""
    counts = dict(rows.all(f"SELECT {target.value} AS class, count(*) FROM rows GROUP BY class"))
    return [counts[place] for place in range(len(target.classes or ()))]


def weight_of(rows: Rows, column: Measured, option: str = "data.sample_weight") -> str:
    """Return the SQL of the weight of each row, DOUBLE.

    Args:
        rows: of the table.
        column: of the weights.
        option: by which the user named the column; begins the sentence.

    Raises:
        UserError: one is missing, negative or no number, or all are 0.
    """
    key = f"{option}={column.name}"
    if column.kind != "number":
        raise UserError(f"{key}: its type is {column.type}; a weight is a number")
    value = number_of(rows, column, key)
    bad = rows.all(
        f"SELECT rowid, {value} FROM rows WHERE {value} IS NULL OR isnan({value}) OR {value} < 0 ORDER BY rowid LIMIT 1"
    )
    for row, found in bad:
        shown = "missing" if found is None or found != found else f"{found:g}"
        raise UserError(f"{key}: the weight is {shown} in {rows.where(row)}; a weight is a number from 0 up")
    if rows.one(f"SELECT max({value}) FROM rows") == (0,):
        raise UserError(f"{key}: all weights are 0; no row would count")
    return value


def by_of(rows: Rows, column: Measured) -> str:
    """Return the SQL of what the split goes by: numbers, microseconds since 1970 of dates, level numbers of text.

    Raises:
        UserError: a value is missing.
    """
    key = f"data.split.by={column.name}"
    if column.kind == "other":
        raise UserError(f"{key}: its type is {column.type}; split by a number, a date or a text")
    nan = f" OR isnan({column.value})" if column.kind == "number" else ""
    for (row,) in rows.all(f"SELECT rowid FROM rows WHERE ({column.value}) IS NULL{nan} ORDER BY rowid LIMIT 1"):
        raise UserError(
            f"{key}: the value is missing in {rows.where(row)}; fill it in, or leave such rows out in data.query"
        )
    if column.kind == "text":
        return codes_of(rows, column)[1]
    if column.kind in ("date", "timestamp"):
        return f"epoch_us({column.value})"
    return sql.name(column.name) if column.is_integer else column.value


def _by_value(classes: tuple[str, ...], code: str, notation: Notation) -> tuple[tuple[str, ...], str]:
    """Sort the classes of numbers by their value: 9 before 10."""
    values = [_value(name, notation) for name in classes]
    order = sorted(range(len(classes)), key=values.__getitem__)
    ranks = ", ".join(str(order.index(place)) for place in range(len(classes)))
    return tuple(classes[place] for place in order), f"[{ranks}][({code}) + 1]"


def _same_number(classes: tuple[str, ...], notation: Notation) -> list[str]:
    """Return classes that are written differently and are the same number."""
    values = [_value(name, notation) for name in classes]
    return [name for name, value in zip(classes, values, strict=True) if values.count(value) > 1][:2]


def _value(name: str, notation: Notation) -> float:
    value = notation.number(name)
    return float(name) if value is None else value
