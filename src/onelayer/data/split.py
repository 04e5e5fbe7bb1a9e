"""Which rows train, validate and test."""

from typing import Any, NamedTuple

import numpy as np

from onelayer.data.drawing import refuse_few, refuse_few_values, refuse_split
from onelayer.data.table import Array
from onelayer.errors import UserError


class Split(NamedTuple):
    """Row numbers of each part; disjoint, and together all rows, but for the folds of a time split."""

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
    by: Array | None = None,
    folds: int | None = None,
    fold: int | None = None,
    repeats: int = 1,
) -> Split:
    """Split as scikit-learn's `train_test_split` does: first the test rows, then the validation rows from the rest.

    Args:
        n_rows: how many rows there are.
        val: a float is a ratio of all rows (rounded up), an int a number of rows; 0 for none. Unused with `folds`.
        test: likewise.
        seed: the `random_state`.
        shuffle: False leaves the order: train rows first, then validation rows, the last rows are the test rows.
        labels: (n_rows,) class of each row, to keep the class shares in every part.
        by: (n_rows,) values without holes. Rows of one value stay together, so that a part has about as many rows as
            were asked for. With `shuffle` the values are groups in a random order; without, they are times: the
            earliest rows train, the latest test.
        folds: the validation rows are one of so many folds of all rows that do not test. The test rows are those of a
            split without folds, the same in every fold.
        fold: which one, from 0; each repetition counts on, so that it is below ``folds * repeats``.
        repeats: how often the folds are drawn anew, with `seed`, ``seed + 1``, ...

    The folds are scikit-learn's: `KFold`, of classes `StratifiedKFold`, of groups `GroupKFold`, of both
    `StratifiedGroupKFold`; of times `TimeSeriesSplit` over the distinct times, which trains on all that lies before
    the validation rows and leaves out what lies between these and the test rows.

    Raises:
        UserError: no rows would be left for training, a class is too small to stratify, there are too few groups or
            times, or there is no such fold.
    """
    refuse_split(folds=folds, fold=fold, repeats=repeats, shuffle=shuffle, stratify=labels is not None)
    n_val, n_test = 0 if folds is not None else _count(val, n_rows), _count(test, n_rows)
    if n_rows - n_val - n_test < 1:
        raise UserError(
            f"data.split: test={test} takes {n_test} of {n_rows} rows and leaves none for the folds; lower it"
            if folds is not None
            else f"data.split: val={val} and test={test} take {n_val} + {n_test} of {n_rows} rows and leave none for "
            "training; lower one of them"
        )
    rows = np.arange(n_rows)
    if by is None:
        rest, test_rows = _cut(rows, n_test, seed, shuffle, labels)
    else:
        refuse_few_values(len(np.unique(by)), 1 + (n_val > 0) + (n_test > 0))
        rest, test_rows = _cut_by(rows, n_test, 1 + (n_val > 0), seed, shuffle, labels, by)
    if folds is not None and fold is not None:
        repetition, number = divmod(fold, folds)
        random_state = (seed + repetition) % 2**32 if shuffle else None
        return Split(*_fold(rest, folds, number, random_state, labels, by), test_rows)
    if by is None:
        train_rows, val_rows = _cut(rest, n_val, seed, shuffle, labels)
    else:
        train_rows, val_rows = _cut_by(rest, n_val, 1, seed, shuffle, labels, by)
    return Split(train_rows, val_rows, test_rows)


def _count(part: float, n_rows: int) -> int:
    return part if isinstance(part, int) else int(np.ceil(part * n_rows))


def _cut(rows: Array, size: int, seed: int, shuffle: bool, labels: Array | None) -> tuple[Array, Array]:
    from sklearn.model_selection import train_test_split

    if size == 0:
        return rows, rows[:0]
    stratify = None if labels is None else labels[rows]
    if stratify is not None:
        _refuse_few_rows(stratify, size)
    first, second = train_test_split(
        rows, test_size=size, random_state=seed if shuffle else None, shuffle=shuffle, stratify=stratify
    )
    return first, second


