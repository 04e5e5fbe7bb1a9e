"""Where results go: a file is there as a whole or not at all, and never in the place of another by accident."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from onelayer.errors import UserError
from onelayer.whole import whole


@contextmanager
def written(out: Path, *, force: bool, make_folder: bool = False) -> Iterator[Path]:
    """Lend a name beside a file; what is written there takes the file's name in the end.

    Args:
        out: the file.
        force: write over a file that is there.
        make_folder: make its folder where that is missing; it goes again where nothing is written.

    Raises:
        UserError: the file is there, or is a folder, its folder is not there, or nothing can be written into it.
    """
    if out.is_dir():
        raise UserError(f"{out}: that is a folder; choose another name with -o")
    if out.exists() and not force:
        raise UserError(f"{out}: the file is there already; choose another name with -o, or write over it with --force")
    folder = out.absolute().parent
    made = make_folder and not folder.is_dir()
    if made:
        folder.mkdir()
    if not folder.is_dir():
        raise UserError(f"{out}: there is no folder {folder}; make it first")
    try:
        with whole(out) as partial:
            yield partial
    except OSError as error:
        if error.filename != str(out):
            raise
        raise UserError(f"{out}: it cannot be written ({error.strerror}); choose another folder with -o") from None
    finally:
        if made:
            with suppress(OSError):  # it is not empty where all went well
                folder.rmdir()
