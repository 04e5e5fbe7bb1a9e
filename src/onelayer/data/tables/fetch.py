"""Rows from duckdb into numpy."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from onelayer.data.frame import Column, Frame
from onelayer.data.table import Array
from onelayer.data.tables.reading import Reading
from onelayer.data.tables.rows import Rows

# a quarter of duckdb's row groups: a column of a block fits into memory that the last one left, where a larger one
# would be asked of the system anew
BLOCK_ROWS = 30720
LAID = 2**17  # numbers that are laid side by side at once: they stay in the cache
READERS = 2  # duckdb decodes for one while the rows of the other are laid out


@dataclass(frozen=True)
class Unfetched:
    """The features of a table that is still in duckdb.

    Attributes:
        rows: the table.
        readings: the features.
    """

    rows: Rows
    readings: tuple[Reading, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """In the table's order."""
        return tuple(one.column for one in self.readings)

    def parts(self, chosen: Sequence[NDArray[np.int64]]) -> list[Frame]:
        """Fetch parts of the rows, whose numbers from 0 are given, each row straight to its place."""
        blocks, n_rows = _blocks(self.rows)
        bounds = list(accumulate((len(one) for one in chosen), initial=0))
        place = np.full(n_rows, -1)
        for one, (start, end) in zip(chosen, pairwise(bounds), strict=True):
            place[one] = np.arange(start, end)
        numbers, codes = _values(self.readings)
        whole = Frame(
            self.columns,
            np.empty((bounds[-1], len(numbers))),
            np.empty((bounds[-1], len(codes)), np.int32),
        )

        def fetch(block: tuple[int, int]) -> None:
            start, first = block
            found = _block(self.rows, [*numbers, *codes], start)
            here = place[first : first + len(found[0])]
            _lay(found[: len(numbers)], here, whole.numbers)
            _lay(found[len(numbers) :], here, whole.codes)

        with ThreadPoolExecutor(READERS) as readers:
            list(readers.map(fetch, blocks))
        return [whole.take(slice(start, end)) for start, end in pairwise(bounds)]


def fetch_frame(rows: Rows, readings: tuple[Reading, ...]) -> Frame:
    """Fetch the features of all rows, in the order of the table."""
    (frame,) = Unfetched(rows, readings).parts([np.arange(_blocks(rows)[1])])
    return frame


def frames(rows: Rows, readings: tuple[Reading, ...]) -> Iterator[Frame]:
    """Yield the features of all rows block by block, in the order of the table."""
    numbers, codes = _values(readings)
    columns = tuple(one.column for one in readings)
    for start, _ in _blocks(rows)[0]:
        found = _block(rows, [*numbers, *codes], start)
        place = np.arange(len(found[0]))
        frame = Frame(columns, np.empty((len(place), len(numbers))), np.empty((len(place), len(codes)), np.int32))
        _lay(found[: len(numbers)], place, frame.numbers)
        _lay(found[len(numbers) :], place, frame.codes)
        yield frame


def fetch_column(rows: Rows, value: str) -> Array:
    """Fetch one value of all rows, in the order of the table."""
    (found,) = rows.connection.execute(f"SELECT {value} AS value FROM rows ORDER BY rowid").fetchnumpy().values()
    return np.ascontiguousarray(found)


def _values(readings: Sequence[Reading]) -> tuple[list[str], list[str]]:
    """Return the SQL of the columns of `Frame.numbers`, and of those of `Frame.codes`."""
    numbers = [value for one in readings if one.column.role != "category" for value in one.values]
    return numbers, [value for one in readings if one.column.role == "category" for value in one.values]


def _blocks(rows: Rows) -> tuple[list[tuple[int, int]], int]:
    """Return where blocks begin, in duckdb's numbers, which deleted rows leave gaps in, and in ours; and all rows."""
    blocks, n_rows = [], 0
    counted = f"SELECT rowid // {BLOCK_ROWS} AS block, count(*) FROM rows GROUP BY block ORDER BY block"
    for block, count in rows.all(counted):
        blocks.append((block * BLOCK_ROWS, n_rows))
        n_rows += count
    return blocks, n_rows


def _block(rows: Rows, values: Sequence[str], start: int) -> list[NDArray[np.float64]]:
    # by a range of row numbers duckdb skips to the block at once; in one go it would build a list of all rows first
    asked = ", ".join(f"{value} AS v{place}" for place, value in enumerate(values))
    query = f"SELECT {asked} FROM rows WHERE rowid >= {start} AND rowid < {start + BLOCK_ROWS}"
    found = rows.connection.cursor().execute(query).fetchnumpy()
    return [np.asarray(found[f"v{place}"]) for place in range(len(values))]


def _lay(columns: Sequence[Array], place: NDArray[np.int64], into: Array) -> None:
    """Lay columns (rows,) side by side and each row where it belongs; -1: nowhere."""
    if not columns:
        return
    few = max(1, LAID // len(columns))
    laid = np.empty((few, len(columns)), into.dtype)
    for start in range(0, len(place), few):
        there = place[start : start + few]
        for number, column in enumerate(columns):
            laid[: len(there), number] = column[start : start + few]
        wanted = there >= 0
        if wanted.all():
            into[there] = laid[: len(there)]
        else:
            into[there[wanted]] = laid[: len(there)][wanted]
