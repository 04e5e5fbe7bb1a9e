"""Training that goes on, call by call."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from onelayer.estimators.classifier import OneLayerClassifier
from onelayer.estimators.regressor import OneLayerRegressor

SETTINGS = [
    {"optim": "adam"},
    {"optim": "sgd", "lr": 0.02, "optim_args": {"momentum": 0.9}, "batch_size": 32},
    {"optim": "adamw", "batch_size": 50, "optim_args": {"weight_decay": 0.1}, "dtype": "float32"},
    {"optim": "adafactor"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_calls_on_all_rows_are_the_epochs_of_one_fit(settings: dict[str, Any]) -> None:
    """Weights, optimizer state and the order of batches go on; a pickle in between changes nothing."""
    x, y = load_diabetes(return_X_y=True)
    weight = np.random.default_rng(0).uniform(0, 2, len(y))
    whole = OneLayerRegressor(**settings, l2=0.01, max_epochs=4, random_state=3).fit(x, y, sample_weight=weight)
    model = OneLayerRegressor(**settings, l2=0.01, max_epochs=100, random_state=3)
    for _ in range(4):
        model = pickle.loads(pickle.dumps(model.partial_fit(x, y, sample_weight=weight)))
    assert model.coef_.tobytes() == whole.coef_.tobytes()
    assert model.n_iter_ == 4
    assert model.loss_curve_ == pytest.approx(whole.loss_curve_, rel=1e-12)


def test_it_goes_on_from_a_fit() -> None:
    x, y = load_iris(return_X_y=True)
    settings: dict[str, Any] = {"optim": "nadam", "batch_size": 40, "random_state": 0}
    model = OneLayerClassifier(**settings, max_epochs=2).fit(x, y).partial_fit(x, y)
    assert model.coef_.tobytes() == OneLayerClassifier(**settings, max_epochs=3).fit(x, y).coef_.tobytes()


def test_rows_may_come_in_pieces_that_lack_classes() -> None:
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    order = np.random.default_rng(0).permutation(len(y))
    model = OneLayerClassifier(optim="adam", lr=0.1, random_state=0)
    model.partial_fit(x[order[:50]], names[order[:50]], classes=["virginica", "setosa", "versicolor"])
    shift = model._going["x"][0]
    np.testing.assert_allclose(shift, x[order[:50]].mean(axis=0))
    for _ in range(15):
        for kind in (y == 0, y == 1, y == 2):
            model.partial_fit(x[kind], names[kind])
    np.testing.assert_array_equal(model._going["x"][0], shift)  # the scaling is that of the first rows
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    assert model.score(x, names) > 0.9
    with pytest.raises(ValueError, match="y holds 'rosa', which is none of the classes setosa, versicolor, virginica"):
        model.partial_fit(x[:1], ["rosa"])
    with pytest.raises(ValueError, match="are not those of the first call: setosa"):
        model.partial_fit(x, names, classes=["setosa", "virginica"])


def test_another_optimizer_begins_anew_from_the_present_weights() -> None:
    x, y = load_diabetes(return_X_y=True)
    model = OneLayerRegressor(optim="adam").partial_fit(x, y)
    before = model.coef_
    model.set_params(optim="sgd", lr=1e-12).partial_fit(x, y)
    np.testing.assert_allclose(model.coef_, before, rtol=1e-9)
    with pytest.raises(ValueError, match="bias=False was True in the first call; fit anew"):
        model.set_params(bias=False).partial_fit(x, y)


def test_a_new_fit_forgets() -> None:
    x, y = load_diabetes(return_X_y=True)
    model = OneLayerRegressor(optim="adam", max_epochs=2).partial_fit(x[:50], y[:50]).fit(x, y)
    assert model.coef_.tobytes() == OneLayerRegressor(optim="adam", max_epochs=2).fit(x, y).coef_.tobytes()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"val": 0.2}, "leave val=0 and patience=None"),
        ({"class_weight": "balanced"}, "class_weight=balanced needs all rows at once"),
        ({}, "classes must be given at the first call"),
    ],
    ids=str,
)
def test_what_needs_all_rows_is_refused(settings: dict[str, Any], message: str) -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        OneLayerClassifier(**settings).partial_fit(x, y, classes=None if not settings else [0, 1, 2])
