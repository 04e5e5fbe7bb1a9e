"""The rows that an export is checked on, as `predict` reads them and as others hand them over."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onelayer.data.frame import Column, Frame
from onelayer.data.tables import sql
from onelayer.data.tables.fetch import Unfetched
from onelayer.data.tables.rows import Rows as Table
from onelayer.deliver.model import Model
from onelayer.errors import UserError

Array = NDArray[Any]
# real rows, and numbers in them; of a wide table fewer rows
MOST, CELLS = 10_000, 2 * 10**7
# places after the last level
BLANK, MISSING = -2, -1


class Raw(NamedTuple):
    """Rows as duckdb holds them, before anything is read of them.

    Attributes:
        table: that they are of.
        numbers: (rows,), ascending, duckdb's numbers of them.
    """

    table: Table
    numbers: NDArray[np.int64]

    def select(self, names: Sequence[str], row: str) -> str:
        """Return the SQL of some columns, each of its type, and of duckdb's numbers under the name `row`.

        These numbers must be in a table `chosen` with the column `number`.
        """
        columns = ", ".join(map(sql.name, names))
        return f"SELECT {columns}, rowid AS {row} FROM rows WHERE rowid IN (SELECT number FROM chosen)"


@dataclass(frozen=True)
class Rows:
    """Rows in the columns of a table.

    Attributes:
        frame: what is read of them, with the columns of the model in its order.
        blank: (rows, categories), where a missing text is written as an empty one.
        real: how many, from the first, are of the table; the others are invented.
        raw: the real ones as the table has them; None where they are of no table.
    """

    frame: Frame
    blank: NDArray[np.bool_]
    real: int
    raw: Raw | None = None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def types(self) -> dict[str, str]:
        """What the columns are in the table, by duckdb's names of types; nothing where they are of no table."""
        types = {} if self.raw is None else dict(self.raw.table.columns)
        if self.raw is not None and self.raw.table.dialect is not None:  # each of its cells is a text
            types = dict.fromkeys(types, "VARCHAR")
        # the texts of an ENUM would be many
        return {one: "ENUM(...)" if types[one].startswith("ENUM(") else types[one] for one in self._places if types}

    def numbers(self, name: str, part: str | None = None) -> Array:
        """Return (rows,) float64 of a column or of a part of a date, NaN where missing."""
        column, place = self._places[name]
        found: Array = self.frame.numbers[:, place + (column.parts.index(part) if part is not None else 0)]
        return found

    def texts(self, name: str) -> Array:
        """Return (rows,) texts of a category, None where missing."""
        column, place = self._places[name]
        values = np.array([*column.levels, "", None], dtype=object)  # so that -2 is blank and -1 missing
        found: Array = values[np.where(self.blank[:, place], BLANK, self.frame.codes[:, place])]
        return found

    def dates(self, name: str) -> Array:
        """Return (rows,) time stamps of a date, NaT where missing."""
        year, month, day = (self.numbers(name, part) for part in ("year", "month", "day"))
        hour = self.numbers(name, "hour") if "hour" in self._places[name][0].parts else 0 * year
        holes = np.isnan(year)
        at = [np.nan_to_num(one).astype(np.int64) for one in (year - 1970, month - 1, day - 1, hour)]
        found = at[0].astype("M8[Y]").astype("M8[M]") + at[1]
        stamps: Array = (found.astype("M8[D]") + at[2]).astype("M8[h]") + at[3]
        return np.where(holes, np.datetime64("NaT"), stamps.astype("M8[us]"))

    @cached_property
    def _places(self) -> dict[str, tuple[Column, int]]:
        return {column.name: (column, place) for column, place in self.frame.places()}


def real_rows(run: Path, model: Model, table: str | None) -> tuple[Frame, Raw | None]:
    """Read rows that a model predicts for: of a table, or where none is named of the run's own.

    Raises:
        UserError: there are none, or they do not fit.
    """
    wide = len(model.artefact.encoder.designs) + model.artefact.encoder.n_features
    most = max(1, min(MOST, CELLS // wide))
    if table is not None:
        from onelayer.deliver.matrices import matrix_of
        from onelayer.deliver.opening import Named, open_table
        from onelayer.deliver.reading import readings_of

        matrix = matrix_of(model, Named(table))
        if matrix is not None:
            return matrix.some(spread(len(matrix), most)), None
        rows = open_table(model.artefact, Named(table))
        return _some(Unfetched(rows, readings_of(rows, model.artefact.encoder)), spread(rows.count, most))
    from onelayer.deliver.source import table_again
    from onelayer.stored_config import stored_spec

    try:
        return rows_of(table_again(run, stored_spec(run)), most)
    except UserError as error:
        raise UserError(f"{error}; an export is checked on real rows, so name some with --table FILE") from None


def rows_of(table: Any, most: int) -> tuple[Frame, Raw | None]:
    """Take so many rows of a table or a stream, spread over it; all where there are no more."""
    from onelayer.data.streaming.stream import Stream

    if isinstance(table, Stream):
        chosen = f"rowid % {-(-table.end // most)} = 0"
        return table.read(chosen, 0, table.end).frame, Raw(table.rows, _numbers(table.rows, chosen))
    places = spread(len(table), most)
    if isinstance(table.features, Unfetched):
        return _some(table.features, places)
    if isinstance(table.features, Frame):
        return table.features.take(places), None
    found = table.features[places]
    numbers = np.asarray(found if isinstance(found, np.ndarray) else found.toarray())
    return Frame.of_numbers(numbers, table.columns), None


def _some(features: Unfetched, places: NDArray[np.int64]) -> tuple[Frame, Raw]:
    (frame,) = features.parts([places])
    return frame, Raw(features.rows, _numbers(features.rows)[places])


def _numbers(table: Table, condition: str = "true") -> NDArray[np.int64]:
    """Return duckdb's numbers of rows, which those that were deleted leave gaps in."""
    (found,) = table.columns_of(f"SELECT rowid FROM rows WHERE {condition} ORDER BY rowid")
    return found.astype(np.int64)


def spread(rows: int, most: int) -> NDArray[np.int64]:
    """Choose some of so many rows evenly, or all."""
    return np.arange(rows) if rows <= most else np.linspace(0, rows - 1, most).astype(np.int64)
