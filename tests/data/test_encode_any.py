"""Whatever a frame holds, its encoding is finite, exact, independent of other rows, and known by its moments."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onelayer.data.encode import Encoder, EncodeSettings, Statistics
from onelayer.data.encode.design import Numbers
from onelayer.data.encode.statistics import quantiles_of
from onelayer.data.frame import Column, Frame
from onelayer.errors import UserError
from tests.conftest import examples

NAN = np.nan
LEVELS = ("<missing>", "<other>", "a", "b", "ü")
numbers = st.floats(-1e6, 1e6, allow_subnormal=False) | st.just(NAN)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    rows = draw(st.integers(1, 20))
    columns = draw(st.permutations([Column(f"n{i}") for i in range(draw(st.integers(0, 3)))] + [
        Column("flag", "boolean"),
        Column("when", "date", parts=("year", "month")),
        *(Column(f"c{i}", "category", LEVELS) for i in range(draw(st.integers(0, 3)))),
    ]))  # fmt: skip
    drawn: dict[str, Any] = {}
    for column in columns:
        if column.role == "category":
            drawn[column.name] = draw(st.lists(st.integers(-1, len(LEVELS) - 1), min_size=rows, max_size=rows))
        elif column.role == "boolean":
            drawn[column.name] = draw(st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=rows, max_size=rows))
        elif column.role == "date":
            years = draw(st.lists(st.sampled_from([1999.0, 2024.0, NAN]), min_size=rows, max_size=rows))
            drawn[column.name] = [[year, year - 1990] for year in years]
        else:
            drawn[column.name] = draw(st.lists(numbers, min_size=rows, max_size=rows))
    values = [np.array(drawn[one.name]).reshape(rows, -1) for one in columns if one.role != "category"]
    codes = [drawn[one.name] for one in columns if one.role == "category"]
    return Frame(tuple(columns), np.hstack(values), np.array(codes, np.int32).reshape(-1, rows).T.copy())


chosen_settings = st.builds(
    EncodeSettings,
    impute=st.sampled_from(["mean", "median", "constant"]),
    fill=st.sampled_from([0.0, -1.25]),
    indicator=st.booleans(),
    min_count=st.integers(1, 4),
    max_levels=st.none() | st.integers(1, 4),
    drop_first=st.booleans(),
)


@settings(max_examples=examples(75), deadline=None)
@given(frame=frames(), chosen=chosen_settings)
def test_any_frame_becomes_finite_rows_that_do_not_depend_on_one_another(frame: Frame, chosen: EncodeSettings) -> None:
    encoder = Encoder.fit(frame, chosen)
    x = encoder.apply(frame)
    assert x.shape == (len(frame), encoder.n_features)
    assert np.isfinite(x).all()
    assert len(set(encoder.columns)) == encoder.n_features
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert again == encoder
    assert again.columns == encoder.columns
    for row in range(len(frame)):
        np.testing.assert_array_equal(again.apply(frame.take(slice(row, row + 1)))[0], x[row])
    # other tables have their columns and levels in another order
    order = np.argsort([0, 3, 1, 4, 2])
    mixed = replace(
        frame,
        columns=tuple(
            replace(one, levels=tuple(LEVELS[place] for place in [0, 3, 1, 4, 2])) if one.levels else one
            for one in frame.columns
        ),
        codes=np.where(frame.codes < 0, -1, order[frame.codes]).astype(np.int32),
    )
    np.testing.assert_array_equal(encoder.apply(mixed), x)


@settings(max_examples=examples(75), deadline=None)
@given(frame=frames(), chosen=chosen_settings, data=st.data())
def test_moments_of_features_follow_from_the_statistics(
    frame: Frame, chosen: EncodeSettings, data: st.DataObject
) -> None:
    train = frame.take(slice(0, data.draw(st.integers(1, len(frame)))))
    encoder = Encoder.fit(train, chosen)
    for rows in (train, frame):
        x = encoder.apply(rows)
        holes = np.isnan(rows.numbers)
        fill = np.concatenate(
            [design.fill for design in encoder.designs if isinstance(design, Numbers) and design.fill]
        )
        quartiles = quantiles_of(np.where(holes, fill, rows.numbers), (0.25, 0.5, 0.75))
        found = encoder.moments(Statistics.of(rows), quartiles)
        assert found.quartiles is not None
        scale = np.abs(x).max(axis=0)
        assert (np.abs(found.mean - x.mean(axis=0)) <= 1e-12 * scale).all()
        assert (np.abs(found.variance - x.var(axis=0)) <= 1e-12 * scale**2).all()
        np.testing.assert_array_equal(found.minimum, x.min(axis=0))
        np.testing.assert_array_equal(found.maximum, x.max(axis=0))
        np.testing.assert_allclose(found.quartiles, np.quantile(x, [0.25, 0.5, 0.75], axis=0), rtol=1e-12, atol=1e-300)


def test_statistics_of_many_rows_keep_their_digits() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([
        1e9 + rng.normal(size=60_000),
        rng.exponential(size=60_000) * 1e-9,
        np.sort(rng.normal(size=60_000)) + 1e6,
        np.full(60_000, 0.1),
    ])  # fmt: skip
    x[:50_000, 1] = NAN  # many blocks without any
    found = Statistics.of(Frame.of_numbers(x, tuple("abcd")), median=True)
    exact = x.astype(np.longdouble)
    np.testing.assert_allclose(found.moments.mean, np.nanmean(exact, axis=0).astype(float), rtol=4e-15)
    np.testing.assert_allclose(found.moments.variance, np.nanvar(exact, axis=0).astype(float), rtol=1e-12, atol=1e-30)
    assert found.moments.variance[3] == 0
    assert found.moments.mean[3] == 0.1
    np.testing.assert_array_equal(found.moments.minimum, np.nanmin(x, axis=0))
    np.testing.assert_array_equal(found.moments.maximum, np.nanmax(x, axis=0))
    assert found.median is not None
    np.testing.assert_array_equal(found.median, np.nanmedian(x, axis=0))
    assert found.missing.tolist() == [0, 50_000, 0, 0]


WHOLE = Encoder.fit(
    Frame((Column("a"), Column("b", "category", ("x", "y"))), np.array([[1], [NAN]]), np.array([[0], [1]], np.int32)),
    EncodeSettings(indicator=True),
).to_json()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"unseen": "maybe"}, "unseen must be other or error"),
        ({"columns": None}, "columns must be a list"),
        ({"more": 1}, "no such field as 'more'"),
        ({"columns": [1]}, "expected a column"),
        ({"columns": [{"name": "a", "role": "colour"}]}, "unknown role 'colour'"),
        ({"columns": [{**WHOLE["columns"][0], "fill": [1]}]}, "column 'a': fill: expected a list of finite numbers"),
        ({"columns": [{**WHOLE["columns"][0], "fill": [1.0, 2.0]}]}, "fill does not fit"),
        ({"columns": [{**WHOLE["columns"][0], "fill": [float("inf")]}]}, "finite numbers"),
        ({"columns": [{**WHOLE["columns"][0], "indicator": 1}]}, "indicator: expected true or false, found 1"),
        ({"columns": [{"name": "a", "role": "numeric", "fill": [1.0]}]}, "'indicator' is missing"),
        ({"columns": [{**WHOLE["columns"][1], "levels": "xy"}]}, "levels: expected a list of texts"),
        ({"columns": [{**WHOLE["columns"][1], "pooled": ["x"]}]}, "a level stands there twice"),
        ({"columns": ["a", "a"]}, "two columns are called 'a'"),
    ],
)
def test_an_encoding_that_is_not_one_is_refused(change: dict[str, object], sentence: str) -> None:
    Encoder.from_json(WHOLE)
    with pytest.raises(UserError, match=sentence):
        Encoder.from_json({**WHOLE, **change})
