"""Parts that the data give: these rows and no others, everything fitted on the train rows alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import KFold, train_test_split
from sklearn.preprocessing import StandardScaler

from onelayer.data.given import split_table
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import prepare
from onelayer.data.table import Table
from onelayer.errors import UserError
from tests.conftest import rows_of

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(60, 3)) * [1, 2, 3], np.arange(60) % 3
TEST = np.array([0, 0, 2] * 20)  # not in order: a mask
BOTH = np.array([0, 0, 0, 1, 2] * 12)


def table_of(part: Any, **more: Any) -> Table:
    settings = {"target": X @ [1, 2, 3], "columns": ("a", "b", "c"), "part": part} | more
    return Table(X, **settings)


def test_what_is_given_is_taken_and_what_is_not_is_drawn_from_the_train_rows() -> None:
    split = split_table(table_of(TEST), Preparation(val=0.25, split_seed=3))
    pool = np.flatnonzero(TEST == 0)
    train, val = train_test_split(pool, test_size=10, random_state=3)
    assert (split.train.tolist(), split.val.tolist()) == (train.tolist(), val.tolist())
    assert split.test.tolist() == np.flatnonzero(TEST == 2).tolist()


def test_all_parts_given_leave_nothing_to_draw() -> None:
    split = split_table(table_of(BOTH), Preparation())
    assert [rows.tolist() for rows in split] == [np.flatnonzero(place == BOTH).tolist() for place in range(3)]


def test_validation_rows_given_leave_the_test_rows_to_be_drawn() -> None:
    split = split_table(table_of(np.minimum(TEST, 1)), Preparation(test=7, split_shuffle=False))
    assert split.val.tolist() == np.flatnonzero(TEST).tolist()
    assert split.test.tolist() == np.flatnonzero(TEST == 0)[-7:].tolist()


@pytest.mark.parametrize("fold", range(4))
def test_folds_are_made_of_the_train_rows(fold: int) -> None:
    split = split_table(table_of(TEST), Preparation(folds=4, fold=fold, split_seed=1))
    pool = np.flatnonzero(TEST == 0)
    train, val = list(KFold(4, shuffle=True, random_state=1).split(pool))[fold]
    assert split.train.tolist() == pool[train].tolist()
    assert split.val.tolist() == pool[val].tolist()
    assert split.test.tolist() == np.flatnonzero(TEST == 2).tolist()


def test_groups_and_classes_are_those_of_the_train_rows() -> None:
    groups = np.arange(60) // 6
    table = table_of(TEST, by=groups)
    split = split_table(table, Preparation(val=0.25))
    assert not set(groups[split.train]) & set(groups[split.val])
    notes = prepare(table, Preparation(val=0.25)).notes
    assert "data.split.by: 10 of its values have both train rows and given test rows" in notes
    stratified = split_table(
        table_of(np.repeat([0, 2], 30), target=LABELS, classes=("a", "b", "c")),
        Preparation(val=6, stratify=True),
    )
    assert np.bincount(LABELS[stratified.val]).tolist() == [2, 2, 2]


def test_everything_is_fitted_on_the_train_rows_alone() -> None:
    """The test rows are moved far away: nothing but they themselves changes."""
    settings = Preparation(val=0, normalize_target="standard")
    moved = X.copy()
    moved[TEST == 2] += 1e3
    weight = np.where(TEST == 2, 5.0, 1.0)
    before, after = (prepare(replace(table_of(TEST, sample_weight=weight), features=x), settings) for x in (X, moved))
    expected = StandardScaler().fit(X[TEST == 0])
    np.testing.assert_allclose(rows_of(before.train).x.numpy(), expected.transform(X[TEST == 0]), atol=1e-12)
    np.testing.assert_allclose(rows_of(after.test).x.numpy(), expected.transform(moved[TEST == 2]), rtol=1e-9)
    assert (rows_of(before.train).x == rows_of(after.train).x).all()
    assert before.y_scale == after.y_scale
    assert before.data_hash != after.data_hash
    assert before.notes == ("given with the data: 20 test rows",)


def test_class_weights_are_those_of_the_train_rows() -> None:
    part = np.where((LABELS == 2) & (np.arange(60) > 30), 2, 0)
    table = table_of(part, target=LABELS, classes=("a", "b", "c"))
    data = prepare(table, Preparation(val=0, class_weight="balanced"))
    weight, labels = rows_of(data.train).weight, LABELS[part == 0]
    assert weight is not None
    np.testing.assert_allclose(weight.numpy(), (len(labels) / 3 / np.bincount(labels))[labels], rtol=1e-12)


@pytest.mark.parametrize(
    ("part", "settings", "sentence"),
    [
        (TEST, {"test": 0.2}, "data.split.test=0.2 would do nothing: the data give the 20 test rows; leave it out"),
        (TEST, {"test": 0}, "data.split.test=0 would do nothing: the data give the 20 test rows; leave it out"),
        (BOTH, {"val": 5}, "data.split.val=5 would do nothing: the data give the 12 validation rows; leave it out"),
        (
            BOTH,
            {"split_seed": 1},
            "data.split.seed=1 would do nothing: the data give the 24 validation and test rows; leave it out",
        ),
        (
            BOTH,
            {"split_shuffle": False},
            "data.split.shuffle=false would do nothing: the data give the 24 validation and test rows; leave it out",
        ),
        (
            BOTH,
            {"folds": 5, "fold": 0},
            "data.folds=5 makes the validation rows, but the data give 12; leave data.folds out, or the given "
            "validation rows",
        ),
        (TEST, {"val": 40}, "data.split: val=40 and test=0 take 40 + 0 of 40 rows and leave none for training"),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(part: Any, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        split_table(table_of(part), Preparation(**settings))
    assert str(error.value).startswith(sentence)


def test_a_class_that_no_train_row_has_is_refused() -> None:
    part = np.where(LABELS == 2, BOTH, 0)
    part[LABELS == 2] = np.where(part[LABELS == 2] == 0, 2, part[LABELS == 2])
    table = table_of(part, target=LABELS, classes=("a", "b", "c"))
    with pytest.raises(UserError) as error:
        split_table(table, Preparation())
    assert str(error.value) == (
        "target 'target': class 'c' is that of 4 validation rows and 16 test rows, and of no train row; leave these "
        "rows out, or give train rows of it"
    )
    # a class without any row, as names may have one, is nobody's fault
    split_table(table_of(np.repeat([0, 2], 30), target=LABELS, classes=("a", "b", "c", "d")), Preparation())
