"""Which rows of a streamed table train, validate and test: by a hash of each row, or by its place in the table.

A hash needs no list of rows, and gives equal rows to the same part. Parts have about as many rows as were asked for.
"""

from math import ceil
from typing import NamedTuple

from onelayer.data.drawing import refuse_few, refuse_few_values, refuse_split
from onelayer.data.preparation import Preparation
from onelayer.data.streaming.stream import Stream
from onelayer.errors import UserError

# of duckdb's hash, UBIGINT
SPAN = 2**64


class Parts(NamedTuple):
    """SQL, the rows of each part."""

    train: str
    val: str
    test: str


def parts_of(stream: Stream, how: Preparation) -> Parts:
    """Say which rows belong to each part.

    Raises:
        UserError: what needs all rows at once, no such fold, or no rows left for training.
    """
    if how.stratify:
        raise UserError(
            "data.split.stratify=true needs all rows at once, and data.stream=true reads few; set it to false: a "
            "random split of many rows keeps the shares of classes"
        )
    refuse_split(folds=how.folds, fold=how.fold, repeats=how.repeats, shuffle=how.split_shuffle, stratify=False)
    (n_rows,) = stream.rows.one("SELECT count(*) FROM rows")
    folds, fold, seed = how.folds, how.fold, how.split_seed
    wanted = [0.0 if folds is not None else _share(how.val, n_rows), _share(how.test, n_rows)]
    if sum(wanted) >= 1:
        raise UserError(
            f"data.split: val={how.val} and test={how.test} take all of {n_rows} rows and leave none for "
            "training; lower one"
        )
    if not how.split_shuffle:
        return _in_order(stream, n_rows, *wanted, folds=folds, fold=fold)
    _refuse_few_groups(stream, 1 + sum(part > 0 for part in wanted), folds)
    key = stream.by if stream.by is not None else "rows"
    # of several values duckdb's hash is the exclusive or of theirs in the end: hashed again, another seed or repetition
    # draws anew instead of permuting what is there; the text is there since hash(0, 0) = hash(0) = 0
    number = f"hash(hash({key}, {seed}, 'part'))"
    at_test = round(wanted[1] * SPAN)
    in_test = f"{number} < {at_test}"
    if folds is not None and fold is not None:
        repetition, which = divmod(fold, folds)
        in_val = f"hash(hash({key}, {seed}, {repetition}, 'fold')) % {folds} = {which}"
        return Parts(f"NOT ({in_test}) AND NOT ({in_val})", f"NOT ({in_test}) AND ({in_val})", in_test)
    at_val = at_test + round(wanted[0] * SPAN)
    return Parts(f"{number} >= {at_val}", f"{number} >= {at_test} AND {number} < {at_val}", in_test)


def refuse_empty(rows: tuple[int, ...], *, val: bool, test: bool, folds: int | None) -> None:
    """Refuse a part that has no rows although they were asked for.

    Args:
        rows: of each part.
        val, test: whether rows were asked for.
        folds: see `parts_of`.

    Raises:
        UserError: there is such a part.
    """
    train, *others = rows
    remedy = "change data.split.seed, or set data.stream=false, which counts them"
    if not train:
        raise UserError(
            f"data.split leaves none of {sum(rows)} rows for training: lower data.split.val or data.split.test, "
            f"{remedy}"
        )
    for found, asked, key in zip(others, (val, test), ("val", "test"), strict=True):
        if asked and not found:
            more = "lower data.folds" if folds is not None and key == "val" else f"raise data.split.{key}"
            raise UserError(
                f"data.split: none of {sum(rows)} rows came to the {key} part, as a stream draws rows by chance: "
                f"{more}, {remedy}"
            )


def _refuse_few_groups(stream: Stream, parts: int, folds: int | None) -> None:
    if stream.by is None:
        return
    (found,) = stream.rows.one(f"SELECT count(DISTINCT {stream.by}) FROM rows")
    refuse_few_values(found, parts)
    if folds is not None:
        refuse_few(found, folds, "distinct values of data.split.by", folds=folds)


def _in_order(stream: Stream, n_rows: int, val: float, test: float, *, folds: int | None, fold: int | None) -> Parts:
    if stream.by is not None or folds is not None:
        key = "data.split.by" if stream.by is not None else "data.folds"
        raise UserError(
            f"data.split.shuffle=false with {key} needs all rows in order, and data.stream=true reads few; sort them "
            "in data.query and leave the key null, or shuffle"
        )
    # a number of rows has become a share, whose product may lie a rounding above it
    n_test, n_val = (ceil(share * n_rows - 1e-6) for share in (test, val))
    # rows without a target are deleted, and leave gaps in the numbers
    at_val, at_test = (_number_of(stream, place) for place in (n_rows - n_test - n_val, n_rows - n_test))
    return Parts(f"rowid < {at_val}", f"rowid >= {at_val} AND rowid < {at_test}", f"rowid >= {at_test}")


def _share(part: float, n_rows: int) -> float:
    return part / n_rows if isinstance(part, int) else part


def _number_of(stream: Stream, place: int) -> int:
    found = stream.rows.all(f"SELECT rowid FROM rows ORDER BY rowid LIMIT 1 OFFSET {place}")
    return int(found[0][0]) if found else stream.end
