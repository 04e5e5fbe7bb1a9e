"""Where all that is said to a person goes out: lines, the log, tables, and a bar that keeps below them.

On a terminal lines end between words and a few first words have a colour. A pipe and a file get plain text.
"""

import io
import logging
import os
import re
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:  # help and typos answer without waiting for it
    from rich.console import Console
    from rich.progress import Progress

PLAIN_WIDTH = 200  # of an output that is no terminal
COMMAND = re.compile(r" +(python |onelayer |[\w.+~/@]+=)")  # to be copied, and so kept in one piece
COLOURS = {"error:": 31, "failed:": 31, "warning:": 33, "caution:": 33, "diverged": 33}
_bars: "list[Progress]" = []  # those on the screen


def stdout_console() -> "Console":
    """Return a console for standard output: as wide as the terminal, and of a fixed width where there is none."""
    from rich.console import Console

    _forgiving(sys.stdout)
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def say(text: str) -> None:
    """Write lines to standard output, above a bar where one is drawn; where nobody reads on they are lost."""
    _forgiving(sys.stdout)
    if _bars and sys.stdout.isatty():
        from rich.text import Text

        _bars[-1].console.print(Text.from_ansi(fitted(text, sys.stdout)), soft_wrap=True)
        return
    try:
        sys.stdout.write(f"{fitted(text, sys.stdout)}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        nobody_reads()


def warn(text: str) -> None:
    """Write lines to standard error."""
    _forgiving(sys.stderr)
    sys.stderr.write(f"{fitted(text, sys.stderr)}\n")


def nobody_reads() -> None:
    """Send what else is said nowhere: the reader of a pipe has gone, as `head` does, and the last flush would fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


class Screen(logging.Handler):
    """The log on standard output, in the words of each line alone."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            say(self.format(record))
        except Exception:
            self.handleError(record)


@contextmanager
def above(bar: "Progress") -> Iterator[None]:
    """Let what is said meanwhile stand above a bar."""
    _bars.append(bar)
    try:
        with bar:
            yield
    finally:
        _bars.remove(bar)


def watched(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can draw again what it has drawn."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def fitted(text: str, stream: TextIO) -> str:
    """Break lines between words where the terminal would break words, and colour the first one.

    Args:
        text: lines; what is indented keeps its indent, and a command stays in one piece.
        stream: where they go; for one that is no terminal they stay as they are.
    """
    if not stream.isatty():
        return text
    asked = os.environ.get("COLUMNS", "")
    width = int(asked) if asked.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    lines = [_broken(line, width or 80) for line in text.split("\n")]
    if watched(stream) and not os.environ.get("NO_COLOR"):
        lines = [_coloured(line) for line in lines]
    return "\n".join(lines)


def _broken(line: str, width: int) -> str:
    if len(line) <= width or COMMAND.match(line):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    wrapper = textwrap.TextWrapper(width, indent, f"{indent}  ", break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(line.strip())


def _coloured(line: str) -> str:
    first, space, rest = line.partition(" ")
    return f"\x1b[{COLOURS[first]}m{first}\x1b[0m{space}{rest}" if first in COLOURS else line


def _forgiving(stream: TextIO) -> None:
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="replace")  # an old encoding may lack a sign, such as ±
