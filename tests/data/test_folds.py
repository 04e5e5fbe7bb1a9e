"""Groups, times and folds: scikit-learn's splitters where it has one, and what no split may do where it has none."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

from onelayer.data.split import Split, split_rows
from onelayer.errors import UserError

Ints = NDArray[np.int64]
ROWS = 120
RNG = np.random.default_rng(5)
LABELS: Ints = RNG.integers(0, 3, ROWS)
GROUPS: Ints = RNG.integers(0, 30, ROWS)
TIMES = RNG.permutation(ROWS).astype("datetime64[D]")

sizes = st.one_of(st.integers(0, 20), st.floats(0, 0.4))
values = st.lists(st.integers(0, 15), min_size=20, max_size=100).map(np.array)
seeds = st.integers(0, 2**32 - 1)


def asked(size: float, rows: int) -> int:
    return size if isinstance(size, int) else int(np.ceil(size * rows))


def enough(by: Ints, val: float, test: float) -> bool:
    rows = len(by)
    return len(set(by)) >= 1 + (val > 0) + (test > 0) and asked(val, rows) + asked(test, rows) < rows


def whole(split: Split, by: Ints) -> bool:
    """No value is in two parts."""
    return sum(len(set(by[rows])) for rows in split) == len(set(by[np.concatenate(split)]))


@settings(deadline=None)
@given(by=values, val=sizes, test=sizes, seed=seeds, shuffle=st.booleans(), stratify=st.booleans())
def test_rows_of_one_value_never_come_apart(
    by: Ints, val: float, test: float, seed: int, shuffle: bool, stratify: bool
) -> None:
    assume(enough(by, val, test))
    labels = np.arange(len(by)) % 2 if stratify and shuffle else None
    wanted: dict[str, Any] = {"val": val, "test": test, "seed": seed, "shuffle": shuffle, "labels": labels}
    split = split_rows(len(by), by=by, **wanted)
    assert sorted(np.concatenate(split)) == list(range(len(by)))
    assert whole(split, by)
    assert [len(rows) > 0 for rows in split] == [True, val > 0, test > 0]
    names = np.array([f"patient {value:02}" for value in by])  # what the values are called does not matter
    assert all((a == b).all() for a, b in zip(split, split_rows(len(by), by=names, **wanted), strict=True))


@settings(deadline=None)
@given(by=values, test=st.integers(1, 40), seed=seeds, shuffle=st.booleans())
def test_a_part_is_as_large_as_was_asked_within_its_largest_group(
    by: Ints, test: int, seed: int, shuffle: bool
) -> None:
    assume(enough(by, 0, test))
    split = split_rows(len(by), val=0, test=test, seed=seed, shuffle=shuffle, by=by)
    assert abs(len(split.test) - test) < np.bincount(by).max() or len(set(by[split.train])) == 1


def test_groups_of_one_row_give_the_very_number_of_rows() -> None:
    split = split_rows(100, val=0.2, test=7, by=np.arange(100)[::-1])
    assert [len(rows) for rows in split] == [73, 20, 7]


def test_the_seed_draws_the_groups() -> None:
    tests = [set(split_rows(ROWS, val=0, test=0.2, seed=seed, by=GROUPS).test) for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]


def test_stratified_groups_keep_the_class_shares_as_far_as_groups_go() -> None:
    rng = np.random.default_rng(0)
    by = rng.integers(0, 300, 3000)
    labels = (rng.random(3000) < 0.1).astype(int)
    split = split_rows(3000, val=0.2, test=0.2, by=by, labels=labels)
    shares = [labels[rows].mean() / labels.mean() for rows in split]
    np.testing.assert_allclose(shares, 1, atol=0.05)
    np.testing.assert_allclose([len(rows) / 3000 for rows in split], [0.6, 0.2, 0.2], atol=0.01)


@settings(deadline=None)
@given(by=values, val=sizes, test=sizes)
def test_a_time_split_trains_on_the_past(by: Ints, val: float, test: float) -> None:
    assume(enough(by, val, test))
    split = split_rows(len(by), val=val, test=test, shuffle=False, by=by)
    times = [by[rows] for rows in split if len(rows)]
    assert all(earlier.max() < later.min() for earlier, later in pairwise(times))
    assert all((np.diff(part) >= 0).all() for part in times)


def test_a_time_split_without_ties_is_the_plain_split_of_the_sorted_rows() -> None:
    order = np.argsort(TIMES)
    plain = split_rows(ROWS, val=0.15, test=0.2, shuffle=False)
    timed = split_rows(ROWS, val=0.15, test=0.2, shuffle=False, by=TIMES)
    assert all((order[a] == b).all() for a, b in zip(plain, timed, strict=True))


def folds_of(repeats: int = 1, folds: int = 4, **more: Any) -> list[Split]:
    arguments = {"val": 0.15, "test": 0.2, "seed": 3} | more
    return [split_rows(ROWS, folds=folds, fold=fold, repeats=repeats, **arguments) for fold in range(folds * repeats)]


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("group", [False, True])
def test_shuffled_folds_are_those_of_scikit_learn(stratify: bool, group: bool) -> None:
    more: dict[str, Any] = {"labels": LABELS if stratify else None, "by": GROUPS if group else None}
    classes = {(False, False): KFold, (True, False): StratifiedKFold, (False, True): GroupKFold}
    kind = classes.get((stratify, group), StratifiedGroupKFold)
    held = split_rows(ROWS, val=0, test=0.2, seed=3, **more)
    rest = held.train
    for repetition in range(2):
        splitter = kind(4, shuffle=True, random_state=3 + repetition)
        expected = splitter.split(rest, LABELS[rest], GROUPS[rest] if group else None)
        for split, (train, val) in zip(folds_of(2, **more)[4 * repetition :], expected, strict=False):
            assert (split.train == rest[train]).all()
            assert (split.val == rest[val]).all()
            assert (split.test == held.test).all()


def test_unshuffled_folds_are_blocks() -> None:
    found = folds_of(shuffle=False, test=20)
    for split, (train, val) in zip(found, KFold(4).split(np.arange(100)), strict=True):
        assert (split.train == train).all()
        assert (split.val == val).all()
        assert (split.test == np.arange(100, 120)).all()


def test_folds_of_times_are_those_of_a_time_series_split() -> None:
    order = np.argsort(TIMES)
    found = folds_of(shuffle=False, test=20, by=TIMES)
    for split, (train, val) in zip(found, TimeSeriesSplit(4).split(np.arange(100)), strict=True):
        assert (split.train == order[train]).all()
        assert (split.val == order[val]).all()
        assert (split.test == order[100:]).all()


@settings(deadline=None)
@given(by=values, test=sizes, folds=st.integers(2, 4))
def test_folds_of_times_keep_ties_together_and_the_order(by: Ints, test: float, folds: int) -> None:
    assume(enough(by, 0, test))
    held = split_rows(len(by), val=0, test=test, shuffle=False, by=by)
    assume(len(set(by[held.train])) > folds)
    for fold in range(folds):
        split = split_rows(len(by), val=0, test=test, shuffle=False, by=by, folds=folds, fold=fold)
        assert by[split.train].max() < by[split.val].min()
        assert by[split.val].max() < min(by[split.test], default=99)
        assert (split.test == held.test).all()
    assert max(by[split.val]) == max(by[held.train])  # the last fold ends where the test rows begin


@settings(deadline=None)
@given(
    seed=seeds,
    folds=st.integers(2, 6),
    repeats=st.integers(1, 3),
    test=sizes,
    group=st.booleans(),
    stratify=st.booleans(),
)
def test_the_folds_of_a_repetition_divide_what_is_not_for_testing(
    seed: int, folds: int, repeats: int, test: float, group: bool, stratify: bool
) -> None:
    assume(group or not stratify or test == 0 or asked(test, ROWS) >= 3)  # a row of each class
    more: dict[str, Any] = {"by": GROUPS if group else None, "labels": LABELS if stratify else None}
    found = folds_of(repeats, folds, seed=seed, test=test, **more)
    held = split_rows(ROWS, val=0, test=test, seed=seed, **more)
    for repetition in range(repeats):
        own = found[repetition * folds : (repetition + 1) * folds]
        assert sorted(np.concatenate([split.val for split in own])) == sorted(held.train)
    for split in found:
        assert (split.test == held.test).all()
        assert sorted(np.concatenate(split)) == list(range(ROWS))
        assert not group or whole(split, GROUPS)


def test_repetitions_are_drawn_anew() -> None:
    first, second = folds_of(2)[0], folds_of(2)[4]
    assert set(first.val) != set(second.val)


def test_validation_rows_asked_for_do_not_change_folds() -> None:
    assert all((a == b).all() for a, b in zip(folds_of(val=0)[1], folds_of(val=50)[1], strict=True))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"fold": 1}, "data.fold=1 has no effect without data.folds; set the number of folds, such as data.folds=5"),
        (
            {"repeats": 2},
            "data.repeats=2 has no effect without data.folds; set the number of folds, such as data.folds=5",
        ),
        ({"folds": 1, "fold": 0}, "data.folds=1: there must be at least 2 folds, such as data.folds=5"),
        (
            {"folds": 3},
            "data.folds=3 needs data.fold, the one that validates, from 0 to 2; for all of them: -m data.folds=3 "
            "'data.fold=range(0,3)'",
        ),
        ({"folds": 3, "fold": 3}, "data.fold=3: with data.folds=3 it must be from 0 to 2"),
        (
            {"folds": 3, "fold": 6, "repeats": 2},
            "data.fold=6: with data.folds=3 and data.repeats=2 it must be from 0 to 5",
        ),
        ({"folds": 3, "fold": 0, "repeats": 0}, "data.repeats=0: must be at least 1"),
        (
            {"folds": 3, "fold": 0, "repeats": 2, "shuffle": False},
            "data.repeats=2: without shuffling all repetitions are equal; set data.split.shuffle=true or "
            "data.repeats=1",
        ),
        ({"folds": 101, "fold": 0}, "data.folds=101 needs at least 101 rows, but there are 96; lower it"),
        (
            {"folds": 5, "fold": 0, "test": ROWS},
            "data.split: test=120 takes 120 of 120 rows and leaves none for the folds; lower it",
        ),
        (
            {"folds": 3, "fold": 0, "test": 0, "labels": np.repeat([0, 1], [118, 2])},
            "data.folds=3 with data.split.stratify=true needs 3 rows of each class, but one has 2; lower data.folds or "
            "set data.split.stratify=false",
        ),
        (
            {"folds": 3, "fold": 0, "test": 0, "by": np.arange(ROWS) % 2},
            "data.folds=3 needs at least 3 distinct values of data.split.by, but there are 2; lower it",
        ),
        (
            {"folds": 2, "fold": 0, "test": 0, "by": np.arange(ROWS) % 2, "shuffle": False},
            "data.folds=2 needs at least 3 distinct values of data.split.by, but there are 2; lower it",
        ),
        (
            {"by": np.arange(ROWS) % 2},
            "data.split.by: its column has 2 distinct values, too few for 3 parts; set data.split.val or "
            "data.split.test to 0, or split by another column",
        ),
        (
            {"by": GROUPS, "labels": LABELS, "shuffle": False},
            "data.split.stratify=true needs data.split.shuffle=true; set one of them to the other's value",
        ),
    ],
)
def test_what_cannot_be_divided_is_one_sentence(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        split_rows(ROWS, **({"val": 0.1, "test": 0.2} | arguments))
    assert str(error.value) == said
