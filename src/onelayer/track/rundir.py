"""The run directory on disk."""

import json
import math
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from onelayer.errors import UserError
from onelayer.filenames import CONFIG, HYDRA, LAST, LOCK, LOG, OVERRIDES, RESULT, SETTINGS
from onelayer.whole import whole

FORMAT = 1
# statuses of a run that ended well
ENDED = ("done", "stopped")
# keys in which repetitions of one run differ
REPEATED = ("seed", "data.fold")
_held: set[Path] = set()  # the locks of this process


def resume_argument(directory: Path) -> str:
    """Return the argument that goes on from a run, ready to be pasted into a shell."""
    return f"resume={shlex.quote(str(directory))}"


def write_result(directory: Path, result: Mapping[str, Any]) -> None:
    """Write result.json at once or not at all; its presence means that the run ended."""
    text = json.dumps(plain({"format": FORMAT, **result}), indent=2, allow_nan=False)
    with whole(directory / RESULT) as partial, partial.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_result(directory: Path) -> dict[str, Any]:
    """Return what `write_result` wrote; an empty mapping where the file holds something else.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is not whole, as after a full disk or a power cut.
    """
    with open(f"{directory}/{RESULT}", "rb") as file:  # noqa: PTH123 - a third of the time of Path.open
        result = json.loads(file.read())
    return result if isinstance(result, dict) else {}


def refuse_used(directory: Path) -> None:
    """Refuse a directory that already holds a run.

    Raises:
        UserError: so that nothing is overwritten.
    """
    for name in (RESULT, LAST):
        if (directory / name).exists():
            hint = f"choose another hydra.run.dir, or go on with {resume_argument(directory)}"
            raise UserError(f"{directory} already holds a run; {hint}")


@contextmanager
def exclusive(directory: Path, key: str) -> Iterator[None]:
    """Keep other processes from training in a directory, where the system has such locks; they die with the process.

    Args:
        directory: of a run or a sweep; it is made where it is missing. What this process holds already it may enter.
        key: by which another directory is chosen.

    Raises:
        UserError: another process holds it.
        OSError: it cannot be made or written.
    """
    path = directory.absolute() / LOCK
    if path in _held:
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    file = _locked(directory, key)
    _held.add(path)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while it is locked: nobody else's is taken away
        file.close()
        _held.remove(path)


def _locked(directory: Path, key: str) -> IO[bytes]:
    """Open the lock of a directory and take it."""
    path = directory / LOCK
    while True:
        try:
            file = path.open("ab")
        except OSError as error:
            error.filename = str(directory)
            raise
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            hint = f"wait for it, or choose another {key}"
            raise UserError(f"{directory}: another process is training there; {hint}") from None
        except (ImportError, OSError):  # Windows, and file systems without locks
            return file
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # who held it took it away meanwhile


def missing_folders(directory: Path) -> list[Path]:
    """List the folders that would have to be made for a directory, innermost first."""
    directory = directory.absolute()
    return [folder for folder in (directory, *directory.parents) if not folder.exists()]


def discard(directory: Path, made: Iterable[Path]) -> None:
    """Take back what Hydra wrote for a run that never started; whatever else lies there stays.

    Args:
        directory: the run directory.
        made: the folders that were made for it, innermost first.
    """
    for name in (CONFIG, SETTINGS, OVERRIDES, LOG, LOCK):
        (directory / name).unlink(missing_ok=True)
    for folder in (directory / HYDRA, *made):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def plain(value: Any) -> Any:
    """Make values fit for JSON, which knows neither NaN nor infinity."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
