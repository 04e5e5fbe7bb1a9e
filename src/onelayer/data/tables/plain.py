"""Files as duckdb reads them without a fault: as they are where it does, else as plain copies.

duckdb reads wrongly, or refuses, lines that end in more than one way or in `\\r\\r\\n`, line feeds of another kind in a
header, and takes a comment sign for one within a line, too. It also drops a field too many that spells a missing value.
What shows such a fault, before or after it is read, is read by Python's csv module and written anew.
"""

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from onelayer.data.tables.delimited import head
from onelayer.data.tables.delimited_errors import refused_file, refused_record, refused_width
from onelayer.data.tables.dialect import Dialect
from onelayer.data.tables.lines import BYTE_ORDERS, START, Records, is_packed, open_bytes, start_of, text_lines
from onelayer.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Read = TypeVar("Read")


def read_plain(
    connection: "DuckDBPyConnection", dialect: Dialect, read: Callable[[Dialect], Read]
) -> tuple[Read, tuple[str, ...]]:
    """Read files as they are, or where duckdb does not read them rightly, plain copies of them.

    Args:
        connection: reads the files.
        dialect: how they are written.
        read: makes the table `rows` of files; called anew for the copies, which last as long as it reads them.

    Returns:
        What `read` returned, and what is to be told.

    Raises:
        UserError: a line has too few or too many fields, its quotes are wrong, or the files cannot be read.
    """
    import duckdb

    try:
        if not any(_is_odd(connection, dialect, file) for file in dialect.files):
            try:
                found = read(dialect)
                if _is_exact(connection, dialect):
                    return found, ()
            except duckdb.InvalidInputException as error:  # Python may read it, or say better why not
                if "Maximum line size" in str(error) or any(is_packed(file) for file in dialect.files):
                    raise
        packed = next((file for file in dialect.files if is_packed(file)), None)
        if packed is not None:
            raise UserError(f"{packed}: the file is read only when it is unpacked; unpack it with zstd -d")
        with TemporaryDirectory(prefix="onelayer-") as folder:
            copies, notes = _copied(connection, dialect, Path(folder))
            return read(copies), notes
    except duckdb.Error as error:
        raise refused_file(dialect.files[0], error, dialect.encoding) from None


def _is_odd(connection: "DuckDBPyConnection", dialect: Dialect, file: str) -> bool:
    """Whether the first lines show what duckdb cannot read."""
    if dialect.comment is not None or (dialect.encoding == "utf-16" and start_of(file, 2) == BYTE_ORDERS[1]):
        return True
    lines = head(connection, file, dialect.encoding, dialect.skip_rows)
    records = Records(lines, dialect.separator, dialect.quote, skip=dialect.skip_rows)
    first = next(iter(records))
    if records.line - 1 != dialect.skip:  # one number of lines holds for all files
        return True
    if dialect.separator == " ":
        return any(re.search("  |^ | $", line.rstrip("\r\n")) for line in lines)
    text = "".join(lines[dialect.skip_rows :])
    if len({*re.findall("\r\n|\r|\n", text)}) <= 1:
        return False
    outside = "".join(text.split(dialect.quote)[::2])
    return len({*re.findall("\r+\n|\r|\n", outside)}) > 1 or any(sign in field for field in first for sign in "\r\n")


def _is_exact(connection: "DuckDBPyConnection", dialect: Dialect) -> bool:
    """Whether there are rows, and all have as many fields as there are columns.

    Raises:
        duckdb.InvalidInputException: one has a field too many.
    """
    ((rows,),) = connection.execute("SELECT count(*) FROM rows").fetchall()
    if rows == 0:
        return False
    # no record has fewer separators, so that as many in all leave none for a field too many, nor within quotes
    least = (len(dialect.columns) - 1) * (rows + len(dialect.files) * dialect.header)
    if _separators(dialect) == least:
        return True
    # read as it was but for the spellings of a missing value, of which duckdb drops the first field too many
    strict = replace(dialect, missing=("\x01\x02\x03\x04",))
    connection.execute(f"SELECT count(*) FROM {strict.reader}").fetchall()
    return True


def _separators(dialect: Dialect) -> int | None:
    """Count the separators below the lines that are skipped, which is cheaper than to count records; None: unknown."""
    if dialect.encoding == "utf-16" or any(is_packed(file) for file in dialect.files):
        return None
    count = 0
    for file in dialect.files:
        with open_bytes(file) as raw:
            if not all(raw.readline(START).endswith(b"\n") for _ in range(dialect.skip)):
                return None
            while some := raw.read(START):
                count += int(np.count_nonzero(np.frombuffer(some, np.uint8) == ord(dialect.separator)))
    return count


def _copied(connection: "DuckDBPyConnection", dialect: Dialect, folder: Path) -> tuple[Dialect, tuple[str, ...]]:
    copies, notes = [], []
    for number, file in enumerate(dialect.files):
        copy = folder / f"{number:06}.csv"
        try:
            with copy.open("w", encoding="utf-8", newline="") as opened:
                rows, comments = _copy(connection, dialect, file, csv.writer(opened).writerow)
        except OSError as error:
            raise UserError(
                f"{file}: a plain copy of it could not be written into {folder.parent} ({error.strerror}); set the "
                "environment variable TMPDIR to a folder with more room"
            ) from None
        if rows == 0 and len(dialect.files) == 1:
            raise UserError(f"{file}: the table has no rows")
        if comments:
            lines = "1 line" if comments == 1 else f"{comments} lines"
            notes.append(f"{lines} of {file} left out that begin{'s' * (comments == 1)} with {dialect.comment!r}")
        copies.append(str(copy))
    form = replace(dialect, separator=",", quote='"', encoding="utf-8", header=False, skip=0, crlf=True)
    return replace(form, files=tuple(copies)), tuple(notes)


def _copy(
    connection: "DuckDBPyConnection", dialect: Dialect, file: str, write: Callable[[list[str]], Any]
) -> tuple[int, int]:
    """Write the rows of a file; return how many there are, and the lines of comments."""
    lines = text_lines(file, dialect.encoding)
    records = Records(lines, dialect.separator, dialect.quote, skip=dialect.skip_rows, comment=dialect.comment)
    width, rows = len(dialect.columns), -1 if dialect.header else 0
    try:
        for record in records:
            if len(record) != width:
                first = head(connection, file, dialect.encoding, dialect.skip_rows)
                raise refused_width(file, records.line, records.text, len(record), width, first)
            rows += 1
            if rows > 0 or not dialect.header:
                write(record)
    except csv.Error as error:
        raise refused_record(file, records.line, error) from None
    return rows, records.comments
