"""Sources return what they say, and refuse arguments in one sentence."""

from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from onelayer.data.sources import SOURCES
from onelayer.errors import UserError
from tests.conftest import composed, load

MADE: dict[str, Any] = {"n_samples": 5000, "n_features": 4, "n_informative": None, "noise": 0.0, "rho": 0.0, "seed": 0}
SCIKIT = ["breast_cancer", "iris", "wine", "digits"]


def arguments(source: str, **more: float) -> dict[str, Any]:
    return MADE | ({"n_classes": 3} if source == "softmax" else {}) | more


def own_arguments(source: str) -> dict[str, Any]:
    data = composed(f"data={source}")["data"]
    assert data["source"] == source
    # a source with columns has its keys on how these are encoded, which are not for the source itself
    shared = {*composed()["data"], "source", "encode"}
    return {key: value for key, value in data.items() if key not in shared}


@pytest.mark.parametrize("source", [*SCIKIT, "diabetes", "linear", "logistic", "softmax"])
def test_every_set_that_needs_nothing_has_a_configuration_that_loads(source: str) -> None:
    table = load(source, **own_arguments(source))
    assert isinstance(table.features, np.ndarray)
    assert table.features.shape == (len(table.target), len(table.columns))
    assert table.features.dtype == np.float64
    assert (table.classes is None) == (table.task == "regression")


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_has_a_configuration_of_all_its_arguments(source: str) -> None:
    assert own_arguments(source).keys() >= SOURCES[source].__annotations__.keys() - {"return", "by", "task"}


@pytest.mark.parametrize("source", ["libsvm", "mnist", "cifar10", "openml", "embeddings"])
def test_a_configuration_without_a_path_or_name_says_what_is_needed(source: str) -> None:
    with pytest.raises(UserError, match=rf"^data={source} needs data\.(path|name), "):
        load(source, **own_arguments(source))


@pytest.mark.parametrize("source", SCIKIT)
def test_scikit_learn_sets_are_unchanged(source: str) -> None:
    bunch = getattr(datasets, f"load_{source}")()
    table = load(source)
    assert (table.features == bunch.data).all()
    assert (table.target == bunch.target).all()
    assert table.classes == tuple(map(str, bunch.target_names))


def test_linear_without_noise_is_its_weights() -> None:
    table = load("linear", **arguments("linear"))
    assert table.weight is not None
    assert table.bias is not None
    np.testing.assert_allclose(table.features @ table.weight[0] + table.bias, table.target, rtol=1e-12)


@pytest.mark.parametrize("rho", [0.0, 0.5, -0.7])
def test_neighbouring_features_have_the_correlation_asked_for(rho: float) -> None:
    x = load("linear", **arguments("linear", rho=rho, n_samples=100_000)).features
    assert isinstance(x, np.ndarray)
    expected = rho ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    np.testing.assert_allclose(np.cov(x.T), expected, atol=0.02)


@pytest.mark.parametrize("source", ["logistic", "softmax"])
def test_classes_come_with_the_probabilities_of_the_known_weights(source: str) -> None:
    table = load(source, **arguments(source, n_samples=100_000))
    assert table.weight is not None
    assert table.bias is not None
    logits = table.features @ table.weight.T + table.bias
    if source == "logistic":
        expected = (1 / (1 + np.exp(-logits))).mean(0)
        drawn = [table.target.mean()]
    else:
        odds = np.exp(logits)
        expected = (odds / odds.sum(1, keepdims=True)).mean(0)
        drawn = [(table.target == k).mean() for k in range(3)]
    np.testing.assert_allclose(drawn, expected, atol=0.01)


def test_uninformative_features_have_no_weight() -> None:
    table = load("linear", **arguments("linear", n_informative=1))
    assert table.weight is not None
    assert np.count_nonzero(table.weight) == 1


def test_the_seed_decides() -> None:
    one, same, other = (load("linear", **arguments("linear", seed=seed)).target for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


@pytest.mark.parametrize(
    ("source", "args", "said"),
    [
        ("lineer", {}, "data.source=lineer: there is no such source; did you mean 'linear'?"),
        ("linear", arguments("linear", n_samples=0), "data.n_samples=0: must be greater than 0"),
        ("linear", arguments("linear", n_samples=1.5), "data.n_samples=1.5: must be a valid integer"),
        ("linear", arguments("linear", rho=1), "data.rho=1: must be less than 1"),
        ("linear", arguments("linear", n_informative=9), "data.n_informative=9 is more than data.n_features=4"),
        (
            "linear",
            arguments("linear", n_sampels=3),
            "data.n_sampels: data=linear has no such key; did you mean 'n_samples'?",
        ),
        ("iris", {"seed": 0}, "data.seed: data=iris has no such key"),
    ],
)
def test_wrong_arguments_are_one_sentence(source: str, args: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        load(source, **args)
    assert str(error.value) == said
