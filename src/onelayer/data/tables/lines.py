"""The lines and records of a text file as they are written, whatever ends them; what duckdb misreads is read so."""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from onelayer.errors import UserError

CODECS = {"utf-8": "utf-8-sig", "latin-1": "latin-1", "utf-16": "utf-16-le"}
BYTE_ORDERS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
CONTROL = re.compile("[\x80-\x9f]")  # latin-1 has no letters there, nor does duckdb read them
START = 2**20  # bytes that tell how a file may be encoded
csv.field_size_limit(2**21)  # as duckdb's lines; csv itself refuses a field of more than 131072 characters


def is_packed(file: str) -> bool:
    """Whether duckdb alone can unpack the file."""
    return file.lower().endswith(".zst")


@contextmanager
def open_bytes(file: str) -> Iterator[BinaryIO]:
    """Open a file, unpacked where it is gzip's.

    Raises:
        UserError: it cannot be opened or unpacked.
    """
    try:
        with cast(BinaryIO, gzip.open(file)) if file.lower().endswith(".gz") else Path(file).open("rb") as raw:
            yield raw
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UserError(f"{file}: the file is no gzip file, or only a part of one; pack it again") from None
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None


def start_of(file: str, count: int = START) -> bytes:
    """Return the first bytes of a file, unpacked; none of one that duckdb alone can unpack."""
    if is_packed(file):
        return b""
    with open_bytes(file) as raw:
        return raw.read(count)


def is_comment(line: str, sign: str | None) -> bool:
    """Whether a line begins with a sign, spaces before it or not."""
    return sign is not None and line.lstrip(" \t").startswith(sign)


def text_lines(file: str, encoding: str) -> Iterator[str]:
    r"""Return the lines of a file with what ends them: `\n`, `\r\n` or `\r`.

    Raises:
        UserError: its bytes are no text in this encoding.
    """
    if encoding != "utf-16" and start_of(file, 2) in BYTE_ORDERS:
        raise refused_bytes(file, "", encoding)
    if encoding == "utf-16" and b"\0" not in start_of(file):
        raise refused_bytes(file, "", encoding)  # not even the end of a line is two bytes
    codec = "utf-16" if encoding == "utf-16" and start_of(file, 2) in BYTE_ORDERS else CODECS[encoding]
    number = 0
    try:
        with open_bytes(file) as raw, io.TextIOWrapper(raw, codec, newline="") as text:
            for number, line in enumerate(text, 1):
                if encoding == "latin-1" and CONTROL.search(line):
                    raise refused_bytes(file, f"line {number}", encoding)
                yield line
    except UnicodeError:
        raise refused_bytes(file, "" if encoding == "utf-16" else _line_of_bad_byte(file), encoding) from None


class Records:
    """Records of a delimited text, one list of fields each; empty lines and comments are none.

    Attributes:
        line: number of the line that the last record begins in.
        text: that line.
        comments: lines that were left out as such.
    """

    def __init__(self, lines: Iterable[str], separator: str, quote: str, *, skip: int = 0, comment: str | None = None):
        """Read lines with their ends; the first `skip` of them and those that begin with `comment` are left out."""
        self.line, self.text, self.comments = 0, "", 0
        self._lines, self._skip, self._comment = iter(lines), skip, comment
        self._spaces = separator == " "
        self._blank = " \r\n" if separator == "\t" else None
        self._number, self._is_within, self._last = 0, False, ""
        # spaces after a separator are not part of a field, and before a quote they would make it a sign like others
        self._reader = csv.reader(
            self._of_records(), delimiter=separator, quotechar=quote, skipinitialspace=True, strict=True
        )

    def __iter__(self) -> Iterator[list[str]]:
        """Return the fields of each record.

        Raises:
            csv.Error: a quoted field is not closed rightly; it begins in `line`.
        """
        for record in self._reader:
            self._is_within = False
            if self._spaces and not record[-1] and self._last.rstrip("\r\n").endswith(" "):
                record.pop()  # spaces at the end of a line separate nothing
            yield record

    def _of_records(self) -> Iterator[str]:
        """Return the lines of records, and keep count: many `\r` before a `\n` end one line."""
        was_alone, blank = False, 0
        for line in self._lines:
            if not self._is_within and was_alone and line == "\r":
                blank += 1
                continue
            if not self._is_within and was_alone and line == "\r\n":
                blank = 0
                was_alone = False
                continue
            self._number += 1 + blank
            blank, was_alone = 0, line.endswith("\r")
            if self._number <= self._skip:
                continue
            if not self._is_within:
                if not line.strip(self._blank):
                    continue
                if is_comment(line, self._comment):
                    self.comments += 1
                    continue
                self._is_within, self.line, self.text = True, self._number, line
            self._last = line
            yield line


def refused_bytes(file: str, where: str, encoding: str) -> UserError:
    """Say that the bytes of a file are no text, and what they may be."""
    start = start_of(file)
    if start.startswith(BYTE_ORDERS) and encoding != "utf-16":
        remedy = "it begins as utf-16 does: set data.encoding=utf-16"
    elif encoding != "utf-8" and _is_utf_8(start):
        remedy = "set data.encoding=utf-8"
    elif encoding != "utf-8" or CONTROL.search(start.decode("latin-1")):
        remedy = "save it as utf-8"
    else:
        remedy = "set data.encoding=latin-1, or save it as utf-8"
    return UserError(f"{file}: {f'{where}: ' if where else ''}the bytes are no {encoding} text; {remedy}")


def _is_utf_8(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeError:
        return False
    return True


def _line_of_bad_byte(file: str) -> str:
    with open_bytes(file) as raw:
        for number, line in enumerate(raw, 1):
            try:
                line.decode()
            except UnicodeError:
                return f"line {number}"
    return ""
