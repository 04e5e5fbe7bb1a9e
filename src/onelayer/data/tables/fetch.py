"""Rows from duckdb into numpy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onelayer.data.frame import Frame
from onelayer.data.table import Array
from onelayer.data.tables.opening import Rows
from onelayer.data.tables.reading import Reading

BLOCK_ROWS = 61440  # half of duckdb's row groups: a block's columns stay in the cache while they are laid side by side


def fetch_frame(rows: Rows, readings: Sequence[Reading]) -> Frame:
    """Fetch the features of all rows, in the order of the table."""
    numbers = [value for one in readings if one.column.role != "category" for value in one.values]
    codes = [value for one in readings if one.column.role == "category" for value in one.values]
    n_rows, end = rows.one("SELECT count(*), coalesce(max(rowid) + 1, 0) FROM rows")
    frame = Frame(
        tuple(one.column for one in readings),
        np.empty((n_rows, len(numbers))),
        np.empty((n_rows, len(codes)), np.int32),
    )
    filled = 0
    for start in range(0, end, BLOCK_ROWS):
        found = _block(rows, [*numbers, *codes], start, start + BLOCK_ROWS)
        count = len(found[0])
        into = slice(filled, filled + count)
        for place, values in enumerate(found[: len(numbers)]):
            frame.numbers[into, place] = values
        for place, values in enumerate(found[len(numbers) :]):
            frame.codes[into, place] = values
        filled += count
    return frame


def fetch_column(rows: Rows, value: str) -> Array:
    """Fetch one value of all rows, in the order of the table."""
    (found,) = rows.connection.execute(f"SELECT {value} AS value FROM rows ORDER BY rowid").fetchnumpy().values()
    return np.ascontiguousarray(found)


def _block(rows: Rows, values: Sequence[str], start: int, end: int) -> list[NDArray[np.float64]]:
    # by a range of row numbers duckdb skips to the block at once; in one go it would build a list of all rows first
    asked = ", ".join(f"{value} AS v{place}" for place, value in enumerate(values))
    found = rows.connection.execute(f"SELECT {asked} FROM rows WHERE rowid >= {start} AND rowid < {end}").fetchnumpy()
    return [np.asarray(found[f"v{place}"]) for place in range(len(values))]
