"""Where results go: a file is there as a whole or not at all, and never in the place of another by accident."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onelayer.errors import UserError


@contextmanager
def written(out: Path, *, force: bool) -> Iterator[Path]:
    """Lend a name beside a file; what is written there takes the file's name in the end.

    Args:
        out: the file.
        force: write over a file that is there.

    Raises:
        UserError: the file is there, or its folder is not.
    """
    if out.exists() and not force:
        raise UserError(f"{out}: the file is there already; choose another name, or write over it with --force")
    if not out.absolute().parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.absolute().parent}; make it first")
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        yield partial
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
