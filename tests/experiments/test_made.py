"""Made data and tables: scikit-learn's generator, known weights, and tables of the tutorials."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_regression
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from onelayer.config import RunSpec
from onelayer.errors import UserError
from tests.conftest import Outcome, composed, data_by, table_by
from tests.experiments.conftest import Example
from tests.oracles.user_path import design, prepared
from tests.reference_data import DATA, needs_data


def test_make_regression_is_solved_to_the_last_digits(example: Example) -> None:
    assert example("make_regression_exact", 0).metrics["train/loss"] == pytest.approx(37732.0291721, rel=1e-11)
    middle = example("make_regression_exact", 1000)
    assert middle.metrics["train/loss"] == pytest.approx(3.02e-12, rel=2e-3)
    end = example("make_regression_exact", 2000, resume=middle)
    assert end.metrics["train/loss"] < 1e-24
    x, y = make_regression(2000, 13, random_state=0)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.15, random_state=1)
    scaler = StandardScaler().fit(x)
    solved = LinearRegression().fit(scaler.transform(x), y)
    np.testing.assert_allclose(end.weights, [*solved.coef_, solved.intercept_], rtol=0, atol=1e-9)
    np.testing.assert_allclose(end.model.predict(x_test), solved.predict(scaler.transform(x_test)), rtol=0, atol=1e-9)
    np.testing.assert_allclose(end.model.predict(x_test), y_test, rtol=0, atol=1e-9)


def test_adam_in_batches(example: Example) -> None:
    data = data_by(RunSpec.from_config(composed("experiment=make_regression_adam")))
    x, y, _ = next(iter(next(iter(data.train_dataloader())).batches()))
    assert (x.shape, y.shape) == ((128, 100), (128, 1))
    assert example("make_regression_adam").metrics["test/r2"] > 0.999999


def test_known_weights_are_found_again(example: Example) -> None:
    run = example("known_truth")
    away = np.linalg.norm(np.subtract(run.weights, [2, -3.4, 4.2])) / np.linalg.norm([2, -3.4, 4.2])
    # the run measures in the precision of its weights
    assert run.metrics["train/weight_error"] == pytest.approx(away, rel=1e-3)
    assert run.metrics["train/weight_error"] < 0.001
    assert run.result["steps"] == 3 * 100


@needs_data
def test_boston(example: Example) -> None:
    path = DATA / "tabular" / "boston.csv"
    known = json.loads(path.with_suffix(".json").read_text())["reference"]
    (answers,) = [
        one["train_mse_after_epochs"]
        for one in known
        if one.get("gradient") == "of the mean squared error" and "sd (ddof=0) of the first 430" in one["design"]
    ]
    run = example("boston", path=str(path))
    assert run.metrics["train/loss"] == pytest.approx(24.3963, abs=5e-5)
    assert run.metrics["train/loss"] == pytest.approx(answers["300"], rel=1e-10)
    assert run.result["rows"] == {"train": 430, "val": 0, "test": 76}


@needs_data
@pytest.mark.parametrize(
    ("file", "text", "matrix"),
    [
        ("house_tiny_alley.csv", "Alley", [[3, 1, 0], [2, 0, 1], [4, 0, 1], [3, 0, 1]]),
        ("house_tiny.csv", "RoofType", [[3, 0, 1], [2, 0, 1], [4, 1, 0], [3, 0, 1]]),
    ],
)
def test_houses_with_holes(example: Example, file: str, text: str, matrix: list[list[float]]) -> None:
    path = DATA / "d2l" / file
    run = example("house_tiny", path=str(path), category=[text])
    data = prepared("experiment=house_tiny", f"data.path={path}", f"data.category=[{text}]")
    assert design(data) == pytest.approx(np.array(matrix), abs=1e-15)
    known = json.loads((DATA / "d2l" / "house_tiny.json").read_text())["expected"]
    fitted = known["inputs_alley" if text == "Alley" else "inputs_en"]["ols"]["fitted"]
    levels = [None, None, "Slate", None] if text == "RoofType" else ["Pave", None, None, None]
    found = run.model.predict({"NumRooms": [None, 2, 4, None], text: levels})
    np.testing.assert_allclose(found, fitted, rtol=1e-6)


@pytest.mark.parametrize("name", ["boston", "house_tiny", "mnist", "mnist_one_zero", "cifar10"])
def test_an_example_without_its_files_is_one_sentence(name: str) -> None:
    with pytest.raises(UserError, match=r"data=\w+ (needs|reads either) data\.path, ") as refused:
        table_by(RunSpec.from_config(composed(f"experiment={name}")))
    assert "\n" not in str(refused.value)


def test_so_it_leaves_nothing(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    said = cli("experiment=boston")
    assert (said.code, said.err.count("\n"), list(tmp_path.iterdir())) == (1, 1, [])
