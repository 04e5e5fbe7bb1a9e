"""The columns of delimited files: text as it is written, and numbers at once where they are plain ones.

Every file is read as text. A column whose first rows are numbers is cast while it is read, which costs nothing; where a
later row is no plain number, or would lose what its text says, the column stays text and is looked at as a whole.
"""

import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from onelayer.data.tables import sql
from onelayer.data.tables.dialect import TEXT, Dialect
from onelayer.data.tables.files import COMPRESSED
from onelayer.data.tables.measured import EXACT, INTEGERS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NUMBER, WHOLE = "DOUBLE", "BIGINT"
# name and type of each column
Types = tuple[tuple[str, str], ...]


def numeric_columns(connection: "DuckDBPyConnection", dialect: Dialect) -> dict[str, str]:
    """Return the columns that are numbers in the first rows of all files, by their name, each with its type.

    Args:
        connection: reads the files.
        dialect: how they are written.
    """
    seen = [_sniffed_types(connection, dialect, file) for file in dialect.files]
    numbers: dict[str, str] = {}
    for place, name in enumerate(dialect.columns):
        kinds = {types[place] for types in seen}
        if kinds <= {*INTEGERS, NUMBER}:
            numbers[name] = WHOLE if kinds <= {*INTEGERS} else NUMBER
    return numbers


def few_values(connection: "DuckDBPyConnection", dialect: Dialect, name: str, rows: int = 20480) -> bool:
    """Tell whether the first rows have no more than two numbers in a column, which then may be classes."""
    first = f"SELECT {sql.name(name)} AS x FROM {dialect.reader} LIMIT {rows}"
    found = connection.execute(f"SELECT count(DISTINCT try_cast(x AS DOUBLE)) <= 2 FROM ({first})").fetchone()
    return found == (True,)


def create(connection: "DuckDBPyConnection", dialect: Dialect, numbers: Mapping[str, str]) -> Types:
    """Read the files into the table `rows`.

    Args:
        connection: makes the table.
        dialect: how the files are written.
        numbers: columns to read as DOUBLE where all their rows allow it, with BIGINT or DOUBLE, whether their first
            rows were whole numbers; in these a leading zero says that the column may hold codes.

    Returns:
        Name and type of each column. What is called BIGINT is held as DOUBLE.

    Raises:
        duckdb.Error: a line cannot be read.
    """
    import duckdb

    careful = any(_has_underscore(file) for file in dialect.files)
    casts = {name: _guarded(name, whole=numbers[name] == WHOLE, careful=careful) for name in numbers}
    try:
        _create(connection, dialect, casts)
    except duckdb.ConversionException:
        lost = (
            f"try_cast({value} AS DOUBLE) IS NULL AND {sql.name(name)} IS NOT NULL" for name, value in casts.items()
        )
        asked = [f"bool_or({one})" for one in lost]
        odd = connection.execute(f"SELECT {', '.join(asked)} FROM {dialect.reader}").fetchone()
        assert odd is not None
        casts = {name: value for (name, value), is_odd in zip(casts.items(), odd, strict=True) if not is_odd}
        _create(connection, dialect, casts)
    whole, huge = _whole_and_huge(connection, [name for name in casts if numbers[name] == WHOLE])
    if huge:  # float64 would leave digits out
        _create(connection, dialect, {name: value for name, value in casts.items() if name not in huge})
        casts = {name: value for name, value in casts.items() if name not in huge}
    return tuple((name, TEXT if name not in casts else WHOLE if name in whole else NUMBER) for name in dialect.columns)


def _guarded(name: str, *, whole: bool, careful: bool) -> str:
    """Return the SQL of a text that only casts to a number where nothing of it is lost."""
    column = sql.name(name)
    lost = [f"({column} >= '00' AND {column} < '0:')"] if whole else []
    lost += [f"contains({column}, '_')"] if careful else []  # duckdb would read 1_2 as 12
    return f"CASE WHEN {' OR '.join(lost)} THEN 'x' ELSE {column} END" if lost else column


def _has_underscore(file: str) -> bool:
    """Tell whether one stands anywhere in a file below its first line; of compressed ones it is not known."""
    if Path(file).suffix.lower() in COMPRESSED:
        return True
    if Path(file).stat().st_size == 0:
        return False
    with Path(file).open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"_", max(content.find(b"\n"), 0)) >= 0


def _create(connection: "DuckDBPyConnection", dialect: Dialect, casts: Mapping[str, str]) -> None:
    columns = ", ".join(
        f"CAST({casts[name]} AS DOUBLE) AS {sql.name(name)}" if name in casts else sql.name(name)
        for name in dialect.columns
    )
    connection.execute(f"CREATE OR REPLACE TABLE rows AS SELECT {columns} FROM {dialect.reader}")


def _whole_and_huge(connection: "DuckDBPyConnection", names: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return the columns that hold integers alone, and those with one that float64 may have rounded."""
    if not names:
        return set(), set()
    asked = []
    for name in names:
        column = sql.name(name)
        asked.append(f"coalesce(bool_and(isfinite({column}) AND {column} = floor({column})), true)")
        asked.append(f"coalesce(max(abs({column})) >= {EXACT}, false)")
    ((*found,),) = connection.execute(f"SELECT {', '.join(asked)} FROM rows").fetchall()
    whole = {name for name, fits in zip(names, found[::2], strict=True) if fits}
    return whole, {name for name, rounded in zip(names, found[1::2], strict=True) if rounded and name in whole}


def _sniffed_types(connection: "DuckDBPyConnection", dialect: Dialect, file: str, rows: int = 20480) -> Sequence[str]:
    """Return the types that duckdb finds in the first rows of a file; text where its detection fails."""
    import duckdb

    try:
        sniffed = connection.execute(f"SELECT Columns FROM {dialect.sniffer(file, rows)}").fetchone()
    except duckdb.Error:
        sniffed = None
    if sniffed is None or len(sniffed[0]) != len(dialect.columns):
        return [TEXT] * len(dialect.columns)
    return [column["type"] for column in sniffed[0]]
