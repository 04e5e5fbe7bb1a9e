"""Measure all columns of a table: what is no text in one pass over the rows, each text in one of its own."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from onelayer.data.frame import Role
from onelayer.data.tables import sql, texts
from onelayer.data.tables.measured import EXACT, FLOATS, INTEGERS, Measured, kind_of
from onelayer.data.tables.names import named_like_identifier
from onelayer.data.tables.notation import PLAIN, without_sql
from onelayer.data.tables.rows import Rows


def measure(
    rows: Rows, names: Collection[str] | None = None, roles: Mapping[str, Role] | None = None
) -> tuple[Measured, ...]:
    """Measure all columns, or those that are named, in the table's order; texts with an eye on their roles."""
    columns = [one for one in rows.columns if names is None or one[0] in names]
    asked: list[str] = ["count(*)"]
    places = []
    for name, type_name in columns:
        wanted = _statistics(rows, name, type_name)
        places.append(slice(len(asked), len(asked) + len(wanted)))
        asked += wanted
    found = rows.one(f"SELECT {', '.join(asked)} FROM rows")
    return tuple(
        _measured(rows, name, type_name, found[0], found[place], (roles or {}).get(name))
        for (name, type_name), place in zip(columns, places, strict=True)
    )


def _statistics(rows: Rows, name: str, type_name: str) -> list[str]:
    kind, column = kind_of(type_name), sql.name(name)
    if kind == "text":
        return []
    if kind == "other":
        return [f"count({column})"]
    if kind == "number":
        number = without_sql(column, rows.missing)
        return [f"count({number})", f"min({number})", f"max({number})", f"count({column})"]
    # Python would need another package for time zones
    extremes = [f"{function}({_moment(column, type_name)})" for function in ("min", "max")]
    if kind in ("date", "timestamp"):
        extremes = [f"CAST({one} AS VARCHAR)" for one in extremes]
    return [f"count({column})", *extremes]


def _moment(column: str, type_name: str) -> str:
    """Return the SQL of a time stamp in UTC; other types as they are."""
    return f"CAST({column} AS TIMESTAMP)" if type_name == "TIMESTAMP WITH TIME ZONE" else column


def _measured(rows: Rows, name: str, type_name: str, n_rows: int, found: Sequence[Any], role: Role | None) -> Measured:
    kind, column = kind_of(type_name), sql.name(name)
    if kind == "text":
        return texts.measured(rows, name, type_name, n_rows, role)
    if kind == "other":
        return Measured(name, type_name, kind, column, n_rows, found[0])
    if kind != "number":
        present, low, high = found
        return Measured(name, type_name, kind, _moment(column, type_name), n_rows, present, low=low, high=high)
    present, low, high, given = found
    holes, column = given - present, without_sql(column, rows.missing)
    if type_name in FLOATS and present and high != high:  # duckdb calls NaN the greatest number; here it is missing
        present, low, high = rows.one(
            f"SELECT count(x), min(x), max(x) FROM (SELECT {column} AS x FROM rows) WHERE NOT isnan(x)"
        )
    if present:
        low, high = (int(one) if type_name in INTEGERS else float(one) for one in (low, high))
    value, distinct, notes = f"CAST({column} AS DOUBLE)", None, tuple[str, ...]()
    if type_name in INTEGERS:
        if present and max(abs(low), abs(high)) > EXACT:
            notes = (f"'{name}' has integers beyond 2^53, which float64 rounds",)
        if named_like_identifier(name):
            (distinct,) = rows.one(f"SELECT count(DISTINCT {column}) FROM rows")
    if holes and rows.dialect is None:  # in a text file a missing value has many spellings
        notes = (*notes, f"'{name}' has {holes} numbers that mean a missing value (data.missing)")
    # digits alone are read alike in all notations; other files may have more signs
    usual = rows.conventions.notation() if rows.dialect is not None else PLAIN
    return Measured(name, type_name, kind, value, n_rows, present, None, distinct, low, high, notes, notation=usual)
