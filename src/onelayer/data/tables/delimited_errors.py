"""Why a delimited file is not read, in one sentence."""

import csv
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from onelayer.data.tables import sql
from onelayer.data.tables.lines import Records, is_packed, refused_bytes
from onelayer.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
RARE_SEPARATORS = ":~^#!/"
COMMENTS = ("#", "%", "//", "--", "!", "*")
TOO_LONG = "is longer than 2 MB, as after a quote that is never closed; mend the quotes"


def refused_record(file: str, line: int, error: csv.Error) -> UserError:
    """Say where quotes are wrong."""
    if "limit" in str(error):
        return UserError(f"{file}: line {line} {TOO_LONG}")
    return UserError(f"{file}: line {line} opens a quoted field that is not closed rightly; mend the quotes")


def refused_width(file: str, line: int, text: str, count: int, width: int, lines: Sequence[str]) -> UserError:
    """Say which line has fewer or more fields than the first.

    Args:
        file: its path.
        line: number of the line.
        text: it.
        count: its fields.
        width: fields of the first line.
        lines: the first of the file.
    """
    sign = comment_of(text)
    if sign is not None:
        remedy = f"where it is a comment, leave such lines out with {comment_key(sign)}"
    else:
        above = lines_above(lines)
        if above is not None and above[0] == line - 1:
            remedy = f"where text stands above the header, leave it out with data.skip_rows={above[0]}"
        elif count > width:
            remedy = "mend that line, or put a field that holds the separator in quotes"
        else:
            remedy = "mend that line"
    return UserError(f"{file}: line {line} has {_fields(count)}, but the first line has {width}; {remedy}")


def refused_file(file: str, error: Exception, encoding: str) -> UserError:
    """Name the file, the line and what is wrong with it, from duckdb's error."""
    said = str(error)
    named = re.search(r"^\s*file = (.+)$", said, re.MULTILINE)
    file = named[1] if named and "[" not in named[1] else file
    line = re.search(r"on Line: (\d+)", said)
    where = f"{file}: line {line[1]}" if line else file
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", said)
    if counts:
        return UserError(
            f"{where} has {_fields(int(counts[2]))}, where {counts[1]} are expected; mend that line, or put a field "
            "that holds the separator in quotes"
        )
    if is_packed(file) and re.search("frame|checksum", said):
        return UserError(f"{file}: the file is no zstd file, or a broken one; pack it again")
    if "unterminated quote" in said:
        return UserError(f"{where} opens a quoted field that is not closed rightly; mend the quotes")
    if "unicode" in said.lower() or "not utf-" in said or "not latin-1" in said:
        return refused_bytes(file, f"line {line[1]}" if line else "", encoding)
    if "state machine" in said:
        return UserError(
            f"{where}: some lines end in another way than others, or a field holds a carriage return; save the file "
            "with one kind of line ends"
        )
    if "Maximum line size" in said:
        return UserError(f"{where} {TOO_LONG}")
    return sql.refusal(file, error)


def refused_single_column(
    connection: "DuckDBPyConnection", file: str, lines: Sequence[str], name: str, skip: int, comment: str | None
) -> UserError:
    """Say that one column is no table, and what may be done to find more of them.

    Args:
        connection: tries what is advised.
        file: its path.
        lines: the first of the file.
        name: the only field of the first line.
        skip: lines on top that are left out.
        comment: what lines begin with that are left out.
    """
    shown = " ".join(name.split())
    shown = shown if len(shown) <= 60 else f"{shown[:59]}…"
    texts = [line.strip() for line in lines[skip:] if line.strip() and not (comment and line.startswith(comment))]
    above = lines_above(lines, skip, comment)
    if above is not None:
        count, width, sign = above
        named = SIGNS[sign]
        where = f"{file}: line {skip + 1} has one column, '{shown}', but from line {count + 1} on all have {width}, "
        mark = comment_of(lines[skip])
        remedy = f"data.skip_rows={count}" if mark is None else f"{comment_key(mark)}, or data.skip_rows={count}"
        return UserError(f"{where}separated by {named}; leave out what stands above the header with {remedy}")
    for sign, word in SIGNS.items():
        inner = {text[1:-1].count(sign) for text in texts if len(text) > 1 and text[0] == text[-1] == '"'}
        if len(inner) == 1 and inner != {0} and all(text[0] == text[-1] == '"' for text in texts):
            return UserError(
                f"{file}: each line is in quotes as a whole, so that the {word} in it separate nothing; take these "
                "quotes away"
            )
    for sign in RARE_SEPARATORS:
        counts = {text.count(sign) for text in texts}
        query = f"select * from read_csv({sql.text(sql.literal_path(file))}, delim={sql.text(sign)})"
        if len(counts) == 1 and counts != {0} and _has_columns(connection, query, counts.pop() + 1):
            return UserError(
                f"{file}: '{sign}' seems to separate the columns, and data.path reads comma, semicolon, tab, bar and "
                f'space; read it with data.query="{query}"'
            )
    words = [len(text.split()) for text in texts]
    other = next((number for number, count in enumerate(words) if count != words[0]), None)
    spaces = ""
    if words[0] > 1 and other is not None:
        spaces = (
            f"; if spaces separate more of them, put fields that hold spaces in quotes: line {skip + 1} has "
            f"{words[0]} words, another has {words[other]}"
        )
    return UserError(f"{file}: the file has one column, '{shown}'; a table needs two, a target and a feature{spaces}")


def lines_above(lines: Sequence[str], skip: int = 0, comment: str | None = None) -> tuple[int, int, str] | None:
    """Find a table that begins below the first line: the lines above it, its width and its separator; None: none."""
    for sign in SIGNS:
        records = Records(lines, sign, '"', skip=skip, comment=comment)
        widths = []
        try:
            for record in records:
                widths.append((records.line, len(record)))
        except csv.Error:
            continue
        width = widths[-1][1] if widths else 1
        start = next((place for place in range(len(widths)) if all(n == width for _, n in widths[place:])), 0)
        if width > 1 and 0 < start < len(widths) - 1:
            return widths[start][0] - 1, width, sign
    return None


def comment_of(text: str) -> str | None:
    """Return the sign of a comment that a line begins with."""
    return next((sign for sign in COMMENTS if text.lstrip().startswith(sign)), None)


def comment_key(sign: str) -> str:
    """Return the argument that leaves such lines out, as a shell takes it."""
    return f"\"data.comment='{sign}'\""


def _has_columns(connection: "DuckDBPyConnection", query: str, count: int) -> bool:
    import duckdb

    try:
        return len(connection.execute(f"DESCRIBE {query}").fetchall()) == count
    except duckdb.Error:
        return False


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"
