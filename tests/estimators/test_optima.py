"""Fits against scikit-learn's solvers of the same objective."""

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from onelayer.data.table import Array
from onelayer.estimators.classifier import OneLayerClassifier
from onelayer.estimators.regressor import OneLayerRegressor
from onelayer.links import LINKS

# torch's own tolerances leave 1e-9 of the objective
EXACT = {"tolerance_grad": 1e-12, "tolerance_change": 0.0}
L2 = 0.05


def diabetes() -> tuple[Array, Array]:
    x, y = load_diabetes(return_X_y=True, scaled=False)
    return x[:, [0, 2, 3, 7, 8]], y


def tumours() -> tuple[Array, Array]:
    x, y = load_breast_cancer(return_X_y=True)
    return x[:, :6], np.where(y, "benign", "malignant")


def penalised(rows: float) -> LogisticRegression:
    return LogisticRegression(C=1 / (rows * L2), tol=1e-12, max_iter=10_000, solver="newton-cholesky")


def test_least_squares() -> None:
    x, y = diabetes()
    model, wanted = OneLayerRegressor(optim_args=EXACT).fit(x, y), LinearRegression().fit(x, y)
    np.testing.assert_allclose(model.coef_, wanted.coef_, rtol=1e-7)
    assert model.intercept_ == pytest.approx(wanted.intercept_, rel=1e-7)
    np.testing.assert_allclose(model.predict(x), wanted.predict(x), rtol=1e-8)
    assert model.score(x, y) == pytest.approx(wanted.score(x, y), rel=1e-10)
    assert (model.coef_.shape, np.shape(model.intercept_)) == ((5,), ())


def test_the_defaults_end_within_a_millionth_of_the_optimum() -> None:
    for model, (x, y) in ((OneLayerRegressor(), diabetes()), (OneLayerClassifier(), tumours())):
        result = model.fit(x, y).result_
        assert result["status"] == "done"
        assert abs(result["metrics"]["train/rel_gap"]) < 1e-6
        assert model.loss_curve_[-1] == pytest.approx(result["reference"]["objective"], rel=1e-6)
        assert model.n_iter_ == len(model.loss_curve_) == result["epochs"] < 100


@pytest.mark.parametrize(
    ("normalize", "scaler"), [("standard", StandardScaler()), ("minmax", MinMaxScaler()), ("robust", RobustScaler())]
)
def test_a_penalty_on_scaled_weights_is_that_of_a_pipeline(normalize: Any, scaler: Any) -> None:
    x, y = diabetes()
    ridge = make_pipeline(scaler, Ridge(alpha=len(y) * L2 / 2, tol=1e-12)).fit(x, y)
    settings: dict[str, Any] = {"l2": L2, "normalize": normalize, "optim_args": EXACT}
    for target in ("standard", "none"):  # a scaled target scales both terms alike
        model = OneLayerRegressor(**settings, normalize_target=target).fit(x, y)
        np.testing.assert_allclose(model.predict(x), ridge.predict(x), rtol=1e-6)


def test_logistic_regression() -> None:
    x, y = tumours()
    model = OneLayerClassifier(l2=L2, optim_args=EXACT).fit(x, y)
    wanted = make_pipeline(StandardScaler(), penalised(len(y))).fit(x, y)
    assert list(model.classes_) == ["benign", "malignant"]
    assert (model.coef_.shape, model.intercept_.shape) == ((1, 6), (1,))
    np.testing.assert_allclose(model.decision_function(x), wanted.decision_function(x), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.predict_proba(x), wanted.predict_proba(x), rtol=1e-6)
    np.testing.assert_allclose(model.predict_log_proba(x), wanted.predict_log_proba(x), rtol=1e-6)
    assert (model.predict(x) == wanted.predict(x)).all()


def test_softmax_regression() -> None:
    x, y = load_iris(return_X_y=True)
    model = OneLayerClassifier(l2=L2, optim_args=EXACT).fit(x, y)
    wanted = make_pipeline(StandardScaler(), penalised(len(y)).set_params(solver="lbfgs", tol=1e-10)).fit(x, y)
    assert (model.coef_.shape, model.intercept_.shape) == ((3, 4), (3,))
    np.testing.assert_allclose(model.predict_proba(x), wanted.predict_proba(x), atol=1e-7)
    np.testing.assert_allclose(model.decision_function(x), x @ model.coef_.T + model.intercept_)


