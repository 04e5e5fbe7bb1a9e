"""Safe SQL: names and texts quoted, and duckdb's errors in one sentence."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from onelayer.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# memory of a database on disk, in which duckdb also keeps what it has read
STREAMING = "512MB"


def connect(folder: Path | None = None) -> "DuckDBPyConnection":
    """Open an empty database.

    Args:
        folder: holds the database file and what does not fit into memory; None: the database is held in memory.

    Raises:
        UserError: the folder takes no file.
    """
    import tempfile

    import duckdb

    where = ":memory:" if folder is None else str(folder / "rows.duckdb")
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,  # nothing is downloaded behind the user's back
        "autoload_known_extensions": False,
        "temp_directory": tempfile.gettempdir() if folder is None else str(folder),
    }
    try:
        connection = duckdb.connect(where, config=settings)
    except duckdb.IOException as error:
        raise refusal(str(folder), error) from None
    if folder is not None:
        connection.execute(f"SET memory_limit = '{STREAMING}'")
        # packed floats are hardly smaller, and cost more than half as much again to write, and a fifth more to read
        connection.execute("SET disabled_compression_methods = 'alp,alprd'")
    connection.execute("SET enable_progress_bar = false")  # it would be drawn into files and pipes too
    connection.execute("SET TimeZone = 'UTC'")  # the hour of a time stamp is the same on every machine
    return connection


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C be what it is: duckdb makes an error of its own of it while it works."""
    try:
        yield
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from None


def name(text: str) -> str:
    """Quote a name."""
    return '"' + text.replace('"', '""') + '"'


def text(value: str) -> str:
    """Quote a text."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Iterable[str]) -> str:
    """Return a list of texts."""
    return "[" + ", ".join(text(value) for value in values) + "]"


def literal_path(path: str) -> str:
    """Escape a path that has signs of a pattern in its name, so that duckdb reads this one file."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def types_of(connection: "DuckDBPyConnection", source: str) -> dict[str, str]:
    """Return duckdb's type of each column of what stands behind FROM, by its name."""
    return {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}


def sentence(error: Exception) -> str:
    """Say what duckdb says, without the name of its exception, its excerpt and its advice."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = []
    for line in lines:
        if not line or line.startswith(("LINE ", "Possible", "* ", "^", "Original Line", "The search space")):
            break
        kept.append(line)
    said = re.sub(r"^(\w+ )+Error: ", "", " ".join(kept[:3]) or type(error).__name__)
    return said.rstrip(".!?")


def refusal(where: str, error: Exception) -> UserError:
    """Turn an error of duckdb into the user's."""
    import duckdb

    said = sentence(error)
    unwritten = re.search(r'Could not write file \\?"(.+?)\\?": ([^"]+)', said)
    partial = unwritten and re.fullmatch(r"(.*/)?\.\d+\.([^/]+)", unwritten[1])  # as `whole` lends it
    if unwritten and partial:
        return UserError(f"{partial[1] or ''}{partial[2]}: {unwritten[2]}; make room there, or choose another folder")
    if isinstance(error, duckdb.OutOfMemoryException):
        said = (
            f"duckdb ran out of memory ({said}); read it with data.stream=true, and where that is set lower "
            "data.block_rows, or do without median and robust, which sort whole columns"
        )
    elif "Could not write" in said:  # also as the reason why a commit failed
        said = unwritten[0].replace("\\", "") if unwritten else said
        said += "; set the environment variable TMPDIR to a folder with more room"
    return UserError(f"{where}: {said}")
