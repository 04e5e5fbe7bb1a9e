"""Rows that are written in the configuration itself, as for an example of three points."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from onelayer.data.sources.files import refuse_infinite, target_of
from onelayer.data.table import Table, Task
from onelayer.errors import UserError


def _as_rows(value: Any) -> Any:
    if value is not None and not (isinstance(value, list) and all(isinstance(row, list) for row in value)):
        raise PydanticCustomError("rows", "must be a list of rows, such as [[1], [2], [3]]")
    return value


def _as_values(value: Any) -> Any:
    if value is not None and not isinstance(value, list):
        raise PydanticCustomError("values", "must be a list with one value for each row, such as [2, 4, 6]")
    return value


Rows = Annotated[Sequence[Sequence[float]] | None, BeforeValidator(_as_rows)]
Values = Annotated[Sequence[float | str] | None, BeforeValidator(_as_values)]


def points(*, x: Rows, y: Values, task: Task | None = None) -> Table:
    """Take rows as they are given. Texts and two numbers are classes, other numbers a regression, as of a table.

    Args:
        x: numbers, (rows, features).
        y: the target, (rows,).
        task: what the target is read as; None: as it looks.

    Raises:
        UserError: rows or values are missing, do not fit each other, or are not finite.
    """
    if not x or not y:
        key, example = ("y", "[2,4,6]") if x else ("x", "[[1],[2],[3]]")
        raise UserError(f"data=points needs data.{key}, such as data.{key}={example}")
    lengths = [len(row) for row in x]
    for row, length in enumerate(lengths):
        if length != lengths[0] or length == 0:
            wanted = f"as many as row 1, which has {lengths[0]}" if lengths[0] else "1 or more"
            raise UserError(f"data.x: row {row + 1} has {length} numbers; it must have {wanted}")
    if len(x) != len(y):
        raise UserError(f"data.x has {len(x)} rows, but data.y has {len(y)} values; there must be one for each row")
    columns = tuple(f"x{place}" for place in range(lengths[0]))
    features = np.array(x, dtype=np.float64)
    refuse_infinite(features, "data.x", columns)
    target, classes = target_of(np.array(y), task, "data.y")
    return Table(features, target, columns, "y", classes)