@pytest.mark.parametrize("link", LINKS)
def test_every_link(link: str) -> None:
    x, y = tumours()
    model = OneLayerClassifier(l2=L2, link=link).fit(x[:100], y[:100])
    logits = x @ model.coef_[0] + model.intercept_[0]
    np.testing.assert_allclose(model.predict_proba(x)[:, 1], LINKS[link].inverse(logits))
    second = model.decision_function(x) > 0
    assert (second == (model.predict_proba(x)[:, 1] > 0.5)).all()
    assert (model.predict(x) == model.classes_[second.astype(int)]).all()
    assert abs(model.result_["metrics"]["train/rel_gap"]) < 1e-6


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_logarithms_of_probabilities_are_finite_however_far_a_row_lies(link: str) -> None:
    x, y = tumours()
    model = OneLayerClassifier(l2=L2, link=link).fit(x, y)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(x)), model.predict_proba(x), rtol=1e-10)
    away = 700.0 if link == "cloglog" else 1e5  # the logarithm of 1 - p of cloglog is -exp(z)
    far = np.stack([sign * away / abs(model.coef_).sum() * np.sign(model.coef_[0]) for sign in (-1, 1)])
    z = model.decision_function(far)
    assert (np.abs(z) > 500).all()
    found = model.predict_log_proba(far)
    assert np.isfinite(found).all()
    if link == "logit":
        np.testing.assert_allclose(found, [[0, z[0]], [-z[1], 0]])


@pytest.mark.parametrize("weights", ["balanced", {"benign": 1, "malignant": 7.5}])
def test_class_weights_go_by_label(weights: Any) -> None:
    x, y = tumours()
    often = np.random.default_rng(0).integers(1, 4, len(y))
    share = {"benign": 1.0, "malignant": 7.5}
    if weights == "balanced":
        share = {label: often.sum() / (2 * often[y == label].sum()) for label in share}
    costs = often * np.where(y == "benign", share["benign"], share["malignant"])
    scaler = StandardScaler().fit(x, sample_weight=often)
    wanted = penalised(costs.sum()).fit(scaler.transform(x), y, sample_weight=costs)
    model = OneLayerClassifier(l2=L2, class_weight=weights, optim_args=EXACT).fit(x, y, sample_weight=often)
    np.testing.assert_allclose(model.predict_proba(x), wanted.predict_proba(scaler.transform(x)), rtol=1e-6)


@pytest.mark.parametrize("normalize", ["standard", "minmax", "robust", "none"])
def test_a_row_of_weight_k_is_k_rows_for_a_penalty_on_scaled_weights_too(normalize: Any) -> None:
    x, y = diabetes()
    x = x / [1, 1, 1, 1, 100]
    often = np.random.default_rng(0).integers(0, 4, len(y))
    settings: dict[str, Any] = {"l2": L2, "normalize": normalize, "optim_args": EXACT}
    weighted = OneLayerRegressor(**settings).fit(x, y, sample_weight=often)
    repeated = OneLayerRegressor(**settings).fit(x.repeat(often, axis=0), y.repeat(often))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6)
    for name in ("loss", "mse", "r2"):
        assert weighted.result_["metrics"][f"train/{name}"] == pytest.approx(
            repeated.result_["metrics"][f"train/{name}"], rel=1e-9
        )


def test_sparse_rows_have_the_optimum_of_dense_ones() -> None:
    """A shift of the columns goes into the intercept, which no penalty touches; so zeros may stay zeros."""
    x, y = tumours()
    x = np.where(x > np.median(x, axis=0), x, 0.0)
    often = np.random.default_rng(0).uniform(0, 2, len(y))
    for weight in (None, often):
        dense, sparse = (
            OneLayerClassifier(l2=L2, optim_args=EXACT).fit(rows, y, sample_weight=weight) for rows in (x, csr_array(x))
        )
        np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=1e-5)
        np.testing.assert_allclose(sparse.predict_proba(csr_array(x)), dense.predict_proba(x), rtol=1e-5)


def test_without_bias_the_intercept_is_zero_in_original_units() -> None:
    x, y = diabetes()
    model = OneLayerRegressor(bias=False, optim_args=EXACT).fit(x, y)
    assert model.intercept_ == 0.0
    np.testing.assert_allclose(model.coef_, LinearRegression(fit_intercept=False).fit(x, y).coef_, rtol=1e-6)


def test_float32_computes_in_float32() -> None:
    x, y = tumours()
    model = OneLayerClassifier(l2=L2, dtype="float32").fit(x, y)
    assert model._going["theta"].dtype == np.float32
    assert 0 <= model.result_["metrics"]["train/rel_gap"] < 1e-4
    assert model.score(x, y) == OneLayerClassifier(l2=L2).fit(x, y).score(x, y)
