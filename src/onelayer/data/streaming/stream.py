"""An open table whose rows stay on disk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onelayer.data.frame import Frame
from onelayer.data.table import Array, Task
from onelayer.data.tables import sql
from onelayer.data.tables.origin import UNKNOWN, Origin
from onelayer.data.tables.reading import Reading
from onelayer.data.tables.rows import Rows
from onelayer.data.tables.target import Target, by_of, weight_of
from onelayer.data.tables.understanding import Understood
from onelayer.errors import UserError


class Piece(NamedTuple):
    """Some rows as they are read.

    Attributes:
        frame: the features.
        target: (rows,) float64 of a number, else the index of the class.
        sample_weight: (rows,) float64; None without a column of weights.
        numbers: (rows,) int64, of the rows in the table, from 0; None where nobody asked for them.
    """

    frame: Frame
    target: Array
    sample_weight: Array | None
    numbers: Array | None


@dataclass(frozen=True)
class Stream:
    """A table that is read again and again.

    Attributes:
        rows: the table, in a database on disk.
        readings: the features.
        target: how it is read.
        sample_weight: SQL of what each row counts; None: one.
        by: SQL of what `data.split.by` goes by; None where it names no column.
        block_rows: rows held at a time.
        kind: the task the target is read as; None: what the classes say.
        origin: how the table is written.
        notes: what was understood, left out or mended, a sentence each.
    """

    rows: Rows
    readings: tuple[Reading, ...]
    target: Target
    sample_weight: str | None
    by: str | None
    block_rows: int
    kind: Task | None = None
    origin: Origin = UNKNOWN
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: Understood, block_rows: int) -> "Stream":
        """Return an understood table as a stream."""
        assert table.target is not None
        weight, by = table.used_as("weight"), table.used_as("split")
        types = {column.name: column.type for column, _ in table.columns}
        return cls(
            table.rows,
            tuple(_narrow(one) if types[one.column.name] == "FLOAT" else one for one in table.readings),
            table.target,
            sample_weight=None if weight is None else weight_of(table.rows, weight),
            by=None if by is None else by_of(table.rows, by),
            block_rows=block_rows,
            origin=table.origin,
            notes=table.notes,
        )

    @property
    def task(self) -> Task:
        """What the target asks for."""
        if self.target.classes is None:
            return "regression"
        return self.kind or ("binary" if len(self.target.classes) == 2 else "multiclass")

    @property
    def target_name(self) -> str:
        """The name of the target."""
        return self.target.name

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The class names in index order; None for regression."""
        return self.target.classes

    @property
    def known(self) -> None:
        """Nobody knows what made the target of a table on disk."""

    @property
    def given(self) -> tuple[str, ...]:
        """All parts are drawn."""
        return ()

    def as_task(self, task: Task | None) -> "Stream":
        """Read two classes as several.

        Raises:
            UserError: the target is of another kind.
        """
        if task is None or task == self.task:
            return self
        if task == "multiclass" and self.task == "binary":
            return replace(self, kind=task)
        raise UserError(f"task={task}: the target '{self.target.name}' asks for {self.task}")

    @property
    def numbers(self) -> tuple[str, ...]:
        """SQL of the columns of `Frame.numbers`, FLOAT or DOUBLE."""
        return tuple(value for one in self.readings if one.column.role != "category" for value in one.values)

    @property
    def codes(self) -> tuple[str, ...]:
        """SQL of the columns of `Frame.codes`."""
        return tuple(value for one in self.readings if one.column.role == "category" for value in one.values)

    @property
    def end(self) -> int:
        """The number after that of the last row."""
        return int(self.rows.one("SELECT coalesce(max(rowid) + 1, 0) FROM rows")[0])

    def read(self, condition: str, start: int, end: int, *, numbered: bool = False) -> Piece:
        """Read the rows of a part that have numbers from start to end, in their order.

        To be told these numbers (`numbered`) costs about a sixth of the time.

        May be called from several threads.
        """
        numbers, codes = self.numbers, self.codes
        weight = [] if self.sample_weight is None else [self.sample_weight]
        values = [*(["rowid"] if numbered else []), *weight, self.target.value, *numbers, *codes]
        asked = ", ".join(f"{value} AS v{place}" for place, value in enumerate(values))
        query = f"SELECT {asked} FROM rows WHERE rowid >= {start} AND rowid < {end} AND ({condition})"
        found = self.rows.columns_of(query)
        places = found.pop(0) if numbered else None
        sample_weight = found.pop(0).astype(np.float64) if weight else None
        target = found.pop(0).astype(np.float64 if self.target.classes is None else np.int64)
        frame = Frame(
            tuple(one.column for one in self.readings),
            side_by_side(found[: len(numbers)], len(target), np.float64),
            side_by_side(found[len(numbers) :], len(target), np.int32),
        )
        return Piece(frame, target, sample_weight, places)


def _narrow(reading: Reading) -> Reading:
    """Read a number of 4 bytes as it is: duckdb would take as long to widen it as to read it."""
    if reading.column.role != "numeric":
        return reading
    return replace(reading, values=(f"coalesce({sql.name(reading.column.name)}, 'nan'::FLOAT)",))


def side_by_side(columns: Sequence[NDArray[np.generic]], rows: int, dtype: type) -> Array:
    """Lay columns (rows,) side by side, (rows, columns)."""
    laid: Array = np.empty((rows, len(columns)), dtype)
    # a few rows of all columns at a time: they stay in the cache
    for start in range(0, rows, 4096):
        for place, column in enumerate(columns):
            laid[start : start + 4096, place] = column[start : start + 4096]
    return laid


def ranges(end: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut the numbers of rows."""
    for start in range(0, end, size):
        yield start, min(start + size, end)
