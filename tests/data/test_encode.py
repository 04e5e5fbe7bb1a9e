"""Columns become what scikit-learn's imputer and one-hot encoder make of them, by the train rows alone."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from onelayer.data.encode import Counted, Encoder, EncodeSettings, Statistics
from onelayer.data.frame import Column, Frame
from onelayer.errors import UserError
from tests.conftest import examples

NAN = np.nan


def frame_of(**columns: Sequence[float | str | None]) -> Frame:
    """A list of texts is a category, one of numbers a numeric column; None is missing."""
    made, numbers, codes = [], [], []
    for name, values in columns.items():
        texts = [value for value in values if isinstance(value, str)]
        if texts:
            levels = tuple(sorted(set(texts)))
            made.append(Column(name, "category", levels))
            codes.append([-1 if value is None else levels.index(str(value)) for value in values])
        else:
            made.append(Column(name))
            numbers.append([NAN if value is None else float(value) for value in values])
    rows = len(next(iter(columns.values())))
    return Frame(
        tuple(made),
        np.array(numbers, np.float64).reshape(-1, rows).T.copy(),
        np.array(codes, np.int32).reshape(-1, rows).T.copy(),
    )


HOUSE = frame_of(NumRooms=[None, 2, 4, None], Alley=["Pave", None, None, None])


def test_the_four_houses_become_the_matrix_of_the_book() -> None:
    encoder = Encoder.fit(HOUSE, EncodeSettings())
    assert encoder.columns == ("NumRooms", "Alley=Pave", "Alley=<missing>")
    np.testing.assert_array_equal(encoder.apply(HOUSE), [[3, 1, 0], [2, 0, 1], [4, 0, 1], [3, 0, 1]])
    assert encoder.notes == (
        "missing numbers become the mean of the train rows: NumRooms (2 rows, 3)",
        "missing categories are a level of their own: Alley (3 rows)",
    )


def test_a_feature_knows_its_column_and_level() -> None:
    frame = Frame(
        (Column("when", "date", parts=("year", "month")), Column("sex", "category", ("f", "m")), Column("age")),
        np.array([[2001, 5, 1.0], [NAN, NAN, NAN], [2003, 6, 3.0]]),
        np.array([[0], [1], [-1]], np.int32),
    )
    encoder = Encoder.fit(frame, EncodeSettings(indicator=True))
    assert [tuple(feature) for feature in encoder.features] == [
        ("when.year", "when", "part", "year"),
        ("when.month", "when", "part", "month"),
        ("when=<missing>", "when", "missing", None),
        ("sex=f", "sex", "level", "f"),
        ("sex=m", "sex", "level", "m"),
        ("sex=<missing>", "sex", "missing", None),
        ("age", "age", "number", None),
        ("age=<missing>", "age", "missing", None),
    ]
    expected = [[2001, 5, 0, 1, 0, 0, 1, 0], [2002, 5.5, 1, 0, 1, 0, 2, 1], [2003, 6, 0, 0, 0, 1, 3, 0]]
    np.testing.assert_array_equal(encoder.apply(frame), expected)


def holed(rows: int, columns: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    x = rng.normal(5, 3, (rows, columns))
    x[rng.random(x.shape) < 0.2] = NAN
    return x


@pytest.mark.parametrize("impute", ["mean", "median", "constant"])
@pytest.mark.parametrize("indicator", [False, True])
def test_numbers_are_imputed_as_by_scikit_learn(impute: str, indicator: bool) -> None:
    train, new = holed(30, 5, 0), holed(20, 5, 1)
    train[:, 3] = NAN  # nothing is known of it
    train[:, 4] = np.arange(30)  # nothing is missing of it
    names = tuple("abcde")
    encoder = Encoder.fit(
        Frame.of_numbers(train, names),
        EncodeSettings(impute=impute, fill=-7.5, indicator=indicator),  # type: ignore[arg-type]
    )
    theirs = SimpleImputer(strategy=impute, fill_value=-7.5, add_indicator=indicator, keep_empty_features=True)
    theirs.fit(train)
    order = theirs.get_feature_names_out(np.array(names))
    mine = [
        encoder.columns.index(name.replace("missingindicator_", "") + "=<missing>" * ("_" in name)) for name in order
    ]
    for rows in (train, new):
        ours = encoder.apply(Frame.of_numbers(rows, names))
        np.testing.assert_allclose(ours[:, mine], theirs.transform(rows), rtol=1e-14)
        assert ours.shape[1] == len(mine)


@settings(max_examples=examples(100), deadline=None)
@given(
    train=st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=40),
    new=st.lists(st.sampled_from("abcdefghi"), min_size=1, max_size=10),
    min_count=st.integers(1, 5),
    max_levels=st.none() | st.integers(1, 7),
    drop_first=st.booleans(),
)
def test_levels_are_those_of_scikit_learn(
    train: list[str], new: list[str], min_count: int, max_levels: int | None, drop_first: bool
) -> None:
    chosen = EncodeSettings(min_count=min_count, max_levels=max_levels, drop_first=drop_first)
    encoder = Encoder.fit(frame_of(c=train, n=[0.0] * len(train)), chosen)
    theirs = OneHotEncoder(
        min_frequency=min_count,
        max_categories=None if max_levels is None else max_levels + 1,
        handle_unknown="infrequent_if_exist",
        drop="first" if drop_first else None,
        sparse_output=False,
    ).fit(np.array(train)[:, None])
    for rows in (train, new):
        known = [row for row in rows if row in train] if drop_first else rows  # of others, it warns
        if known:
            ours = encoder.apply(frame_of(c=known, n=[0.0] * len(known)))[:, :-1]
            np.testing.assert_array_equal(ours, theirs.transform(np.array(known)[:, None]))


def test_the_base_of_a_regression_table_is_missing_or_the_first_level() -> None:
    frame = frame_of(a=["x", "y", None], b=["x", "y", "z"])
    assert Encoder.fit(frame, EncodeSettings(drop_first=True)).columns == ("a=x", "a=y", "b=y", "b=z")
    with pytest.raises(UserError, match="drop_first drops"):
        Encoder.fit(frame_of(a=["x", "x"]), EncodeSettings(drop_first=True))


def test_what_was_unseen_in_training_goes_to_the_pooled_levels_or_nowhere() -> None:
    train = frame_of(c=["a", "a", "b", "b", "r"])
    new = frame_of(c=["b", "r", "new", None])
    pooled = Encoder.fit(train, EncodeSettings(min_count=2))
    assert pooled.columns == ("c=a", "c=b", "c=<other>")
    np.testing.assert_array_equal(pooled.apply(new), [[0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]])
    assert pooled.notes == ("rare levels are pooled: c (1 of 3 levels, 1 row)",)
    alone = Encoder.fit(train, EncodeSettings())
    np.testing.assert_array_equal(alone.apply(new), [[0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])


def test_what_was_unseen_in_training_is_refused_on_request() -> None:
    encoder = Encoder.fit(frame_of(c=["a", "a", "b"]), EncodeSettings(min_count=2, unseen="error"))
    encoder.apply(frame_of(c=["a", "b"]))  # pooled, but seen
    with pytest.raises(UserError, match=r"column 'c', row 2: the level 'new' is not among"):
        encoder.apply(frame_of(c=["a", "new"]))
    with pytest.raises(UserError, match=r"column 'c', row 18: the level 'new' is not among"):
        encoder.apply(frame_of(c=["a", "new"]), np.array([3, 17]))
    with pytest.raises(UserError, match=r"column 'c', row 3: no value is among"):
        encoder.apply(frame_of(c=["a", "b", None]))


def test_levels_that_look_like_ours_do_not_collide() -> None:
    frame = frame_of(a=["<missing>", "<missing>", "<other>", "rare", None], **{"a=<other>": [1, 2, 3, 4, 5]})
    encoder = Encoder.fit(frame, EncodeSettings(min_count=2))
    assert encoder.columns == ("a=<missing>", "a=<other>", "a=<missing> (2)", "a=<other> (2)")
    np.testing.assert_array_equal(
        encoder.apply(frame), [[1, 0, 0, 1], [1, 0, 0, 2], [0, 1, 0, 3], [0, 1, 0, 4], [0, 0, 1, 5]]
    )
    assert "'a=<missing> (2)' of column a, 'a=<other> (2)' of column a=<other>" in encoder.notes[-1]


def test_a_column_of_which_the_train_rows_know_nothing_is_told() -> None:
    encoder = Encoder.fit(frame_of(a=[None, None], b=[1, 2]), EncodeSettings(impute="median"))
    assert encoder.notes == ("no train row has a value, so the column becomes 0.0: a",)
    np.testing.assert_array_equal(encoder.apply(frame_of(a=[None, 7], b=[1, 2])), [[0, 1], [7, 2]])


def test_columns_are_found_by_name_and_role() -> None:
    encoder = Encoder.fit(frame_of(age=[1, 2], sex=["f", "m"]), EncodeSettings())
    shuffled = frame_of(sex=["m", "f", "m"], more=[1, 2, 3], age=[5, 6, 7])
    np.testing.assert_array_equal(encoder.apply(shuffled), [[5, 0, 1], [6, 1, 0], [7, 0, 1]])
    with pytest.raises(UserError, match=r"no column 'age', which the model needs; did you mean 'Age'"):
        encoder.apply(frame_of(Age=[1], sex=["f"]))
    with pytest.raises(UserError, match="'sex' is read as numeric here, but was category in training"):
        encoder.apply(frame_of(age=[1], sex=[0]))
    whole = Frame((Column("t", "date", parts=("year", "hour")),), np.array([[2000.0, 1]]), np.empty((1, 0), np.int32))
    day = Frame((Column("t", "date", parts=("year",)),), np.array([[2000.0]]), np.empty((1, 0), np.int32))
    with pytest.raises(UserError, match="column 't' has no hour"):
        Encoder.fit(whole, EncodeSettings()).apply(day)
    np.testing.assert_array_equal(Encoder.fit(day, EncodeSettings()).apply(whole), [[2000]])


def test_plain_numbers_are_not_copied_and_never_filled() -> None:
    frame = Frame.of_numbers(np.arange(6.0).reshape(3, 2), ("a", "b"))
    for encoder in (Encoder.plain(("a", "b")), Encoder.fit(frame, EncodeSettings())):
        assert encoder.apply(frame) is frame.numbers
    assert Encoder.plain(("a", "b")).to_json() == {"unseen": "other", "columns": ["a", "b"]}
    holes = Frame.of_numbers(np.array([[1, 2], [3, NAN]]), ("a", "b"))
    with pytest.raises(UserError, match=r"column 'b', row 2: there is no value"):
        Encoder.plain(("a", "b")).apply(holes)


def test_numbers_that_float64_cannot_square_are_refused_by_name() -> None:
    with pytest.raises(UserError, match="column 'b' holds 1e\\+200, whose square"):
        Encoder.fit(frame_of(a=[1, 2], b=[1e200, 1]), EncodeSettings())


def test_columns_of_one_name_are_refused() -> None:
    with pytest.raises(UserError, match="two columns are called 'a'"):
        Encoder.plain(("a", "b", "a"))


def test_prediction_needs_numpy_alone() -> None:
    import subprocess
    import sys

    script = "import sys, onelayer.data.encode, onelayer.data.preprocess, onelayer.artefact; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "scipy", "sklearn", "lightning", "hydra", "duckdb"} & set(loaded)


def test_rows_with_levels_that_no_train_row_has_are_told() -> None:
    column = Column("city", "category", levels=("Bern", "Genf", "Zug"))
    codes = np.array([[0], [0], [1], [2], [-1]], np.int32)
    frame = Frame((column,), np.empty((5, 0)), codes)
    encoder = Encoder.fit(frame.take(slice(0, 3)), EncodeSettings())
    assert encoder.unseen(Counted.of(frame.take(slice(0, 3))), "train rows") == ()
    assert encoder.unseen(Counted.of(frame.take(slice(3, 5))), "val rows") == (
        "levels that no train row has: city (1 val row, as none of them)",
        "without a level, as no train row is: city (1 val row, as none of them)",
    )
    pooled = Encoder.fit(frame.take(slice(0, 3)), EncodeSettings(min_count=2))
    assert pooled.unseen(Counted.of(frame.take(slice(0, 4))), "rows") == (
        "levels that no train row has: city (1 row, as <other>)",
    )


def test_holes_that_no_train_row_has_are_told_with_what_fills_them() -> None:
    when = Column("when", "date", parts=("year", "month"))
    nan = np.nan
    numbers = np.array([[1, nan, 2020, 1], [3, 4, 2022, 3], [nan, nan, nan, nan], [nan, 1, 2020, 1]])
    frame = Frame((Column("a"), Column("b"), when), numbers, np.empty((4, 0), np.int32))
    train, test = frame.take(slice(0, 2)), frame.take(slice(2, 4))
    encoder = Encoder.fit(train, EncodeSettings())
    counted = Counted.of(test)
    assert Statistics.of(test).counted.missing.tolist() == counted.missing.tolist() == [2, 1, 1, 1]
    assert encoder.unseen(counted, "test rows", Counted.of(train)) == (
        "without a number, as no train row is: a (2 test rows, become 2), when (1 test row, become 2021, 2)",
    )
    # where the train rows are no longer known, all are told
    assert encoder.unseen(counted.plus(counted), "rows") == (
        "without a number: a (4 rows, become 2), b (2 rows, become 4), when (2 rows, become 2021, 2)",
    )
    assert Encoder.plain(("a", "b")).unseen(Counted.of(Frame.of_numbers(numbers[:, :2], ("a", "b"))), "rows") == ()
