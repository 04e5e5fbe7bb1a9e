"""What the statement says in duckdb."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onelayer.data.tables import sql
from onelayer.deliver.export.rows import Raw, Rows
from onelayer.deliver.export.sql_reading import USUAL, held
from onelayer.deliver.model import Predictions


def predict(path: Path, rows: Rows) -> Predictions:
    """Run the file on rows: those of a table as duckdb has read them, others in columns of the same types."""
    import duckdb

    statement = path.read_bytes().decode()
    real = 0 if rows.raw is None else rows.real
    try:
        with sql.interruptible():
            found = [_of_table(statement, rows, rows.raw)] if rows.raw is not None else []
            if len(rows) > real:
                found.append(_of_values(statement, rows, real))
    except duckdb.Error as error:
        raise sql.refusal("duckdb cannot run the statement", error) from None
    value, *probability = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Predictions(value, np.stack(probability, axis=1) if probability else None)


def _of_table(statement: str, rows: Rows, raw: Raw) -> list[Any]:
    connection = raw.table.connection.cursor()
    connection.register("chosen", {"number": raw.numbers})
    return _said(connection, raw.select([one.name for one in rows.frame.columns], _row(rows)), statement)


def _of_values(statement: str, rows: Rows, start: int) -> list[Any]:
    """Return what is said of the rows from one on, written as their table would hold them."""
    read: Mapping[str, Callable[[str], Any]] = {"category": rows.texts, "date": rows.dates}
    given: dict[str, Any] = {}
    asked: list[str] = []
    for column in rows.frame.columns:
        name, role = sql.name(column.name), column.role
        given[column.name] = read.get(role, rows.numbers)(column.name)[start:]
        value = f"CASE WHEN NOT isnan({name}) THEN {name} END" if role in ("numeric", "boolean") else name
        value = f"CAST({value} AS BOOLEAN)" if role == "boolean" else value
        type_name = held(role, rows.types.get(column.name, USUAL[role]))
        if role == "category" and type_name != "VARCHAR":
            value = f"NULLIF({name}, '')"  # only a text can be blank
        value = f"CAST({value} AS {type_name})"
        if role == "numeric" and type_name == "VARCHAR" and column.notation.decimal == ",":
            value = f"replace({value}, '.', ',')"
        asked.append(f"{value} AS {name}")
    connection = sql.connect()
    connection.register("given", given | {_row(rows): np.arange(start, len(rows))})
    return _said(connection, f"SELECT {', '.join([*asked, _row(rows)])} FROM given", statement)


def _row(rows: Rows) -> str:
    """Return the name of no column."""
    return "row" + "_" * (1 + max(len(column.name) for column in rows.frame.columns))


def _said(connection: Any, asked: str, statement: str) -> list[Any]:
    """Return the columns that the statement adds to rows, in the order of the last column that they have already."""
    try:
        connection.execute(f"CREATE TEMP TABLE input AS {asked}")
        (width,) = connection.execute("SELECT count(*) FROM (DESCRIBE input)").fetchone()
        columns = [*connection.execute(statement).fetchnumpy().values()]
        order = np.argsort(columns[width - 1])
        return [_without_null(one)[order] for one in columns[width:]]
    finally:
        connection.close()


def _without_null(column: Any) -> Any:
    """Return values with NaN, or of texts None, where they are NULL."""
    return np.ma.filled(np.ma.asarray(column), None if column.dtype == object else np.nan)
