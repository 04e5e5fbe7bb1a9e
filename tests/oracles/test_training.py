"""Real training runs end at the known optima, and gradient descent passes where it is known to pass."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onelayer.artefact import Artefact
from onelayer.data.preprocess import Scale, original_coefficients
from tests.conftest import Outcome, only_run, result_of
from tests.oracles.user_path import ALL_ROWS, EXACT, Array
from tests.reference_data import DATA, needs_data

pytestmark = needs_data
Cli = Callable[..., Outcome]


def answer_of(file: str, **wanted: Any) -> dict[str, Any]:
    """The one answer of a JSON about all features that has these entries."""
    answers = json.loads((DATA / f"{file}.json").read_text())["reference"]
    (found,) = (
        one
        for one in answers
        if "all features" in one.get("design", "") and all(one.get(key) == value for key, value in wanted.items())
    )
    return dict(found)


def delivered(folder: Path) -> Array:
    """Constant and weights, in the units of the table, of the model that a run left behind."""
    model = Artefact.load(only_run(folder) / "model")
    x, y = Scale(model.x_shift, model.x_scale), Scale(model.y_shift, model.y_scale)
    weight, constant = original_coefficients(model.weight, model.bias, x, y)
    return np.concatenate([constant, weight[0]])


def test_a_regression_run_reaches_least_squares(cli: Cli, tmp_path: Path) -> None:
    answer = answer_of("tabular/california_housing", model="OLS with intercept")
    said = cli(
        *("data=table", f"data.path={DATA}/tabular/california_housing.csv", "data.target=median_house_value"),
        *("data.encode.impute=median", "data.encode.drop_first=true", "trainer.max_epochs=10", *ALL_ROWS, *EXACT),
    )
    assert said.code == 0, said.err
    np.testing.assert_allclose(delivered(tmp_path), [*answer["params"].values()], rtol=1e-6)
    metrics = result_of(tmp_path)["metrics"]
    assert metrics["train/mse"] == pytest.approx(answer["mse"], rel=1e-10)
    assert metrics["train/r2"] == pytest.approx(answer["r_squared"], rel=1e-10)
    assert metrics["train/rel_gap"] < 1e-10


def test_a_binary_run_reaches_the_penalised_likelihood(cli: Cli, tmp_path: Path) -> None:
    answer = answer_of("tabular/titanic_train", lam=0.01)
    said = cli(
        *("data=table", f"data.path={DATA}/tabular/titanic_train.csv", "data.target=Survived"),
        *("data.drop=[Name,Ticket,Cabin,PassengerId]", f"model.l2={answer['lam']}", "trainer.max_epochs=5"),
        *("data.encode.impute=median", "data.encode.drop_first=true", *ALL_ROWS, *EXACT),
    )
    assert said.code == 0, said.err
    model = Artefact.load(only_run(tmp_path) / "model")
    # the answer is in standardised units, as the model keeps it
    np.testing.assert_allclose([*model.bias, *model.weight[0]], [*answer["params"].values()], atol=1e-6)
    metrics = result_of(tmp_path)["metrics"]
    assert metrics["train/objective"] == pytest.approx(answer["objective_value"], rel=1e-11)
    assert metrics["train/accuracy"] == pytest.approx(answer["accuracy"], rel=1e-12)
    assert metrics["train/auroc"] == pytest.approx(answer["auc"], rel=1e-12)
    assert metrics["train/loss"] == pytest.approx(answer["logloss"], rel=1e-6)


def test_a_run_over_several_classes_reaches_the_optimum(cli: Cli, tmp_path: Path) -> None:
    """Judged by the reference of the run, which test_tables.py compares with scikit-learn's."""
    said = cli(
        *("data=table", f"data.path={DATA}/tabular/penguins.csv", "data.target=species", "model.l2=0.01"),
        *("trainer.max_epochs=10", *ALL_ROWS, *EXACT),
    )
    assert said.code == 0, said.err
    result = result_of(tmp_path)
    assert result["metrics"]["train/objective"] == pytest.approx(result["reference"]["objective"], rel=1e-9)
    assert Artefact.load(only_run(tmp_path) / "model").header["classes"] == ["Adelie", "Chinstrap", "Gentoo"]


@pytest.mark.parametrize("epochs", [1, 10, 100, 300])
def test_gradient_descent_on_boston_passes_where_it_is_known_to_pass(cli: Cli, tmp_path: Path, epochs: int) -> None:
    """The first 430 rows, standardised on themselves, from zero, in steps of 0.01 down the gradient of the mean."""
    answers = json.loads((DATA / "tabular" / "boston.json").read_text())["reference"]
    (answer,) = (
        one
        for one in answers
        if one.get("gradient") == "of the mean squared error" and "of the first 430 rows" in one["design"]
    )
    said = cli(
        *("data=table", f"data.path={DATA}/tabular/boston.csv", "data.target=MEDV", "data.normalize_target=none"),
        *("data.split.shuffle=false", "data.split.val=0", "data.split.test=76", "data.batch_size=full"),
        *("optim=sgd", "optim.lr=0.01", "data.dtype=float64", f"trainer.max_epochs={epochs}", "logger=none"),
        *("monitor=train/objective",),
    )
    assert said.code == 0, said.err
    result = result_of(tmp_path)
    assert result["metrics"]["train/mse"] == pytest.approx(answer["train_mse_after_epochs"][str(epochs)], rel=1e-10)
    assert result["reference"]["objective"] == pytest.approx(answer["ols_train_mse"], rel=1e-12)
