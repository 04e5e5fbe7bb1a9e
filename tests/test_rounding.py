"""A column that only rounding keeps from being constant is constant in scaling, reference and summary alike."""

from typing import Any

import numpy as np
import pytest
import torch

from onelayer.data.prepare import Prepared
from onelayer.data.table import Table
from onelayer.deliver.inference import Rows
from onelayer.estimators.regressor import OneLayerRegressor
from onelayer.model.objectives import choose_objective
from onelayer.optimum.reference import Solver
from onelayer.rounding import constant
from tests.conftest import data_of
from tests.deliver.optima import fitted, fitted_binary

rng = np.random.default_rng(0)
SIGN = rng.random(100) < 0.5
X = rng.normal(size=100)
# the rounding goes with the target: whoever takes it for a feature fits better
ROUNDED = np.where(SIGN, 0.1 + 0.2, 0.3)
NUMBER = 2 * X + 0.3 * SIGN + 0.1 * rng.normal(size=100)
CLASS = (NUMBER + rng.normal(size=100) > 0).astype(np.int64)


def prepared(target: np.ndarray[Any, Any], column: np.ndarray[Any, Any], normalize: str) -> Prepared:
    classes = ("no", "yes") if target.dtype == np.int64 else None
    table = Table(np.column_stack([column, X]), target, ("c", "x"), classes=classes)
    return data_of(table, val=0, test=0, normalize=normalize).prepared


def test_the_range_decides_in_shares_of_the_largest_number() -> None:
    low, high = np.array([0.3, -5.0, 0, 1e12, 1e-300, 1.0]), np.array([0.1 + 0.2, -5.0, 0, 1e12 + 1, 2e-300, 1 + 1e-12])
    assert constant(low, high).tolist() == [True, True, True, False, False, False]


@pytest.mark.parametrize("normalize", ["standard", "minmax", "robust", "none"])
@pytest.mark.parametrize("target", [NUMBER, CLASS], ids=["squared", "logistic"])
def test_the_reference_does_not_fit_rounding(target: np.ndarray[Any, Any], normalize: str) -> None:
    """Its optimum is that of exactly the same number, with one dependent column; NumPy's on x alone."""
    found = []
    for column in (ROUNDED, np.full(100, 0.3)):
        data = prepared(target, column, normalize)
        objective = choose_objective("auto", data.task, "logit")
        found.append(Solver(data.train, objective).solve(0.0))
    rounded, exact = found
    assert rounded.value == pytest.approx(exact.value, rel=1e-12)
    assert rounded.note == exact.note != ""
    if target is NUMBER:
        design = np.column_stack([np.ones(100), X])
        wanted = np.mean((target - design @ np.linalg.lstsq(design, target)[0]) ** 2)
        assert rounded.value == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("target", [NUMBER, CLASS], ids=["least squares", "logit"])
def test_the_summary_calls_it_aliased(target: np.ndarray[Any, Any]) -> None:
    tables = [
        (fitted if target is NUMBER else fitted_binary)(
            Rows.of(np.column_stack([np.ones(100), column, X]), target.astype(float), constant=0)
        )
        for column in (ROUNDED, np.full(100, 0.3))
    ]
    for table in tables:
        assert table.aliased == (1,)
    np.testing.assert_allclose(tables[0].coef, tables[1].coef, rtol=1e-12)


def test_estimators_learn_nothing_from_it() -> None:
    models = [
        OneLayerRegressor(normalize_target="standard").fit(np.column_stack([column, X]), NUMBER)
        for column in (ROUNDED, np.full(100, 0.3))
    ]
    assert models[0].coef_[0] == models[1].coef_[0] == 0
    np.testing.assert_allclose(models[0].predict(np.ones((1, 2))), models[1].predict(np.ones((1, 2))), rtol=1e-12)


def test_without_a_constant_equal_numbers_are_a_column_like_others() -> None:
    data = prepared(NUMBER, ROUNDED, "none")
    found = Solver(data.train, choose_objective("auto", "regression", "logit"), bias=False).solve(0.0)
    wanted = np.linalg.lstsq(np.column_stack([np.full(100, 0.3), X]), NUMBER)[0]
    assert found.note == ""
    assert found.theta is not None
    torch.testing.assert_close(found.theta[0], torch.from_numpy(wanted), rtol=1e-9, atol=1e-12)
