"""How a column becomes numbers or level numbers, in SQL."""

from dataclasses import dataclass

from onelayer.data.frame import Column, Role
from onelayer.data.tables import sql
from onelayer.data.tables.measured import Measured
from onelayer.data.tables.notation import PLAIN, without_sql
from onelayer.data.tables.rows import Rows
from onelayer.errors import UserError

TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
PARTS = {"year": "year", "month": "month", "day": "day", "weekday": "isodow", "hour": "hour"}  # by duckdb's function


@dataclass(frozen=True)
class Reading:
    """A feature.

    Attributes:
        column: as the frame has it.
        values: SQL of each of its numbers, DOUBLE with NaN where missing; of a category of its code, INTEGER with -1.
        note: what is to be known of it, a sentence; empty: nothing.
    """

    column: Column
    values: tuple[str, ...]
    note: str = ""


def read_as(rows: Rows, column: Measured, role: Role, said: str = "", parts: tuple[str, ...] | None = None) -> Reading:
    """Find how a column is read in a role.

    Args:
        rows: the table.
        column: of it.
        role: what it is read as.
        said: what asks for this role, as messages call it.
        parts: of a date; None: the hour only where one is not midnight.

    Raises:
        UserError: a value that has no such reading.
    """
    if role == "category":
        levels, code = codes_of(rows, column)
        return Reading(Column(column.name, "category", levels=levels, typed=column.text is None), (code,))
    if column.problem and column.kind == "text":
        raise UserError(f"{said}: {column.problem}; set the one that is right")
    notation = column.notation
    if role == "date":
        value, has_time = _date(rows, column, said)
        wanted = parts or tuple(part for part in PARTS if has_time or part != "hour")
        numbers = tuple(_number(_part_of(value, part)) for part in wanted)
        return Reading(Column(column.name, "date", parts=wanted, notation=notation), numbers)
    value = number_of(rows, column, said) if role == "numeric" else _truth(rows, column, said)
    if role == "numeric" and column.kind == "number" and not column.missing:
        return Reading(Column(column.name, role, notation=notation), (value,))
    return Reading(Column(column.name, role, notation=notation), (_number(value),))


def number_of(rows: Rows, column: Measured, said: str) -> str:
    """Return the SQL of a column as DOUBLE; `said` is what asks for it, as the user typed it.

    Raises:
        UserError: a text that is no number, an infinite one, or a column of dates.
    """
    if column.kind == "number":
        if column.is_infinite:
            _refuse_infinite(rows, column.name, column.value, said)
        return column.value
    if column.kind == "boolean":
        return f"CAST({column.value} AS DOUBLE)"
    if column.kind != "text":
        raise UserError(f"{said}: the column holds dates; list it in data.date, or leave it out")
    value = column.notation.number_sql(column.value)
    _refuse_unread(rows, column, value, said, "is no number")
    value = without_sql(value, rows.missing)
    _refuse_infinite(rows, column.name, value, said)
    return value


def level_of(column: Measured) -> str:
    """Return the SQL of a column as the text of a level; a number prints without a needless point."""
    if column.text is not None:
        return column.text
    if column.kind != "number" or column.is_integer:
        exact = f"CAST({sql.name(column.name)} AS {column.type})"  # what is called BIGINT may be held as DOUBLE
        return f"CASE WHEN {column.value} IS NOT NULL THEN CAST({exact} AS VARCHAR) END"
    return canonical(column.value)


def canonical(number: str) -> str:
    """Return the SQL of the text of a DOUBLE, which prints without a needless point; NULL of NaN."""
    value = f"CASE WHEN isnan({number}) THEN NULL ELSE {number} END"
    whole = f"{number} = floor({number}) AND abs({number}) < 1e15"
    return f"CASE WHEN {whole} THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) ELSE CAST({value} AS VARCHAR) END"


def codes_of(rows: Rows, column: Measured) -> tuple[tuple[str, ...], str]:
    """Return the levels of a column, sorted by code points, and the SQL of the number of each row's level."""
    level = level_of(column)
    kind = sql.name(f"levels of {column.name}")
    rows.connection.execute(
        f"CREATE OR REPLACE TYPE {kind} AS ENUM "
        f"(SELECT DISTINCT {level} AS level FROM rows WHERE {level} IS NOT NULL ORDER BY level)"
    )
    levels = tuple(one for (one,) in rows.all(f"SELECT unnest(enum_range(CAST(NULL AS {kind})))"))
    return levels, f"coalesce(CAST(enum_code(CAST({level} AS {kind})) AS INTEGER), -1)"


def _part_of(value: str, part: str) -> str:
    number = f"{PARTS[part]}({value})"
    return f"{number} - 1" if part == "weekday" else number


def _truth(rows: Rows, column: Measured, said: str) -> str:
    if column.kind == "boolean":
        return f"CAST({column.value} AS DOUBLE)"
    lower = f"lower({level_of(column)})"
    number = PLAIN.number_sql(lower)
    value = (
        f"CASE WHEN {lower} IN {_tuple(TRUE)} OR {number} = 1 THEN 1.0 "
        f"WHEN {lower} IN {_tuple(FALSE)} OR {number} = 0 THEN 0.0 END"
    )
    _refuse_unread(rows, column, value, said, "is neither true, yes, 1 nor false, no, 0")
    return value


def _date(rows: Rows, column: Measured, said: str) -> tuple[str, bool]:
    if column.kind == "date":
        return f"CAST({column.value} AS TIMESTAMP)", False
    if column.kind == "timestamp":
        return column.value, True
    if column.kind != "text":
        raise UserError(f"{said}: the column is {column.type}, which is no date")
    value, form = column.notation.moment_sql(column.value), column.notation.date
    settle = (
        "" if form or not said.startswith("data.") else " (where it is one, say how it is written: data.date_format)"
    )
    _refuse_unread(
        rows, column, value, said, f"is no date {f'written {form}' if form else 'such as 2026-01-31'}{settle}"
    )
    (has_time,) = rows.one(f"SELECT bool_or(CAST({value} AS TIME) <> TIME '00:00:00') FROM rows")
    return value, bool(has_time)


def _refuse_unread(rows: Rows, column: Measured, value: str, said: str, reason: str) -> None:
    """Refuse a present value that a reading makes NULL of; name the first and where it is."""
    text = level_of(column)
    found = rows.all(
        f"SELECT rowid, {text} FROM rows WHERE {text} IS NOT NULL AND ({value}) IS NULL ORDER BY rowid LIMIT 1"
    )
    for row, shown in found:
        raise UserError(
            f"{said}: {shown!r} in {rows.where(row)} {reason}; mend it there, or, if it means missing, add it to "
            "data.missing"
        )


def _refuse_infinite(rows: Rows, name: str, value: str, said: str) -> None:
    # a target or a weight cannot be left out, nor what a model needs
    is_feature = said in ("", f"data.numeric=[{name}]")
    remedy = f", or leave the column out with data.drop=[{name}]" if is_feature else ", or leave that row out"
    for row, found in rows.all(f"SELECT rowid, {value} FROM rows WHERE isinf({value}) ORDER BY rowid LIMIT 1"):
        raise UserError(
            f"{rows.source}: column '{name}' is {found} in {rows.where(row)}; only finite numbers can be used, so mend "
            f"it there{remedy}"
        )


def _number(value: str) -> str:
    return f"coalesce(CAST({value} AS DOUBLE), 'nan'::DOUBLE)"


def _tuple(values: tuple[str, ...]) -> str:
    return f"({', '.join(sql.text(one) for one in values)})"
