"""Scaling equals scikit-learn's, is fitted on train rows alone, and can be undone in the coefficients."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from onelayer.data.encode import Moments
from onelayer.data.preprocess import Scale, Scaling, original_coefficients, scaled_coefficients, spread
from onelayer.data.split import split_rows
from onelayer.data.table import Table
from onelayer.errors import UserError
from tests.conftest import data_of, rows_of

rng = np.random.default_rng(0)


SCALERS = [("standard", StandardScaler), ("minmax", MinMaxScaler), ("robust", RobustScaler)]
# columns on which digits are lost, or which only rounding keeps from being constant; the first two of them
# scikit-learn takes for constant, by bounds that grow with the rows, or that go by the unit
HARD = np.column_stack([
    1e12 + np.arange(5000) % 3,
    rng.exponential(size=5000) * 1e-120,
    1e9 + rng.normal(size=5000),
    rng.normal(size=5000) * 1e-12,
    rng.normal(size=5000) * 1e100,
    np.full(5000, 0.1),
    np.full(5000, 1e9),
    np.zeros(5000),
    np.arange(5000) == 17,
    0.1 + 1e-16 * rng.normal(size=5000),
])  # fmt: skip


def fitted(x: NDArray[Any], scaling: Scaling, weight: NDArray[Any] | None = None) -> Scale:
    return Scale.from_moments(spread(x, weight, quartiles=scaling == "robust"), scaling)


@pytest.mark.parametrize(("scaling", "scaler"), SCALERS)
def test_scaling_is_that_of_scikit_learn(scaling: Scaling, scaler: type[StandardScaler]) -> None:
    for x in (rng.normal(5, 3, (40, 4)), rng.normal(size=(1, 3)), HARD[:, 4:]):
        theirs = scaler().fit(x)
        scale = fitted(x, scaling)
        np.testing.assert_allclose(scale.apply(x), theirs.transform(x), rtol=0, atol=1e-12)
        away = x - scale.shift
        away[np.abs(away) < 1e-14] = 0.0
        assert (scale.apply(x) == away / scale.scale).all()
        in_place = x.copy()
        assert scale.apply(in_place, out=in_place) is in_place
        assert (in_place == scale.apply(x)).all()


@pytest.mark.parametrize(("scaling", "scaler"), SCALERS)
def test_hard_columns_are_constant_where_scikit_learn_says_so(scaling: Scaling, scaler: type[StandardScaler]) -> None:
    theirs = scaler().fit(HARD[:, 2:]).transform(HARD[:, 2:]).std(axis=0)
    ours = fitted(HARD, scaling).apply(HARD).std(axis=0)
    np.testing.assert_allclose(ours[2:], theirs, rtol=1e-6, atol=1e-15)
    natural = np.column_stack([HARD[:, 0] - 1e12, HARD[:, 1] * 1e120])  # the same columns from zero, in a larger unit
    np.testing.assert_allclose(ours[:2], scaler().fit_transform(natural).std(axis=0), rtol=1e-6)


@pytest.mark.parametrize("scaling", ["standard", "minmax", "robust"])
@pytest.mark.parametrize("value", [0.3, -1e9, 1e-30])
def test_a_column_that_is_constant_but_for_rounding_becomes_zero(scaling: Scaling, value: float) -> None:
    """In rows that train; other numbers, which only other rows can have, are told apart from it."""
    x = np.where(rng.random((1000, 1)) < 0.5, value, np.nextafter(np.nextafter(value, np.inf), np.inf))
    assert len(np.unique(x)) == 2
    scale = fitted(x, scaling)
    assert (scale.apply(x) == 0).all()
    assert scale.scale == 1
    assert scale.apply(np.array([[2 * value]])) == 2 * value - scale.shift


@pytest.mark.parametrize("scaling", ["standard", "minmax", "robust"])
@pytest.mark.parametrize("largest", [1, 5])
def test_a_row_of_weight_k_is_k_rows(scaling: Scaling, largest: int) -> None:
    x, weight = rng.normal(5, 3, (40, 4)), rng.integers(0, largest + 1, 40)
    weighted, repeated = fitted(x, scaling, weight), fitted(np.repeat(x, weight, axis=0), scaling)
    np.testing.assert_allclose(weighted.shift, repeated.shift, rtol=1e-14)
    np.testing.assert_allclose(weighted.scale, repeated.scale, rtol=1e-14)


def test_columns_far_from_zero_keep_their_digits() -> None:
    exact = HARD.astype(np.longdouble)
    scale = fitted(HARD, "standard")
    assert (np.abs(scale.shift - exact.mean(axis=0)) <= 1e-15 * np.abs(HARD).max(axis=0)).all()
    deviation = exact.std(axis=0).astype(float)
    np.testing.assert_allclose(scale.scale[[0, 2, 4]], deviation[[0, 2, 4]], rtol=1e-13)


@pytest.mark.parametrize("scaling", ["standard", "minmax", "robust", "none"])
def test_moments_alone_give_the_same_scaling(scaling: Scaling) -> None:
    x = np.column_stack([rng.normal(5, 3, (99, 2)), np.full(99, 0.1), rng.random((99, 2)) < 0.3])
    moments = Moments(
        x.mean(axis=0), x.var(axis=0), x.min(axis=0), x.max(axis=0), np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    )
    found, expected = Scale.from_moments(moments, scaling), fitted(x, scaling)
    np.testing.assert_allclose(found.shift, expected.shift, rtol=1e-13)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-13)


def test_numbers_whose_square_is_too_large_are_refused() -> None:
    with pytest.raises(UserError, match="column 2 of the 2 to be scaled holds numbers whose square"):
        fitted(np.array([[1, 1e200], [2, -1e200]]), "standard")


@pytest.mark.parametrize("scaling", ["standard", "minmax", "robust", "none"])
def test_a_constant_column_stays_finite(scaling: Scaling) -> None:
    x = np.column_stack([np.full(10, 1e9), np.zeros(10), rng.normal(size=10)])
    scaled = fitted(x, scaling).apply(x)
    assert np.isfinite(scaled).all()
    assert scaling == "none" or (scaled[:, :2] == 0).all()


@pytest.mark.parametrize("scaling", ["standard", "minmax", "robust", "none"])
def test_undo_undoes(scaling: Scaling) -> None:
    x = rng.normal(5, 3, (40, 4))
    scale = fitted(x, scaling)
    np.testing.assert_allclose(scale.undo(scale.apply(x)), x, rtol=1e-13)


@pytest.mark.parametrize("scaling", ["standard", "minmax", "robust"])
def test_val_and_test_rows_leave_the_scaling_untouched(scaling: Scaling) -> None:
    x, y = rng.normal(size=(100, 3)), rng.normal(size=100)
    names = ("a", "b", "c")
    first = data_of(Table(x, y, names), normalize=scaling, normalize_target="standard")
    spoiled_x, spoiled_y = x.copy(), y.copy()
    for rows in split_rows(100, val=0.15, test=0.15)[1:]:
        spoiled_x[rows], spoiled_y[rows] = 1e6, -1e6
    second = data_of(Table(spoiled_x, spoiled_y, names), normalize=scaling, normalize_target="standard")
    before, after = first.prepared, second.prepared
    for one, other in ((before.x_scale, after.x_scale), (before.y_scale, after.y_scale)):
        assert (one.shift == other.shift).all()
        assert (one.scale == other.scale).all()
    assert rows_of(first.train).x.equal(rows_of(second.train).x)


def test_coefficients_map_both_ways_and_predict_the_same() -> None:
    x, y = rng.normal(5, 3, (30, 4)), rng.normal(100, 20, (30, 2))
    weight, bias = rng.normal(size=(2, 4)), rng.normal(size=2)
    x_scale, y_scale = fitted(x, "standard"), fitted(y, "standard")
    scaled = scaled_coefficients(weight, bias, x_scale, y_scale)
    inside = y_scale.undo(x_scale.apply(x) @ scaled[0].T + scaled[1])
    np.testing.assert_allclose(inside, x @ weight.T + bias, rtol=1e-10)
    back = original_coefficients(*scaled, x_scale, y_scale)
    np.testing.assert_allclose(back[0], weight, rtol=1e-10)
    np.testing.assert_allclose(back[1], bias, rtol=1e-10)
