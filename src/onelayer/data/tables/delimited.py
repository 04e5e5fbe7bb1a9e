"""CSV and its kin: separator and header are found here, types by duckdb, and the file is then read strictly.

duckdb's own detection never fails: of a ragged file it makes one column of text, of a file without a header `column0`,
of two columns of one name `a_1`. Here such a file is refused in a sentence, or what was made of it is a note.
"""

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onelayer.data.tables.delimited_errors import refused_file, refused_single_column
from onelayer.data.tables.delimited_types import TEXT, sniffed
from onelayer.data.tables.dialect import Dialect, raw_lines
from onelayer.data.tables.names import distinct_names
from onelayer.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SEPARATORS = (",", ";", "\t", "|")
HEAD = 200  # lines that the separator is found from
HEAD_BYTES = 2**18


def detect(
    connection: "DuckDBPyConnection",
    files: Sequence[str],
    *,
    missing: Sequence[str],
    encoding: str,
    names: Sequence[str] | None,
) -> tuple[Dialect, Mapping[str, Any], tuple[str, ...]]:
    """Find how files are written.

    Args:
        connection: reads them.
        files: paths, one or more, of one form.
        missing: spellings of a missing value.
        encoding: utf-8, latin-1 or utf-16.
        names: of the columns, where the files have no header.

    Returns:
        The dialect, what duckdb finds in the first rows of the first file, and what is to be told.

    Raises:
        UserError: the file is empty, ragged, has no header or one column, or is of another encoding.
    """
    file = files[0]
    lines = first_lines(connection, file, encoding)
    skip = next((place for place, line in enumerate(lines) if line.strip()), None)
    if skip is None:
        raise UserError(f"{file}: the file is empty")
    lines = lines[skip:]
    separator, quote = _separator(lines), _quote(lines)
    first = _first_record(file, lines, separator, quote)
    if len(first) == 1:
        raise refused_single_column(file, lines)
    if names is None and len(lines) == 1:
        raise UserError(f"{file}: the file has a header and no rows below it")
    crlf = _has_crlf(file, quote)
    header = names is None
    dialect = Dialect(tuple(files), separator, quote, encoding, tuple(missing), header=header, skip=skip, crlf=crlf)
    for other in files[1:]:
        _refuse_other_columns(connection, dialect, first, other)
    columns, notes = distinct_names(first if names is None else names)
    if names is not None and len(names) != len(first):
        raise UserError(f"data.names names {len(names)} columns, but line 1 of {file} has {len(first)} fields")
    dialect = replace(dialect, columns=columns)
    found = sniffed(connection, dialect, file)
    _refuse_header(file, names, first, found)
    return dialect, found, notes


def first_lines(connection: "DuckDBPyConnection", file: str, encoding: str, count: int = HEAD) -> list[str]:
    """Return the first lines of a file.

    Raises:
        UserError: its bytes are no text in this encoding.
    """
    import duckdb

    try:
        found = connection.execute(f"SELECT line FROM {raw_lines(file, encoding)} LIMIT {count}").fetchall()
    except duckdb.Error as error:
        raise refused_file(file, error, encoding) from None
    return [line or "" for (line,) in found]


def _separator(lines: Sequence[str]) -> str:
    """Return the separator that gives all lines as many fields as the first; else the most frequent of the first."""
    best, best_score = ",", (False, 1)
    for separator in (*SEPARATORS, " "):
        records = [len(one) for one in csv.reader(_with_ends(lines), delimiter=separator) if one]
        score = (len(set(records[:-1] or records)) == 1, records[0])  # the last may be cut
        if separator == " " and (best_score[1] > 1 or not score[0]):
            continue
        if score[1] > 1 and score > best_score:
            best, best_score = separator, score
    return best


def _quote(lines: Sequence[str]) -> str:
    return "'" if lines[0].startswith("'") and lines[0].rstrip().endswith("'") else '"'


def _has_crlf(file: str, quote: str) -> bool:
    """Tell whether lines end in both signs while quoted fields hold line feeds alone, as spreadsheets write them."""
    with gzip.open(file) if file.endswith(".gz") else Path(file).open("rb") as opened:
        *records, _ = opened.read(HEAD_BYTES).split(b"\r\n")
    return any(b"\n" in one for one in records) and not any(one.count(quote.encode()) % 2 for one in records)


def _with_ends(lines: Sequence[str]) -> list[str]:
    return [f"{line}\n" for line in lines]


def _first_record(file: str, lines: Sequence[str], separator: str, quote: str) -> list[str]:
    reader = csv.reader(_with_ends(lines), delimiter=separator, quotechar=quote, strict=True)
    try:
        return next(record for record in reader if record)
    except csv.Error:
        raise UserError(
            f"{file}: line 1 opens a quoted field that is not closed rightly; mend the quotes of that line"
        ) from None


def _refuse_other_columns(connection: "DuckDBPyConnection", dialect: Dialect, first: list[str], other: str) -> None:
    lines = first_lines(connection, other, dialect.encoding, 20)
    if not lines:
        raise UserError(f"{other}: the file is empty")
    record = _first_record(other, lines, dialect.separator, dialect.quote)
    if len(record) != len(first) or (dialect.header and record != first):
        raise UserError(
            f"{other}: its columns ({', '.join(record[:6])}) are not those of {dialect.files[0]} "
            f"({', '.join(first[:6])}); read files of one form, or join them in data.query"
        )


def _refuse_header(file: str, names: Sequence[str] | None, first: Sequence[str], found: Mapping[str, Any]) -> None:
    """Refuse a first line that is not what the user takes it for."""
    shown = ", ".join(field.strip() for field in first[:4]) + (", ..." if len(first) > 4 else "")
    if names is None and not found["HasHeader"]:
        raise UserError(
            f"{file}: line 1 ({shown}) holds values, not the names of columns; name all {len(first)} with "
            f"data.names=[...], or, where it is a header, read it with data.query=\"select * from read_csv('{file}', "
            'header=true)"'
        )
    same = names is not None and [name.strip() for name in names] == [field.strip() for field in first]
    # a line of texts above numbers; above texts it may be a row like the others
    evident = found["HasHeader"] and any(column["type"] not in (TEXT, "BOOLEAN") for column in found["Columns"])
    if names is not None and (same or evident):
        raise UserError(f"data.names: line 1 of {file} ({shown}) names the columns already; leave data.names out")
