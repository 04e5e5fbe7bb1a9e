"""Columns of a table as numbers and level numbers, before anything is fitted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from onelayer.data.tables.notation import PLAIN, Notation

Role = Literal["numeric", "boolean", "date", "category"]


@dataclass(frozen=True)
class Column:
    """A column that the model may use.

    Attributes:
        name: as the table calls it.
        role: what it holds.
        levels: of a category, sorted; a code is an index into them.
        parts: of a date, such as year and month: as many columns of numbers.
        notation: how its texts are written.
        typed: the levels of a category are numbers or the like that a typed table holds, not texts.
    """

    name: str
    role: Role = "numeric"
    levels: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    notation: Notation = PLAIN
    typed: bool = False

    @property
    def width(self) -> int:
        """Columns of numbers that it takes."""
        return {"category": 0, "date": len(self.parts)}.get(self.role, 1)


class Columns(Protocol):
    """Columns of a table, at hand or still to be fetched."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """In the table's order."""

    def parts(self, chosen: Sequence[NDArray[np.int64]]) -> "list[Frame]":
        """Return parts of the rows, whose numbers are given, as new frames."""


@dataclass(frozen=True)
class Frame:
    """Rows of a table.

    Attributes:
        columns: in the table's order.
        numbers: (rows, sum of widths) float64, what is not a category in the order of `columns`; NaN where missing.
        codes: (rows, categories) int32, in the order of `columns`; -1 where missing.
    """

    columns: tuple[Column, ...]
    numbers: NDArray[np.float64]
    codes: NDArray[np.int32]

    @classmethod
    def of_numbers(cls, numbers: NDArray[np.float64], names: tuple[str, ...]) -> "Frame":
        """Return a frame of numeric columns alone."""
        return cls(tuple(Column(name) for name in names), numbers, np.empty((len(numbers), 0), np.int32))

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: NDArray[np.int64] | slice) -> "Frame":
        """Select rows."""
        return replace(self, numbers=self.numbers[rows], codes=self.codes[rows])

    def parts(self, chosen: Sequence[NDArray[np.int64]]) -> "list[Frame]":
        """Return parts of the rows, whose numbers are given."""
        return [self.take(rows) for rows in chosen]

    def places(self) -> Iterator[tuple[Column, int]]:
        """Yield each column with its place: of a category in `codes`, else of its first number in `numbers`."""
        number = code = 0
        for column in self.columns:
            yield column, code if column.role == "category" else number
            number += column.width
            code += column.role == "category"
