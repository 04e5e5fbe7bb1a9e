"""A row of weight k is k rows and a row of weight 0 none, in everything that is fitted."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from onelayer.data.encode import EncodeSettings
from onelayer.data.encode.statistics import weighted_quantiles
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import Prepared, prepare
from onelayer.data.sources.table import table_of
from onelayer.errors import UserError
from onelayer.model.objectives import choose_objective
from onelayer.optimum.reference import Solver
from tests.conftest import examples
from tests.data.streaming.tables import streamed

ALL_TRAIN: dict[str, Any] = {"val": 0, "test": 0, "split_shuffle": False}
TARGETS = {"number": "regression", "yes": "binary", "kind": "multiclass"}


def weighted(target: str = "number", rows: int = 120) -> pd.DataFrame:
    """Rows of weight 0 to 3; those of weight 0 hold what no other row does."""
    rng = np.random.default_rng(0)
    weight = rng.integers(0, 4, rows)
    frame = pd.DataFrame({"a": rng.normal(size=rows), "b": rng.exponential(size=rows) + 100})
    frame["city"] = rng.choice(["Rome", "Oslo", "Lima", "Bonn"], rows, p=[0.5, 0.35, 0.1, 0.05]).astype(object)
    signal = frame["a"] + (frame["city"] == "Rome") + rng.normal(size=rows)
    made = {
        "number": signal * 3 + 7,
        "yes": np.where(signal > 0, "yes", "no").astype(object),
        "kind": np.where(signal > 1, "high", np.where(signal < 0, "low", "middle")).astype(object),
    }
    frame["y"] = made[target]
    frame.loc[rng.random(rows) < 0.15, "a"] = np.nan
    frame.loc[rng.random(rows) < 0.1, "city"] = None
    frame["weight"] = weight
    none = np.flatnonzero(weight == 0)
    frame.loc[none[0], ["a", "b"]] = 1e6
    frame.loc[none[1], "city"] = "Atlantis"
    frame.loc[none[2], "y"] = 1e9 if target == "number" else "nothing"
    return frame


def repeated(frame: pd.DataFrame) -> pd.DataFrame:
    """Each row as often as it counts."""
    return frame.loc[frame.index.repeat(frame["weight"])].drop(columns="weight").reset_index(drop=True)


def same_fit(one: Prepared, other: Prepared, task: str) -> None:
    assert [feature.name for feature in one.encoder.features] == [feature.name for feature in other.encoder.features]
    assert one.classes == other.classes
    for mine, its in ((one.x_scale, other.x_scale), (one.y_scale, other.y_scale)):
        np.testing.assert_allclose(mine.shift, its.shift, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(mine.scale, its.scale, rtol=1e-12)
    objective = choose_objective("auto", task, "logit")
    found = [Solver(each.train, objective, n_outputs=each.n_outputs).solve(0.05) for each in (one, other)]
    assert found[0].value == pytest.approx(found[1].value, rel=1e-9)
    assert found[0].theta is not None
    assert found[1].theta is not None
    torch.testing.assert_close(found[0].theta, found[1].theta, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("normalize", ["standard", "minmax", "robust"])
def test_a_weighted_table_is_that_of_repeated_rows(target: str, normalize: Any) -> None:
    frame = weighted(target)
    encode = EncodeSettings(impute="median" if normalize == "robust" else "mean", indicator=True, min_count=13)
    how = Preparation(**ALL_TRAIN, normalize=normalize, normalize_target="auto", encode=encode)
    one = prepare(table_of(frame, target="y", sample_weight="weight"), how)
    other = prepare(table_of(repeated(frame), target="y"), how)
    same_fit(one, other, TARGETS[target])
    assert [note for note in one.notes if "weight 0" not in note] == list(other.notes)
    assert any("rows have the weight 0 in 'weight' and are left out" in note for note in one.notes)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("normalize", ["standard", "robust"])
def test_so_is_one_that_streams(tmp_path: Path, target: str, normalize: Any) -> None:
    frame = weighted(target)
    encode = EncodeSettings(impute="median" if normalize == "robust" else "mean", indicator=True, min_count=13)
    how = {**ALL_TRAIN, "normalize": normalize, "normalize_target": "auto", "encode": encode}
    one = streamed(frame, tmp_path, settings=how, target="y", sample_weight="weight")
    other = prepare(table_of(repeated(frame), target="y"), Preparation(**how))
    same_fit(one, other, TARGETS[target])


def test_rows_of_weight_zero_are_no_rows_of_the_split_either() -> None:
    frame = weighted()
    without = frame[frame["weight"] > 0].reset_index(drop=True)
    one, other = (
        prepare(table_of(each, target="y", sample_weight="weight"), Preparation()) for each in (frame, without)
    )
    assert one.data_hash == other.data_hash


def test_weights_that_are_not_whole_have_no_scale() -> None:
    frame = weighted()
    how = Preparation(**ALL_TRAIN, normalize="robust", encode=EncodeSettings(impute="median", min_count=5))
    frame["weight"] = frame["weight"] / 7 + 0.1
    smaller = frame.assign(weight=frame["weight"] / 1000)
    one, other = (prepare(table_of(each, target="y", sample_weight="weight"), how) for each in (frame, smaller))
    assert one.encoder.features == other.encoder.features
    np.testing.assert_allclose(one.x_scale.scale, other.x_scale.scale, rtol=1e-12)


def test_a_light_level_is_not_rare_unless_that_is_asked() -> None:
    frame = pd.DataFrame({"x": list("aabbc") * 4, "y": np.arange(20.0), "w": [0.5, 1, 1, 1, 0.001] * 4})
    prepared = prepare(table_of(frame, target="y", sample_weight="w"), Preparation(**ALL_TRAIN))
    assert prepared.encoder.columns == ("x=a", "x=b", "x=c")


@settings(max_examples=examples(60), deadline=None)
@given(
    rows=st.lists(st.tuples(st.floats(-1e9, 1e9), st.integers(1, 9)), min_size=1, max_size=30),
    at=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_weighted_quantiles_are_those_of_repeated_values(
    rows: list[tuple[float, int]], at: tuple[float, float]
) -> None:
    values, weight = np.array([one for one, _ in rows]), np.array([float(one) for _, one in rows])
    expected = np.quantile(np.repeat(values, weight.astype(int)), at)
    np.testing.assert_array_equal(weighted_quantiles(values, weight, at), expected)


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan])
def test_weights_that_do_not_do_are_refused(weight: float) -> None:
    frame = weighted().assign(weight=weight)
    with pytest.raises(UserError, match=r"data\.sample_weight=weight: "):
        table_of(frame, target="y", sample_weight="weight")
