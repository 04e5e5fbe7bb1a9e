"""The split is scikit-learn's, exactly; disjoint, exhaustive, reproducible."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from onelayer.data.split import split_rows
from onelayer.errors import UserError

parts = st.one_of(st.integers(0, 20), st.floats(0, 0.4))


@given(rows=st.integers(50, 300), val=parts, test=parts, seed=st.integers(0, 2**32 - 1), shuffle=st.booleans())
def test_parts_are_disjoint_and_exhaustive(rows: int, val: float, test: float, seed: int, shuffle: bool) -> None:
    split = split_rows(rows, val=val, test=test, seed=seed, shuffle=shuffle)
    assert sorted(np.concatenate(split)) == list(range(rows))
    again = split_rows(rows, val=val, test=test, seed=seed, shuffle=shuffle)
    assert all((a == b).all() for a, b in zip(split, again, strict=True))


@pytest.mark.parametrize("seed", [0, 1, 73])
@pytest.mark.parametrize("size", [0.15, 0.1, 37])
def test_the_test_rows_are_those_of_train_test_split(size: float, seed: int) -> None:
    _, expected = train_test_split(np.arange(442), test_size=size, random_state=seed)
    assert (split_rows(442, val=0, test=size, seed=seed).test == expected).all()


def test_validation_rows_are_split_from_the_rest_in_the_same_way() -> None:
    rest, test = train_test_split(np.arange(200), test_size=0.2, random_state=3)
    train, val = train_test_split(rest, test_size=20, random_state=3)
    split = split_rows(200, val=0.1, test=0.2, seed=3)
    assert (split.train == train).all()
    assert (split.val == val).all()
    assert (split.test == test).all()


def test_without_shuffling_the_last_rows_are_the_test_rows() -> None:
    split = split_rows(10, val=2, test=3, shuffle=False)
    assert split.train.tolist() == [0, 1, 2, 3, 4]
    assert split.val.tolist() == [5, 6]
    assert split.test.tolist() == [7, 8, 9]


def test_stratified_parts_keep_the_class_shares() -> None:
    labels = np.repeat([0, 1], [90, 10])
    split = split_rows(100, val=20, test=20, labels=labels)
    assert [int(labels[rows].sum()) for rows in split] == [6, 2, 2]


@pytest.mark.parametrize(("val", "test"), [(0.5, 0.5), (50, 50), (0, 100), (0.99, 0.02)])
def test_no_rows_left_to_train_on_is_refused(val: float, test: float) -> None:
    with pytest.raises(UserError, match="leave none for training"):
        split_rows(100, val=val, test=test)


def test_a_class_of_one_row_cannot_be_stratified() -> None:
    with pytest.raises(UserError) as refused:
        split_rows(10, val=0, test=2, labels=np.array([0] * 9 + [1]))
    assert str(refused.value) == (
        "data.split.stratify=true needs two rows of each class, but the smallest of 2 has one; leave that class out, "
        "or set it to false"
    )


def test_a_part_of_fewer_rows_than_classes_cannot_be_stratified() -> None:
    with pytest.raises(UserError, match=r"parts of 28 and 2 rows cannot both hold all 3 classes, the smallest of wh"):
        split_rows(30, val=0, test=2, labels=np.repeat([0, 1, 2], 10))


@given(labels=st.lists(st.integers(0, 3), min_size=3, max_size=20), size=st.integers(1, 18))
def test_stratification_is_refused_where_scikit_learn_refuses_it(labels: list[int], size: int) -> None:
    if size >= len(labels):
        return
    try:
        expected = train_test_split(np.arange(len(labels)), test_size=size, random_state=0, stratify=labels)
    except ValueError:
        with pytest.raises(UserError, match=r"data\.split\.stratify=true"):
            split_rows(len(labels), val=0, test=size, labels=np.array(labels))
        return
    split = split_rows(len(labels), val=0, test=size, labels=np.array(labels))
    assert [split.train.tolist(), split.test.tolist()] == [one.tolist() for one in expected]
