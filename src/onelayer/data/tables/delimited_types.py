"""The types of a delimited file's columns: found by duckdb in the first rows, checked on all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from onelayer.data.tables import sql
from onelayer.data.tables.delimited_errors import refused_file
from onelayer.data.tables.dialect import Dialect

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TEXT = "VARCHAR"
EXACT = 2**53  # from here on DOUBLE leaves integers out
# BOOLEAN is made of yes and no, whose spelling would be lost
AS_TEXT = {"BOOLEAN": TEXT, "TIME": TEXT, '"NULL"': TEXT, "NULL": TEXT}


def create(connection: "DuckDBPyConnection", dialect: Dialect) -> Dialect:
    """Read the files into the table `rows`.

    Types are found from the first rows, and later ones may not fit: duckdb would round a later 1.5 among integers, and
    cut the time off a later time stamp among dates. So integers are read as DOUBLE and dates as TIMESTAMP, and only
    then called what they are. Where that does not tell, types are found from all rows and the files are read again.

    Returns:
        The dialect with the types that all rows have; DOUBLE may hold what is called BIGINT, and TIMESTAMP what is
        called DATE.

    Raises:
        UserError: the line that cannot be read.
    """
    import duckdb

    wide = tuple((name, dialect.wider(kind)) for name, kind in dialect.columns)
    try:
        _create(connection, replace(dialect, columns=wide))
        columns = _as_narrow_as_rows(connection, dialect, wide)
        if columns is not None:
            return replace(dialect, columns=columns)
    except duckdb.ConversionException:
        pass
    dialect = typed(dialect, [sniffed(connection, dialect, file, rows=-1) for file in dialect.files])
    try:
        _create(connection, dialect)
    except duckdb.ConversionException as error:
        raise refused_file(dialect.files[0], error, dialect.encoding) from None
    return dialect


def _create(connection: "DuckDBPyConnection", dialect: Dialect) -> None:
    import duckdb

    try:
        connection.execute(f"CREATE OR REPLACE TABLE rows AS SELECT * FROM {dialect.reader}")
    except duckdb.ConversionException:
        raise
    except duckdb.Error as error:
        raise refused_file(dialect.files[0], error, dialect.encoding) from None


def _as_narrow_as_rows(
    connection: "DuckDBPyConnection", dialect: Dialect, wide: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...] | None:
    """Return the found type of each column where all rows fit it, else the wider; None: DOUBLE may have rounded."""
    widened = [place for place, column in enumerate(dialect.columns) if column != wide[place]]
    if not widened:
        return wide
    asked = []
    for place in widened:
        column = sql.name(wide[place][0])
        if wide[place][1] == "DOUBLE":
            asked.append(f"bool_and(isfinite({column}) AND {column} = floor({column}))")
            asked.append(f"coalesce(max(abs({column})) >= {EXACT}, false)")
        else:
            asked.append(f"bool_and({column} = date_trunc('day', {column}))")
            asked.append("false")
    ((*found,),) = connection.execute(f"SELECT {', '.join(asked)} FROM rows").fetchall()
    columns = list(wide)
    for place, fits, rounded in zip(widened, found[::2], found[1::2], strict=True):
        if fits and rounded:
            return None
        if fits is not False:  # NULL where nothing is present
            columns[place] = dialect.columns[place]
    return tuple(columns)


def sniffed(connection: "DuckDBPyConnection", dialect: Dialect, file: str, rows: int) -> Mapping[str, Any]:
    """Return what duckdb finds in the first rows of a file, -1 for all: whether it has a header, types, and formats.

    Raises:
        UserError: the line that cannot be read.
    """
    import duckdb

    wanted = ("HasHeader", "Columns", "DateFormat", "TimestampFormat")
    try:
        found = connection.execute(f"SELECT {', '.join(wanted)} FROM {dialect.sniffer(file, rows)}").fetchone()
        assert found is not None
        if len(found[1]) == len(dialect.columns):
            return dict(zip(wanted, found, strict=True))
    except duckdb.Error:
        pass
    # where detection fails it does not say which line is to blame; reading strictly does
    try:
        connection.execute(f"SELECT count(*) FROM {replace(dialect, files=(file,)).reader}").fetchall()
    except duckdb.Error as error:
        raise refused_file(file, error, dialect.encoding) from None
    return {"HasHeader": True, "Columns": [{"type": TEXT}] * len(dialect.columns)}


def typed(dialect: Dialect, found: Sequence[Mapping[str, Any]]) -> Dialect:
    """Return the dialect with types that all files agree to, and the formats of dates."""
    columns = []
    for place, (name, _) in enumerate(dialect.columns):
        kinds = {AS_TEXT.get(one["Columns"][place]["type"], one["Columns"][place]["type"]) for one in found}
        kind = kinds.pop() if len(kinds) == 1 else "DOUBLE" if kinds <= {"BIGINT", "HUGEINT", "DOUBLE"} else TEXT
        columns.append((name, kind))
    keys = {"DateFormat": "dateformat", "TimestampFormat": "timestampformat"}
    formats = [(parameter, {one.get(key) for one in found}) for key, parameter in keys.items()]
    if any(len(values) > 1 for _, values in formats):  # files that write dates in different ways
        columns = [(name, TEXT if kind.startswith(("DATE", "TIMESTAMP")) else kind) for name, kind in columns]
        return replace(dialect, columns=tuple(columns), formats=())
    return replace(
        dialect, columns=tuple(columns), formats=tuple((key, value) for key, (value,) in formats if value is not None)
    )
