"""What sources share: a path that is there, values that a model can use, labels as classes, some of the classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from onelayer.data.table import Array, Task
from onelayer.errors import UserError, did_you_mean


def _as_classes(value: Any) -> Any:
    if value is not None and not isinstance(value, list):
        raise PydanticCustomError("classes", "must be a list of two classes or more, such as [0, 1]")
    return value


# names of classes, which YAML reads as numbers where they look so
Classes = Annotated[Sequence[str | int] | None, BeforeValidator(_as_classes)]


def existing_path(path: str | None, source: str, what: str, *, folder: bool = False, key: str = "path") -> Path:
    """Return a path of the configuration, which must be there.

    Args:
        path: as the user typed it; a leading ``~`` is the home folder.
        source: the name of the source.
        what: what it must be, such as ``the file to read``.
        folder: a folder is wanted, not a file.
        key: of `data`, which says so.

    Raises:
        UserError: it is not given, not there, or of the other kind.
    """
    if path is None:
        raise UserError(f"data={source} needs data.{key}, {what}")
    found = Path(path).expanduser()
    if not found.exists():
        siblings = [one.name for one in found.parent.iterdir()] if found.parent.is_dir() else []
        kind = "folder" if folder else "file"
        raise UserError(f"data.{key}={path}: there is no such {kind}{did_you_mean(found.name, siblings)}")
    if folder != found.is_dir():
        kind = "a file, not a folder" if folder else "a folder, not a file"
        raise UserError(f"data.{key}={path} is {kind}; it must be {what}")
    return found


def refuse_infinite(values: Array, where: str, columns: tuple[str, ...]) -> None:
    """Refuse NaN and infinity, which no model can use and nobody filled in.

    Args:
        values: (rows, columns).
        where: the file, which begins the sentence.
        columns: their names.

    Raises:
        UserError: names the first one by row (from 1) and column.
    """
    broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if not len(broken):
        return
    row = int(broken[0])
    column = int(np.flatnonzero(~np.isfinite(values[row]))[0])
    others = f", the first of {len(broken)} such rows" if len(broken) > 1 else ""
    raise UserError(
        f"{where}: row {row + 1}, column '{columns[column]}' is {values[row, column]}{others}; only finite numbers can "
        "be used, leave such rows out or fill them in"
    )


def class_target(values: Array, where: str) -> tuple[Array, tuple[str, ...]]:
    """Number the classes in the order of their values.

    Args:
        values: (rows,) numbers or text.
        where: the file or column, which begins the sentence.

    Returns:
        (rows,) int64, the index of each row's class; the names of the classes, whole numbers without a point.

    Raises:
        UserError: there are not two classes.
    """
    levels, target = np.unique(values, return_inverse=True)
    names = tuple(class_name(level) for level in levels)
    if len(names) < 2:
        raise UserError(f"{where}: every row has the label {names[0]}; there must be at least two classes")
    return target.astype(np.int64), names


def target_of(values: Array, task: Task | None, where: str) -> tuple[Array, tuple[str, ...] | None]:
    """Read a target: texts, truths and two numbers are classes, other numbers a regression.

    Args:
        values: (rows,) numbers or text.
        task: what it is read as; None: as it looks.
        where: the file or column, which begins the sentence.

    Returns:
        (rows,), as in a `Table`, and the names of the classes.

    Raises:
        UserError: a number is not finite, or there are not two classes.
    """
    numbers = values.dtype.kind in "iuf"
    if numbers:
        refuse_infinite(values.astype(np.float64)[:, None], where, ("y",))
    if not numbers or task in ("binary", "multiclass") or (task is None and len(np.unique(values)) == 2):
        return class_target(values, where)
    return values.astype(np.float64), None


def keep_classes(
    target: Array, classes: tuple[str, ...], wanted: Sequence[str | int]
) -> tuple[Array, Array, tuple[str, ...]]:
    """Select the rows of some classes.

    Args:
        target: (rows,), the index of each row's class.
        classes: their names.
        wanted: names of those to keep, in any order.

    Returns:
        (rows,) bool, those to keep; the target of these, numbered anew; the names left, in the order they had.

    Raises:
        UserError: there is no such class, or only one is left.
    """
    names = [str(one) for one in wanted]
    for name in names:
        if name not in classes:
            raise UserError(
                f"data.classes={_listed(names)}: there is no class '{name}'; there are {', '.join(classes[:20])}"
                f"{', ...' if len(classes) > 20 else ''}"
            )
    kept = tuple(name for name in classes if name in names)
    if len(kept) < 2:
        raise UserError(f"data.classes={_listed(names)}: there must be at least two classes")
    number = np.full(len(classes), -1)
    for place, name in enumerate(kept):
        number[classes.index(name)] = place
    target = number[target]
    return target >= 0, target[target >= 0], kept


def _listed(names: Sequence[str]) -> str:
    return f"[{', '.join(names)}]"


def class_name(level: object) -> str:
    """Return what a class is called whose label is a number or a text."""
    if isinstance(level, bytes):
        return level.decode("utf-8", "replace")
    if isinstance(level, float | np.floating) and float(level).is_integer():
        return str(int(level))
    return str(level)
