"""Images, links and optimizers: softmax and binary examples, and the examples that are sweeps."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from onelayer.artefact import Artefact
from onelayer.data.preprocess import Scale, original_coefficients
from tests.conftest import ROOT, Outcome
from tests.data.test_images import write_cifar
from tests.experiments.conftest import Example
from tests.oracles.user_path import prepared
from tests.reference_data import DATA, needs_data

Cli = Callable[..., Outcome]
OPTIMIZERS = ["adagrad", "adam", "adamax", "asgd", "lbfgs", "rmsprop", "rprop", "sgd"]
LINKS = ["logit", "probit", "cauchit", "cloglog", "tanh", "gudermannian", "algebraic", "softsign"]


def sweep(cli: Cli, folder: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """The results of a sweep over one key, by its value; with the folder of each."""
    said = cli("-m", *arguments, f"hydra.sweep.dir={folder}", "logger=none")
    assert said.code == 0, said.err
    found = {}
    for path in folder.rglob("result.json"):
        result = json.loads(path.read_text())
        found[result["overrides"][0].partition("=")[2]] = {**result, "folder": path.parent}
    return found


def test_every_optimizer_on_one_problem(cli: Cli, tmp_path: Path) -> None:
    """Those of the tutorials; the preset takes all there are."""
    assert yaml.safe_load((ROOT / "conf/experiment/optimizers.yaml").read_text())["hydra"]["sweeper"] == {
        "params": {"optim": "glob(*)"}
    }
    results = sweep(cli, tmp_path / "study", "experiment=optimizers", f"optim={','.join(OPTIMIZERS)}")
    assert sorted(results) == OPTIMIZERS
    gaps = {name: result["metrics"]["train/rel_gap"] for name, result in results.items()}
    assert {result["status"] for result in results.values()} == {"done"}
    assert len({result["data_hash"] for result in results.values()}) == 1
    assert all(0 <= gap < 1 for gap in gaps.values()), gaps
    assert max(gaps["lbfgs"], gaps["rprop"], gaps["sgd"]) < 1e-6
    with (tmp_path / "study" / "leaderboard.csv").open(newline="", encoding="utf-8") as file:
        assert sorted(row["optim"] for row in csv.DictReader(file)) == OPTIMIZERS


def test_every_link_arrives_at_its_optimum(cli: Cli, tmp_path: Path) -> None:
    results = sweep(cli, tmp_path / "study", "experiment=links", "trainer.max_epochs=10")
    assert sorted(results) == sorted(LINKS)
    for name, result in results.items():
        assert result["metrics"]["train/gap"] < 1e-12, name
    # tanh is the logistic function of another unit: (1 + tanh z) / 2 = 1 / (1 + exp(-2 z))
    logit, tanh = (Artefact.load(results[name]["folder"] / "model") for name in ("logit", "tanh"))
    np.testing.assert_allclose(logit.weight, 2 * tanh.weight, rtol=1e-5)


@needs_data
def test_links_agree_with_r(cli: Cli, tmp_path: Path) -> None:
    path = DATA / "glm" / "menarche_expanded.csv"
    table = ["data=table", f"data.path={path}", "data.target=y", "model.link=logit,probit,cauchit,cloglog"]
    results = sweep(cli, tmp_path / "study", "experiment=links", "trainer.max_epochs=10", *table)
    answers = json.loads((DATA / "glm" / "menarche.json").read_text())["reference"]
    for answer in [one for one in answers if one["kind"] == "computed"]:
        model = Artefact.load(results[answer["link"]]["folder"] / "model")
        scale = Scale(model.x_shift, model.x_scale), Scale(model.y_shift, model.y_scale)
        slope, constant = original_coefficients(model.weight, model.bias, *scale)
        params = answer["params"]
        wanted = [float(params["(Intercept)"]), float(params["Age"])]
        np.testing.assert_allclose([constant[0], slope[0, 0]], wanted, rtol=1e-6)


def test_digits_are_read_as_scikit_learn_reads_them(example: Example) -> None:
    run = example("digits")
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    scaler = StandardScaler().fit(x)
    other = LogisticRegression(C=1 / (len(x) * 0.001), tol=1e-10, max_iter=10_000).fit(scaler.transform(x), y)
    assert run.metrics["train/gap"] < 1e-6
    assert run.metrics["test/accuracy"] == pytest.approx(other.score(scaler.transform(x_test), y_test), abs=1e-12)
    probability = other.predict_proba(scaler.transform(x_test))
    np.testing.assert_allclose(run.model.predict_proba(x_test), probability, rtol=0, atol=1e-3)


def test_one_against_zero_is_a_binary_task(example: Example) -> None:
    run = example("digits_one_zero")
    assert run.model.classes == ("0", "1")
    assert run.model.artefact.header["task"] == "binary"
    x, y = load_digits(n_class=2, return_X_y=True)
    assert (run.model.predict(x).astype(int) == y).all()
    assert run.metrics["test/accuracy"] == 1.0


@needs_data
def test_one_against_zero_of_mnist_tests_on_the_official_rows() -> None:
    data = prepared("experiment=mnist_one_zero", f"data.path={DATA / 'mnist'}")
    assert (data.task, data.classes) == ("binary", ("0", "1"))
    assert [len(part) for part in (data.train, data.val, data.test)] == [11665, 1000, 2115]
    assert data.notes == ("given with the data: 2115 test rows",)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(("name", "least", "most"), [("mnist", 0.915, 0.93), ("mnist_one_zero", 0.998, 1.0)])
def test_mnist_is_read_as_well_as_a_line_can(example: Example, name: str, least: float, most: float) -> None:
    assert least <= example(name, path=str(DATA / "mnist")).metrics["test/accuracy"] <= most


def test_cifar10_in_small(example: Example, tmp_path: Path) -> None:
    run = example("cifar10", 2, path=str(write_cifar(tmp_path, str.encode)), split={"val": 2})
    assert run.result["rows"] == {"train": 13, "val": 2, "test": 3}
    assert run.model.artefact.header["objective"] == "softmax"
    assert run.model.classes == ("airplane", "bird", "cat")
