"""Which rows train, validate and test."""

from typing import NamedTuple

import numpy as np

from onelayer.data.table import Array
from onelayer.errors import UserError


class Split(NamedTuple):
    """Row numbers of each part; disjoint, together all rows."""

    train: Array
    val: Array
    test: Array


def split_rows(
    n_rows: int,
    *,
    val: float,
    test: float,
    seed: int = 0,
    shuffle: bool = True,
    labels: Array | None = None,
) -> Split:
    """Split as scikit-learn's `train_test_split` does: first the test rows, then the validation rows from the rest.

    Args:
        n_rows: how many rows there are.
        val: a float is a ratio of all rows (rounded up), an int a number of rows; 0 for none.
        test: likewise.
        seed: the `random_state`.
        shuffle: False leaves the order: train rows first, then validation rows, the last rows are the test rows.
        labels: (n_rows,) class of each row, to keep the class shares in every part.

    Raises:
        UserError: no rows would be left for training, or a class is too small to stratify.
    """
    n_val, n_test = (_count(part, n_rows) for part in (val, test))
    if n_rows - n_val - n_test < 1:
        raise UserError(
            f"data.split: val={val} and test={test} take {n_val} + {n_test} of {n_rows} rows and leave none for "
            "training; lower one of them"
        )
    rest, test_rows = _cut(np.arange(n_rows), n_test, seed, shuffle, labels)
    train_rows, val_rows = _cut(rest, n_val, seed, shuffle, labels)
    return Split(train_rows, val_rows, test_rows)


def _count(part: float, n_rows: int) -> int:
    return part if isinstance(part, int) else int(np.ceil(part * n_rows))


def _cut(rows: Array, size: int, seed: int, shuffle: bool, labels: Array | None) -> tuple[Array, Array]:
    from sklearn.model_selection import train_test_split

    if size == 0:
        return rows, rows[:0]
    try:
        stratify = None if labels is None else labels[rows]
        first, second = train_test_split(
            rows, test_size=size, random_state=seed if shuffle else None, shuffle=shuffle, stratify=stratify
        )
    except ValueError as error:  # only stratification can fail here: the sizes are checked above
        raise UserError(f"data.split.stratify=true: {str(error).rstrip('.')}; set it to false") from None
    return first, second
