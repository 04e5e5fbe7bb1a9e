"""Why a delimited file is not read, in one sentence."""

import re
from collections.abc import Sequence
from pathlib import Path

from onelayer.data.tables import sql
from onelayer.errors import UserError

RARE_SEPARATORS = ":~^#!/ "


def refused_file(file: str, error: Exception, encoding: str) -> UserError:
    """Name the file, the line and what is wrong with it, from duckdb's error."""
    said = str(error)
    named = re.search(r"^\s*file = (.+)$", said, re.MULTILINE)
    file = named[1] if named and "[" not in named[1] else file
    line = re.search(r"on Line: (\d+)", said)
    where = f"{file}: line {line[1]}" if line else file
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", said)
    if counts and line and line[1] == "1":
        return UserError(
            f"{where} has {_fields(counts[2])}, where {counts[1]} {'is' if counts[1] == '1' else 'are'} expected; give "
            "each line as many fields, parted by comma, semicolon, tab or bar, and close all quotes"
        )
    if counts:
        return UserError(
            f"{where} has {_fields(counts[2])}, but the first line has {counts[1]}; mend that line, or put a field "
            "that holds the separator in quotes"
        )
    if "unterminated quote" in said:
        return UserError(f"{where} opens a quoted field that is not closed rightly; mend the quotes")
    if "unicode" in said.lower() or "not utf-" in said:
        return UserError(f"{where}: the bytes are no {encoding} text{_encoding_hint(file, encoding)}")
    if "state machine" in said:
        return UserError(
            f"{where}: some lines end in another way than others, or a field holds a carriage return; save the file "
            "with one kind of line ends"
        )
    if "Maximum line size" in said:
        return UserError(f"{where} is longer than 2 MB, as after a quote that is never closed; mend the quotes")
    value = re.search(r'converting column "(.+?)"\. Could not convert string "(.*?)" to \'(\w+)\'', said, re.DOTALL)
    if value:
        return UserError(f"{where}: column '{value[1]}' has {value[2]!r}, which is no {value[3]}")
    return sql.refusal(file, error)


def refused_single_column(file: str, lines: Sequence[str]) -> UserError:
    """Say that one column is no table, and which sign may separate more of them."""
    name = lines[0].strip().strip("'\"")
    rows = [line for line in lines if line.strip()]
    for sign in RARE_SEPARATORS:
        counts = {row.strip().count(sign) for row in rows}
        if len(counts) == 1 and counts != {0}:
            return UserError(
                f"{file}: '{sign}' seems to separate the columns, which is not one of comma, semicolon, tab and bar; "
                f"read it with data.query=\"select * from read_csv('{file}', delim='{sign}')\""
            )
    for sign, word in ((",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        place = next((number for number, line in enumerate(lines, 1) if sign in line), None)
        if place is not None:
            return UserError(
                f"{file}: line 1 has one column, '{name}', but line {place} has {word}; is there text above the "
                f"header? leave it out, or read the file with data.query=\"select * from read_csv('{file}', skip=1)\""
            )
    return UserError(f"{file}: the file has one column, '{name}'; a table needs two, a target and a feature")


def _encoding_hint(file: str, encoding: str) -> str:
    with Path(file).open("rb") as stream:
        start = stream.read(2)
    if start == b"\xff\xfe" and encoding != "utf-16":
        return "; it begins as utf-16 does: set data.encoding=utf-16"
    if start == b"\xfe\xff":
        return "; it begins as big-endian utf-16 does: save it as utf-8"
    return "; set data.encoding=latin-1, or save it as utf-8" if encoding == "utf-8" else "; set data.encoding=utf-8"


def _fields(count: str) -> str:
    return f"{count} field" if count == "1" else f"{count} fields"