def _refuse_few_rows(labels: Array, size: int) -> None:
    """Refuse what `train_test_split` would: a class of one row, or a part of fewer rows than classes."""
    counts = np.unique(labels, return_counts=True)[1]
    if counts.min() < 2:
        raise UserError(
            f"data.split.stratify=true needs two rows of each class, but the smallest of {len(counts)} has one; leave "
            "that class out, or set it to false"
        )
    if min(size, len(labels) - size) < len(counts):
        raise UserError(
            f"data.split.stratify=true: parts of {len(labels) - size} and {size} rows cannot both hold all "
            f"{len(counts)} classes, the smallest of which has {counts.min()} rows; change data.split.val and "
            "data.split.test, or set it to false"
        )


def _cut_by(
    rows: Array, size: int, others: int, seed: int, shuffle: bool, labels: Array | None, by: Array
) -> tuple[Array, Array]:
    """Cut off about `size` rows, and leave at least `others` values to the rest."""
    if not shuffle:
        rows = rows[np.argsort(by[rows], kind="stable")]
    if size == 0:
        return rows, rows[:0]
    values, group = np.unique(by[rows], return_inverse=True)
    cut = np.zeros(len(values), dtype=bool)
    if shuffle:
        classes = np.zeros(len(rows), np.int64) if labels is None else np.unique(labels[rows], return_inverse=True)[1]
        cut[_some_groups(group, classes, size, len(values) - others, seed)] = True
    else:
        latest = np.cumsum(np.bincount(group)[::-1])[: len(values) - others]
        cut[len(values) - 1 - int(np.abs(latest - size).argmin()) :] = True
    return rows[~cut[group]], rows[cut[group]]


def _some_groups(group: Array, classes: Array, size: int, most: int, seed: int) -> list[int]:
    """Choose groups that have together about `size` rows, and that share of each class.

    In a random order, each group is taken that brings the shares of the classes nearer to what was asked for.
    """
    n_classes = int(classes.max()) + 1
    counts = np.bincount(group * n_classes + classes, minlength=(int(group.max()) + 1) * n_classes)
    counts = counts.reshape(-1, n_classes)
    shares = counts / counts.sum(axis=0)
    missing = np.full(n_classes, size / len(group))
    order = np.random.default_rng(seed).permutation(len(shares))
    chosen: list[int] = []
    for one in order:
        if len(chosen) == most or (missing <= 0).all():
            break
        left = missing - shares[one]
        if (left**2).sum() < (missing**2).sum():
            missing = left
            chosen.append(int(one))
    # where every group is far larger than what was asked for, the nearest
    return chosen or [int(order[((shares[order] - missing) ** 2).sum(axis=1).argmin()])]


def _fold(
    rows: Array, folds: int, number: int, random_state: int | None, labels: Array | None, by: Array | None
) -> tuple[Array, Array]:
    """Return the train and the validation rows of a fold; `random_state` None does not shuffle."""
    groups = None if by is None else np.unique(by[rows], return_inverse=True)[1]
    classes = None if labels is None else labels[rows]
    _refuse_small(len(rows), folds, classes, groups, timed=random_state is None)
    shuffled: dict[str, Any] = {"shuffle": random_state is not None, "random_state": random_state}
    if groups is not None and random_state is None:
        return _time_fold(rows, groups, folds, number)
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    if classes is None:
        splitter = (KFold if groups is None else GroupKFold)(folds, **shuffled)
    else:
        splitter = (StratifiedKFold if groups is None else StratifiedGroupKFold)(folds, **shuffled)
    train, val = list(splitter.split(rows, classes, groups))[number]
    return rows[train], rows[val]


def _time_fold(rows: Array, place: Array, folds: int, number: int) -> tuple[Array, Array]:
    """Return a fold of rows whose time is the `place`-th of the distinct ones."""
    from sklearn.model_selection import TimeSeriesSplit

    train, val = list(TimeSeriesSplit(folds).split(range(int(place.max()) + 1)))[number]
    return rows[place <= train[-1]], rows[(place >= val[0]) & (place <= val[-1])]


def _refuse_small(n_rows: int, folds: int, classes: Array | None, groups: Array | None, *, timed: bool) -> None:
    needed, found, what = folds, n_rows, "rows"
    if groups is not None:
        needed, found, what = (folds + timed), len(np.unique(groups)), "distinct values of data.split.by"
    refuse_few(found, needed, what, folds=folds)
    if classes is not None and (least := int(np.unique(classes, return_counts=True)[1].min())) < folds:
        raise UserError(
            f"data.folds={folds} with data.split.stratify=true needs {folds} rows of each class, but one has {least}; "
            "lower data.folds or set data.split.stratify=false"
        )
