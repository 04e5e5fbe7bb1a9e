"""CSV and its kin: how files are written is found from their first lines, and each file is then read strictly.

duckdb's own detection never fails: of a ragged file it makes one column of text, of a file without a header `column0`,
of two columns of one name `a_1`. Here such a file is refused in a sentence, or what was made of it is a note.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from onelayer.data.tables.delimited_errors import refused_file, refused_record, refused_single_column
from onelayer.data.tables.dialect import Dialect, raw_lines
from onelayer.data.tables.header import judge_header
from onelayer.data.tables.lines import BYTE_ORDERS, Records, is_comment, is_packed, start_of, text_lines
from onelayer.data.tables.names import distinct_names
from onelayer.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SEPARATORS = (",", ";", "\t", "|")
HEAD = 200  # lines that the separator and the header are found from


def detect(
    connection: "DuckDBPyConnection",
    files: Sequence[str],
    *,
    missing: Sequence[str],
    encoding: str,
    names: Sequence[str] | None,
    skip_rows: int = 0,
    comment: str | None = None,
) -> tuple[Dialect, tuple[str, ...]]:
    """Find how files are written.

    Args:
        connection: reads what Python cannot unpack.
        files: paths, one or more, of one form.
        missing: spellings of a missing value.
        encoding: utf-8, latin-1 or utf-16; auto: the first of utf-8, utf-16 and latin-1 that they are written in.
        names: of the columns, where the files have no header.
        skip_rows: lines on top that are no part of the table.
        comment: what a line begins with that is no part of the table.

    Returns:
        The dialect, and what is to be told about it.

    Raises:
        UserError: the file is empty, ragged, has no header or one column, or is of another encoding.
    """
    file = files[0]
    notes: tuple[str, ...] = ()
    if encoding == "auto":
        encoding = encoding_of(connection, files)
        notes = (f"{file} is read as {encoding} (data.encoding=auto)",) if encoding != "utf-8" else ()
    lines = head(connection, file, encoding, skip_rows, comment)
    refuse_empty(file, lines, skip_rows)
    separator = _separator(lines, skip_rows, comment)
    quote = quote_of(lines[skip_rows:])
    place, first, below = records_of(file, lines, separator, quote, skip_rows, comment)
    if len(first) == 1:
        raise refused_single_column(connection, file, lines, first[0], skip_rows, comment)
    if names is not None and len(names) != len(first):
        raise UserError(f"data.names names {len(names)} columns, but line {place} of {file} has {len(first)} fields")
    if names is None and below is None:
        raise UserError(f"{file}: the file has a header and no rows below it")
    dialect = Dialect(
        tuple(files),
        separator,
        quote,
        encoding,
        tuple(missing),
        header=names is None,
        skip=place - 1,
        skip_rows=skip_rows,
        comment=comment,
    )
    for other in files[1:]:
        refuse_other_columns(connection, dialect, first, other)
    notes += _judged_header(dialect, place, first, below or [], names)
    columns, renamed = distinct_names(first if names is None else names)
    return replace(dialect, columns=columns), notes + renamed


def head(
    connection: "DuckDBPyConnection", file: str, encoding: str, skip: int = 0, comment: str | None = None
) -> list[str]:
    """Return the first lines of a file, with what ends them; so many that some are left below what is left out.

    Raises:
        UserError: its bytes are no text in this encoding.
    """
    import duckdb

    if not is_packed(file):
        return _until_enough(text_lines(file, encoding), HEAD + skip, comment)
    try:
        records = connection.execute(f"SELECT line FROM {raw_lines(file, encoding)} LIMIT {HEAD + skip}").fetchall()
    except duckdb.Error as error:
        raise refused_file(file, error, encoding) from None
    return [f"{line or ''}\n" for (line,) in records]


def _until_enough(lines: Iterable[str], count: int, comment: str | None) -> list[str]:
    taken = []
    for line in lines:
        taken.append(line)
        count -= not is_comment(line, comment)
        if count == 0:
            break
    return taken


def encoding_of(connection: "DuckDBPyConnection", files: Sequence[str]) -> str:
    """Return the first of utf-8, utf-16 and latin-1 that files are written in."""
    import duckdb

    if any(start_of(file, 2) in BYTE_ORDERS for file in files):
        return "utf-16"
    try:
        for file in files:
            connection.execute(f"SELECT max(length(line)) FROM {raw_lines(file, 'utf-8')}").fetchall()
    except duckdb.Error:
        return "latin-1"
    return "utf-8"


def refuse_empty(file: str, lines: Sequence[str], skip_rows: int) -> None:
    """Refuse a file without a line, or without one that is left below those on top."""
    if not any(line.strip() for line in lines):
        raise UserError(f"{file}: the file is empty")
    if not any(line.strip() for line in lines[skip_rows:]):
        raise _no_line_left(file, skip_rows)


def _no_line_left(file: str, skip_rows: int) -> UserError:
    return UserError(f"data.skip_rows={skip_rows} leaves no line of {file}; leave out those above the table alone")


def _separator(lines: Sequence[str], skip: int, comment: str | None) -> str:
    """Return the separator that gives all lines as many fields as the first; else the most frequent of the first."""
    best, best_score = ",", (False, 1)
    for separator in (*SEPARATORS, " "):
        counts = field_counts(lines, separator, skip, comment)
        if len(lines) >= HEAD:
            counts = counts[:-1] or counts  # the last may be cut
        score = (len(set(counts)) == 1, counts[0] if counts else 1)
        if separator == " " and (best_score[1] > 1 or not score[0]):
            continue
        if score[1] > 1 and score > best_score:
            best, best_score = separator, score
    return best


def field_counts(lines: Sequence[str], separator: str, skip: int, comment: str | None) -> list[int]:
    """Return how many fields the records have, up to the first whose quotes are wrong."""
    counts: list[int] = []
    try:
        for record in Records(lines, separator, quote_of(lines[skip:]), skip=skip, comment=comment):
            counts.append(len(record))
    except csv.Error:
        pass
    return counts


def quote_of(lines: Sequence[str]) -> str:
    """Return the sign around fields, as the first line shows it."""
    first = next((line.strip() for line in lines if line.strip()), "")
    return "'" if re.match(r"'([^']|'')*'\s*([,;\t| ]|$)", first) else '"'


def records_of(
    file: str, lines: Sequence[str], separator: str, quote: str, skip: int, comment: str | None
) -> tuple[int, list[str], list[list[str]] | None]:
    """Return the line of the first record, its fields, and the records of as many below it; None: nothing is there."""
    records = Records(lines, separator, quote, skip=skip, comment=comment)
    try:
        first = next(iter(records))
    except csv.Error as error:
        raise refused_record(file, records.line, error) from None
    except StopIteration:
        if comment is None:
            raise _no_line_left(file, skip) from None
        raise UserError(f"{file}: every line begins with {comment}, as comments do; change data.comment") from None
    place, below = records.line, []
    try:
        for record in records:
            below.append(record)
    except csv.Error:
        pass  # the head may end within a field
    is_alone = records.line == place
    return place, first, None if is_alone else [record for record in below if len(record) == len(first)]


def refuse_other_columns(connection: "DuckDBPyConnection", dialect: Dialect, first: list[str], other: str) -> None:
    """Refuse a file whose columns are not those of the first."""
    lines = head(connection, other, dialect.encoding, dialect.skip_rows, dialect.comment)
    refuse_empty(other, lines, dialect.skip_rows)
    record = records_of(other, lines, dialect.separator, dialect.quote, dialect.skip_rows, dialect.comment)[1]
    if len(record) != len(first) or (dialect.header and record != first):
        raise UserError(
            f"{other}: its columns ({', '.join(record[:6])}) are not those of {dialect.files[0]} "
            f"({', '.join(first[:6])}); read files of one form, or join them in data.query"
        )


def _judged_header(
    dialect: Dialect, place: int, first: Sequence[str], below: Sequence[Sequence[str]], names: Sequence[str] | None
) -> tuple[str, ...]:
    """Refuse a first line that is not what the user takes it for, and say what it is taken for where nothing tells."""
    file, header = dialect.files[0], judge_header(first, below, dialect.missing)
    shown = ", ".join(" ".join(field.split()) for field in first[:4]) + (", ..." if len(first) > 4 else "")
    line = f"line {place} of {file} ({shown})"
    if names is not None:
        same = [name.strip() for name in names] == [field.strip() for field in first]
        if same or (header.is_certain and not header.is_odd):
            raise UserError(f"data.names: {line} names the columns already; leave data.names out")
        return ()
    if header.is_value:
        raise UserError(
            f"{file}: line {place} ({shown}) holds values, not the names of columns; name all {len(first)} with "
            f"data.names=[...], and, where that line is a header, leave it out with data.skip_rows={place}"
        )
    if header.is_odd or not header.is_certain:
        return (
            f"{line} is taken for the names of the columns; where it is a row, name all {len(first)} with "
            "data.names=[...]",
        )
    return ()
