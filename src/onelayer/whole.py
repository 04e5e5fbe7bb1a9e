"""Files that are there as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Lend a name beside a file; what is written there takes the file's name in the end, and its place.

    Where anything is raised, nothing is left, and a file that was there stays.
    """
    partial = path.with_name(f".{os.getpid()}.{path.name}")  # it ends like the file, by which some writers go
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
