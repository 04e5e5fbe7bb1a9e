"""Scaling equals scikit-learn's, is fitted on train rows alone, and can be undone in the coefficients."""

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from onelayer.data.module import TableDataModule
from onelayer.data.preprocess import Scale, Scaling, original_coefficients, scaled_coefficients
from onelayer.data.table import Table

rng = np.random.default_rng(0)


@pytest.mark.parametrize(("scaling", "scaler"), [("standard", StandardScaler()), ("minmax", MinMaxScaler())])
def test_scaling_is_that_of_scikit_learn(scaling: Scaling, scaler: StandardScaler) -> None:
    x = rng.normal(5, 3, (40, 4))
    np.testing.assert_allclose(Scale.fit(x, scaling).apply(x), scaler.fit_transform(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
def test_a_constant_column_stays_finite(scaling: Scaling) -> None:
    x = np.column_stack([np.full(10, 1e9), np.zeros(10), rng.normal(size=10)])
    assert np.isfinite(Scale.fit(x, scaling).apply(x)).all()


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
def test_undo_undoes(scaling: Scaling) -> None:
    x = rng.normal(5, 3, (40, 4))
    scale = Scale.fit(x, scaling)
    np.testing.assert_allclose(scale.undo(scale.apply(x)), x, rtol=1e-13)


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
def test_val_and_test_rows_leave_the_scaling_untouched(scaling: Scaling) -> None:
    x, y = rng.normal(size=(100, 3)), rng.normal(size=100)
    names = ("a", "b", "c")
    first = TableDataModule(Table(x, y, names), normalize=scaling, normalize_target="standard")
    spoiled_x, spoiled_y = x.copy(), y.copy()
    for rows in (first.rows.val, first.rows.test):
        spoiled_x[rows], spoiled_y[rows] = 1e6, -1e6
    second = TableDataModule(Table(spoiled_x, spoiled_y, names), normalize=scaling, normalize_target="standard")
    for one, other in ((first.x_scale, second.x_scale), (first.y_scale, second.y_scale)):
        assert (one.shift == other.shift).all()
        assert (one.scale == other.scale).all()
    assert first.train.x.equal(second.train.x)


def test_coefficients_map_both_ways_and_predict_the_same() -> None:
    x, y = rng.normal(5, 3, (30, 4)), rng.normal(100, 20, (30, 2))
    weight, bias = rng.normal(size=(2, 4)), rng.normal(size=2)
    x_scale, y_scale = Scale.fit(x, "standard"), Scale.fit(y, "standard")
    scaled = scaled_coefficients(weight, bias, x_scale, y_scale)
    inside = y_scale.undo(x_scale.apply(x) @ scaled[0].T + scaled[1])
    np.testing.assert_allclose(inside, x @ weight.T + bias, rtol=1e-10)
    back = original_coefficients(*scaled, x_scale, y_scale)
    np.testing.assert_allclose(back[0], weight, rtol=1e-10)
    np.testing.assert_allclose(back[1], bias, rtol=1e-10)
