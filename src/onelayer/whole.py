"""Files that are there as a whole or not at all, and errors that name them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Lend a name beside a file; what is written there takes the file's name in the end, and its place.

    Where anything is raised, nothing is left, and a file that was there stays. An `OSError` names the file.
    """
    partial = path.with_name(f".{os.getpid()}.{path.name}")  # it ends like the file, by which some writers go
    with naming(path, partial):
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, partial: Path | None = None) -> Iterator[None]:
    """Let an error of the system speak of a path, where it speaks of none, as of a full disk, or of that beside it."""
    try:
        yield
    except OSError as error:
        if error.filename in (None, str(partial)):
            error.filename, error.filename2 = str(path), None
        raise
