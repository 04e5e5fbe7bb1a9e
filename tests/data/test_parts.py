"""What a precision cannot hold is refused before it trains, not trained as something else."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array

from onelayer.data.module import DataModule
from onelayer.data.parts import STEPS, STEPS_OF_TARGET
from onelayer.data.table import Table
from onelayer.errors import UserError
from onelayer.estimators.regressor import OneLayerRegressor
from tests.conftest import data_of
from tests.data.streaming.tables import stream_of

rng = np.random.default_rng(0)
X, NOISE = rng.normal(size=(100, 2)), rng.normal(size=100)
REFUSED = (
    r"'{name}': its train values lie between 99\d.* too near .* for data.dtype=float32.* set data.dtype=float64, or"
)


def module(x: Any, y: Any, **how: Any) -> DataModule:
    return data_of(Table(x, y, ("a", "b"), target_name="y"), **how)


def test_a_target_whose_spread_single_precision_cannot_hold_is_refused() -> None:
    target = 1e6 + 0.01 * NOISE
    with pytest.raises(UserError, match="^target " + REFUSED.format(name="y")):
        module(X, target)
    assert module(X, target, dtype="float64").dtype == torch.float64
    centred = module(X, target, normalize_target="standard")
    (chunk,) = centred.prepared.train.chunks()  # centred in float64 before it is cast
    np.testing.assert_allclose(chunk.y[:, 0].float().double().std(correction=0), 1, rtol=1e-6)


@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_so_is_a_feature_that_is_not_scaled(form: Any) -> None:
    x = np.column_stack([X[:, 0], 1e6 + 0.01 * NOISE])
    with pytest.raises(UserError, match="^column " + REFUSED.format(name="b")):
        module(form(x), NOISE, normalize="none")
    module(form(x), NOISE, normalize="none", dtype="float64")
    for scaling in ("standard", "minmax", "robust") if form is np.asarray else ():
        module(x, NOISE, normalize=scaling)


@pytest.mark.parametrize("form", [np.asarray, csr_array])
@pytest.mark.parametrize(
    "column",
    [
        pytest.param(2018.0 + np.arange(100) % 3, id="exact in single precision"),
        pytest.param(np.full(100, 1e6), id="constant"),
        pytest.param(np.where(NOISE > 0, 0.3, 0.1 + 0.2), id="constant but for rounding"),
        pytest.param(np.where(np.arange(100) == 3, 0.0, 1e6 + 0.01 * NOISE), id="one row is zero"),
    ],
)
def test_columns_that_lose_nothing_are_not(column: Any, form: Any) -> None:
    module(form(np.column_stack([X[:, 0], column])), NOISE, normalize="none", val=0, test=0)


@pytest.mark.parametrize(("place", "steps"), [("x", STEPS), ("y", STEPS_OF_TARGET)])
def test_the_limit_is_how_many_numbers_are_told_apart(place: str, steps: int) -> None:
    step = 2.0**-23  # of single precision, from 1 to 2
    for apart in (0.1 * steps, 2 * steps):
        column = 1.5 - np.array([0, step * (round(apart) + 1 / 3)] * 50)
        x, y = (np.column_stack([X[:, 0], column]), NOISE) if place == "x" else (X, column)
        if apart < steps:
            with pytest.raises(UserError, match="float32 so far from zero"):
                module(x, y, normalize="none")
        else:
            module(x, y, normalize="none")


def test_streams_and_estimators_refuse_the_same(tmp_path: Path) -> None:
    target = 1e6 + 0.01 * NOISE
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "number": target})
    with pytest.raises(UserError, match="^target " + REFUSED.format(name="number")):
        data_of(stream_of(frame, tmp_path), val=0, test=0, batch_size=10)
    with pytest.raises(ValueError, match=r"^target 'y': .* for dtype=float32.* set dtype=float64, or subtract"):
        OneLayerRegressor(dtype="float32", normalize_target="none").fit(X, target)
    with pytest.raises(ValueError, match=r"^column '0': .* for dtype=float32"):
        OneLayerRegressor(dtype="float32", bias=False).fit(target[:, None], NOISE)
    fitted = OneLayerRegressor(dtype="float32", normalize_target="standard", l2=0.0).fit(X, target + 0.01 * X[:, 0])
    expected = np.linalg.lstsq(np.column_stack([np.ones(100), X]), target + 0.01 * X[:, 0] - 1e6)[0]
    np.testing.assert_allclose(fitted.coef_, expected[1:], rtol=1e-3)
