"""Which rows of a streamed table train, validate and test: by a hash of each row, or by its place in the table.

A hash needs no list of rows, and gives equal rows to the same part. Parts have about as many rows as were asked for.
"""

from typing import NamedTuple

from onelayer.data.streaming.stream import Stream
from onelayer.errors import UserError

# of duckdb's hash, UBIGINT
SPAN = 2**64


class Parts(NamedTuple):
    """SQL, the rows of each part."""

    train: str
    val: str
    test: str


def parts_of(
    stream: Stream,
    *,
    val: float,
    test: float,
    seed: int,
    shuffle: bool,
    stratify: bool,
    folds: int | None,
    fold: int | None,
) -> Parts:
    """Say which rows belong to each part.

    Args:
        stream: the table.
        val: validation rows, a ratio (float) or a number (int); unused with folds.
        test: test rows, likewise.
        seed: changes the hash.
        shuffle: False: the last rows of the table are the test rows, those before them the validation rows.
        stratify: refused: a hash keeps the shares of classes by itself, about.
        folds: the validation rows are one of so many folds.
        fold: which one, from 0; each repetition counts on.

    Raises:
        UserError: what needs all rows at once, or no rows left for training.
    """
    if stratify:
        raise UserError(
            "data.split.stratify=true needs all rows at once, and data.stream=true reads few; set it to false: a "
            "random split of many rows keeps the shares of classes"
        )
    (n_rows,) = stream.rows.one("SELECT count(*) FROM rows")
    wanted = [0.0 if folds is not None else _share(val, n_rows), _share(test, n_rows)]
    if sum(wanted) >= 1:
        raise UserError(
            f"data.split: val={val} and test={test} take all of {n_rows} rows and leave none for training; lower one"
        )
    if not shuffle:
        return _in_order(stream, n_rows, *wanted, folds=folds, fold=fold)
    key = stream.by if stream.by is not None else "rows"
    number = f"hash({key}, {seed})"
    at_test = round(wanted[1] * SPAN)
    in_test = f"{number} < {at_test}"
    if folds is not None and fold is not None:
        repetition, which = divmod(fold, folds)
        in_val = f"hash({key}, {seed}, {repetition}) % {folds} = {which}"
        return Parts(f"NOT ({in_test}) AND NOT ({in_val})", f"NOT ({in_test}) AND ({in_val})", in_test)
    at_val = at_test + round(wanted[0] * SPAN)
    return Parts(f"{number} >= {at_val}", f"{number} >= {at_test} AND {number} < {at_val}", in_test)


def _in_order(stream: Stream, n_rows: int, val: float, test: float, *, folds: int | None, fold: int | None) -> Parts:
    if stream.by is not None or folds is not None:
        key = "data.split.by" if stream.by is not None else "data.folds"
        raise UserError(
            f"data.split.shuffle=false with {key} needs all rows in order, and data.stream=true reads few; sort them "
            "in data.query and leave the key null, or shuffle"
        )
    n_test, n_val = round(test * n_rows), round(val * n_rows)
    # rows without a target are deleted, and leave gaps in the numbers
    at_val, at_test = (_number_of(stream, place) for place in (n_rows - n_test - n_val, n_rows - n_test))
    return Parts(f"rowid < {at_val}", f"rowid >= {at_val} AND rowid < {at_test}", f"rowid >= {at_test}")


def _share(part: float, n_rows: int) -> float:
    return part / n_rows if isinstance(part, int) else part


def _number_of(stream: Stream, place: int) -> int:
    found = stream.rows.all(f"SELECT rowid FROM rows ORDER BY rowid LIMIT 1 OFFSET {place}")
    return int(found[0][0]) if found else stream.end
