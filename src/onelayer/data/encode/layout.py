"""From the columns of a given frame to the design matrix."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelayer.data.encode.design import Design, Levels, Numbers
from onelayer.data.encode.statistics import blocks
from onelayer.data.frame import Column, Frame
from onelayer.errors import UserError, did_you_mean

Places = NDArray[np.int64]
Array = NDArray[np.float64]
# instead of a design column: the level has none, or is refused
NOWHERE, REFUSED = -1, -2


@dataclass(frozen=True)
class Category:
    """Where the levels of a frame's category go.

    Attributes:
        design: the category in training.
        column: in the frame.
        code: its place in `Frame.codes`.
        design_columns: (levels + 1,), the design column of each level of the frame, the last one for missing.
        refuses: one of them is `REFUSED`.
    """

    design: Levels
    column: Column
    code: int
    design_columns: Places
    refuses: bool


@dataclass(frozen=True)
class Layout:
    """How frames with certain columns become the design matrix.

    Attributes:
        width: columns of numbers in such a frame.
        n_features: design columns.
        names: (numbers,), the table's column of each number that is used.
        source: (numbers,), their places in `Frame.numbers`.
        target: (numbers,), their design columns.
        fill: (numbers,), what missing ones become; NaN: refused.
        indicated: (indicators,), which of these numbers have an indicator.
        indicators: (indicators,), the design columns of these.
        categories: with their levels.
    """

    width: int
    n_features: int
    names: tuple[str, ...]
    source: Places | slice
    target: Places | slice
    fill: Array
    indicated: Places
    indicators: Places
    categories: tuple[Category, ...]

    @classmethod
    def of(cls, designs: Sequence[Design], columns: tuple[Column, ...], *, refuse_unseen: bool) -> "Layout":
        """Find the columns by their names.

        Raises:
            UserError: one is missing, or of another role.
        """
        empty = Frame(columns, np.empty((0, 0)), np.empty((0, 0), np.int32))
        found = {column.name: (column, place) for column, place in empty.places()}
        names: list[str] = []
        source: list[int] = []
        target: list[int] = []
        fill: list[float] = []
        indicated: list[int] = []
        indicators: list[int] = []
        categories: list[Category] = []
        feature = 0
        for design in designs:
            column, place = _named(design, found)
            if isinstance(design, Levels):
                there = list(_design_columns(design, column, feature, refuse_unseen))
                categories.append(Category(design, column, place, np.array(there), REFUSED in there))
                feature += sum(1 for _ in design.features())
                continue
            if design.indicator:
                indicated.append(len(source))
                indicators.append(feature + design.width)
            names += [design.name] * design.width
            source += [place + number for number in _parts(design, column)]
            target += range(feature, feature + design.width)
            fill += design.fill or [np.nan] * design.width
            feature += design.width + design.indicator
        return cls(
            width=sum(column.width for column in columns),
            n_features=feature,
            names=tuple(names),
            source=_as_slice(source),
            target=_as_slice(target),
            fill=np.array(fill, np.float64),
            indicated=np.array(indicated, np.int64),
            indicators=np.array(indicators, np.int64),
            categories=tuple(categories),
        )

    def apply(self, frame: Frame, rows: NDArray[Any] | None) -> Array:
        """Return the design matrix; of numbers alone without holes, the frame's own."""
        numbers = frame.numbers
        if self._changes_nothing and not any(np.isnan(numbers[part]).any() for part in blocks(*numbers.shape)):
            return numbers
        made = np.zeros if self.categories or len(self.indicators) else np.empty
        matrix = made((len(frame), self.n_features))
        for part in blocks(len(frame), self.width + self.n_features):
            self._numbers(numbers[part], matrix[part], part.start, rows)
            for category in self.categories:
                self._category(category, frame.codes[part, category.code], matrix[part], part.start, rows)
        return matrix

    @property
    def _changes_nothing(self) -> bool:
        """Whether the numbers of a frame are its design matrix, but for holes."""
        places = (self.source, self.target)
        everything = slice(0, self.width)
        return self.n_features == self.width and all(isinstance(one, slice) and one == everything for one in places)

    def _numbers(self, numbers: Array, matrix: Array, start: int, rows: NDArray[Any] | None) -> None:
        values = numbers[:, self.source]
        holes = np.isnan(values)
        if holes.any():
            if np.isnan(self.fill).any():
                self._refuse(holes, start, rows)
            values = np.where(holes, self.fill, values)
            matrix[:, self.indicators] = holes[:, self.indicated]
        matrix[:, self.target] = values

    def _refuse(self, holes: NDArray[np.bool_], start: int, rows: NDArray[Any] | None) -> None:
        refused = holes & np.isnan(self.fill)
        if refused.any():
            row, number = np.argwhere(refused)[0]
            raise UserError(
                f"column '{self.names[number]}', row {_number(start + row, rows)}: there is no value, and the model "
                "knows nothing to put in its place; fill it in or leave the row out"
            )

    @staticmethod
    def _category(
        category: Category, codes: NDArray[np.int32], matrix: Array, start: int, rows: NDArray[Any] | None
    ) -> None:
        columns = category.design_columns[codes]
        if category.refuses and (columns == REFUSED).any():
            row = int((columns == REFUSED).argmax())
            code = int(codes[row])
            what = "no value is" if code < 0 else f"the level '{category.column.levels[code]}' is not"
            raise UserError(
                f"column '{category.design.name}', row {_number(start + row, rows)}: {what} among what the train rows "
                "hold; a model trained with data.encode.unseen=other lets such rows pass"
            )
        there = np.flatnonzero(columns >= 0)
        matrix[there, columns[there]] = 1.0


def _named(design: Design, found: dict[str, tuple[Column, int]]) -> tuple[Column, int]:
    if design.name not in found:
        raise UserError(f"there is no column '{design.name}', which the model needs{did_you_mean(design.name, found)}")
    column, place = found[design.name]
    if column.role != design.role:
        raise UserError(
            f"column '{design.name}' is read as {column.role} here, but was {design.role} in training; "
            f"list it under data.{design.role}"
        )
    return column, place


def _parts(design: Numbers, column: Column) -> Iterator[int]:
    if design.role != "date":
        yield 0
    for part in design.parts:
        if part not in column.parts:
            raise UserError(f"column '{design.name}' has no {part}, which the model needs")
        yield column.parts.index(part)


def _design_columns(design: Levels, column: Column, first: int, refuse_unseen: bool) -> Iterator[int]:
    """Yield the design column of each level of a frame's column, then that of missing."""
    places = []
    for feature in design.blocks():
        places.append(NOWHERE if feature is None else first)
        first += feature is not None
    known = dict(zip(design.levels, places, strict=False))
    other = places[len(design.levels)] if design.pooled else NOWHERE
    known |= dict.fromkeys(design.pooled, other)
    unseen = REFUSED if refuse_unseen else other
    for level in column.levels:
        yield known.get(level, unseen)
    yield places[-1] if design.missing else unseen


def _as_slice(places: list[int]) -> Places | slice:
    """Return neighbouring places as a slice, which needs no copy."""
    if places and places == list(range(places[0], places[0] + len(places))):
        return slice(places[0], places[-1] + 1)
    return np.array(places, np.int64)


def _number(row: int, rows: NDArray[Any] | None) -> int:
    """Return the number of a row in its table, from 1."""
    return 1 + int(row if rows is None else rows[row])
