"""`onelayer.sweep`: the numbers of runs trained one by one, as estimators and by Hydra, in one table."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold

from onelayer.data.table import Array
from onelayer.errors import UserError
from onelayer.estimators.board import Sweep
from onelayer.estimators.classifier import OneLayerClassifier
from onelayer.estimators.regressor import OneLayerRegressor
from onelayer.estimators.sweep import sweep
from tests.conftest import Outcome

# no machine has both
ABSENT = "mps" if torch.cuda.is_available() else "cuda"
FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)


def tumours() -> tuple[Array, Array]:
    x, y = load_breast_cancer(return_X_y=True)
    return x, y


def searched(found: Sweep, search: GridSearchCV, metric: str, sign: float = 1.0) -> None:
    """Hold the rows of a sweep to scikit-learn's search over estimators, which trains run by run."""
    means = dict(zip(map(repr, search.cv_results_["params"]), search.cv_results_["mean_test_score"], strict=True))
    spreads = dict(zip(map(repr, search.cv_results_["params"]), search.cv_results_["std_test_score"], strict=True))
    names = sorted(search.cv_results_["params"][0])
    assert len(found.leaderboard) == len(means)
    folds = len(found.runs) / len(means)
    for row in found.leaderboard:
        params = repr({name: row[name] for name in names})
        assert row[metric] == pytest.approx(sign * means[params], rel=1e-8)
        # scikit-learn divides by n, a sample's spread by n - 1
        spread = spreads[params] * (folds / (folds - 1)) ** 0.5
        assert row[f"{metric}_std"] == pytest.approx(spread, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("shared", "grid"),
    [
        ({"optim": "momentum", "max_epochs": 5}, {"l2": [0.0, 0.1], "lr": [0.01, 0.1]}),
        ({"l2": 0.1}, {"normalize": ["standard", "minmax"], "bias": [True, False]}),
        (
            {"optim": "sgd", "batch_size": 100, "max_epochs": 8, "val": 0.2, "patience": 2, "random_state": 4},
            {"lr": [3.0, 0.1], "class_weight": [None, "balanced"]},
        ),
    ],
    ids=["optimizers share stacks", "what makes the rows differ", "early stopping on rows of its own"],
)
def test_every_row_is_that_of_estimators_fitted_alone(shared: dict[str, Any], grid: dict[str, list[Any]]) -> None:
    x, y = tumours()
    found = sweep(x, y, grid=grid, folds=3, monitor="val/log_loss", **shared)
    search = GridSearchCV(OneLayerClassifier(reference=False, **shared), grid, cv=FOLDS, scoring="neg_log_loss")
    searched(found, search.fit(x, y), "val/log_loss", -1.0)
    assert isinstance(found.best_model, OneLayerClassifier)
    best = search.best_estimator_
    assert found.best_params == search.best_params_
    np.testing.assert_allclose(found.best_model.predict_proba(x), best.predict_proba(x), rtol=1e-9)


def test_a_regression() -> None:
    x, y = load_diabetes(return_X_y=True, scaled=False)
    # (not adam: it makes something of the rounding of a gradient that is zero, as that of the intercept)
    grid: dict[str, list[Any]] = {"l2": [0.0, 0.3], "optim": ["momentum", "lbfgs"]}
    found = sweep(x, y, grid=grid, folds=3, monitor="val/r2", max_epochs=4)
    cv = KFold(3, shuffle=True, random_state=0)
    searched(found, GridSearchCV(OneLayerRegressor(max_epochs=4, reference=False), grid, cv=cv).fit(x, y), "val/r2")
    assert [row["rank"] for row in found.leaderboard] == [1, 2, 3, 4]
    assert found.leaderboard.columns["val/r2"] == sorted(found.leaderboard.columns["val/r2"], reverse=True)


def leaderboard(folder: Path) -> list[dict[str, str]]:
    with (folder / "leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


HYDRA = ("-m", "data=breast_cancer", "data.split.test=0", "data.split.stratify=true", "data.dtype=float64")


def test_folds_have_the_numbers_of_a_hydra_sweep(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    said = cli(
        *(*HYDRA, "data.folds=5", "data.fold=range(0,5)", "data.batch_size=full", "optim=sgd,momentum"),
        *("model.l2=0.01,1", "trainer.max_epochs=6", "monitor=train/objective", "logger=none"),
        f"hydra.sweep.dir={tmp_path / 'study'}",
    )
    assert said.code == 0, said.err
    grid: dict[str, list[Any]] = {"optim": ["sgd", "momentum"], "l2": [0.01, 1]}
    found = sweep(*tumours(), grid=grid, max_epochs=6, reference=True)
    ours = {(row["optim"], float(row["l2"])): row for row in found.leaderboard}
    for row in leaderboard(tmp_path / "study"):
        mine = ours[row["optim"], float(row["model.l2"])]
        for name in ("val/loss", "val/accuracy", "val/auroc", "train/loss", "train/gap"):
            assert mine[name] == pytest.approx(float(row[name]), rel=1e-9)
            assert mine[f"{name}_std"] == pytest.approx(float(row[f"{name}_std"]), rel=1e-6)


def test_a_validation_part_has_the_numbers_of_a_hydra_sweep(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    """Batches, order, best epoch and early end too; then the best model is the run itself."""
    said = cli(
        *(*HYDRA, "data.split.val=0.2", "data.batch_size=64", "optim=adam", "optim.lr=0.3,0.01", "seed=3"),
        *("patience=3", "trainer.max_epochs=15", "logger=none", f"hydra.sweep.dir={tmp_path / 'study'}"),
    )
    assert said.code == 0, said.err
    x, y = tumours()
    shared: dict[str, Any] = {"val": 0.2, "batch_size": 64, "optim": "adam", "patience": 3, "max_epochs": 15}
    found = sweep(x, y, grid={"lr": [0.3, 0.01]}, random_state=3, **shared)
    ours = {row["lr"]: row for row in found.leaderboard}
    for row in leaderboard(tmp_path / "study"):
        mine = ours[float(row["optim.lr"])]
        assert (mine["status"], mine["epochs"]) == (row["status"], int(float(row["epochs"])))
        for name in ("val/loss", "val/f1", "train/loss"):
            assert mine[name] == pytest.approx(float(row[name]), rel=1e-9)
    assert found.best_model.result_["metrics"]["val/loss"] == pytest.approx(found.leaderboard[0]["val/loss"])


def test_softmax_on_sparse_rows_with_weights() -> None:
    x, y = load_iris(return_X_y=True)
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    found = sweep(csr_array(x), y, model="softmax", grid={"l2": [0.1, 1.0]}, folds=3, sample_weight=weight)
    counts = weight > 0
    x, y, weight = x[counts], y[counts], weight[counts]
    losses = []
    for train, judged in StratifiedKFold(3, shuffle=True, random_state=0).split(x, y):
        model = OneLayerClassifier(l2=0.1, reference=False).fit(
            csr_array(x[train]), y[train], sample_weight=weight[train]
        )
        own = model.predict_log_proba(x[judged])[np.arange(len(judged)), y[judged]]
        losses.append(-np.average(own, weights=weight[judged]))
    row = next(row for row in found.leaderboard if row["l2"] == 0.1)
    assert row["val/loss"] == pytest.approx(np.mean(losses), rel=1e-9)


def test_runs_that_diverge_are_seen_and_never_best() -> None:
    x, y = tumours()
    found = sweep(x, y, grid={"lr": [1e12, 0.1]}, optim="sgd", max_epochs=3)
    assert [(row["rank"], row["status"]) for row in found.leaderboard] == [(1, "done"), (None, "diverged")]
    assert found.best_params == {"lr": 0.1}
    assert found.failed == []
    nothing = sweep(x, y, grid={"lr": [1e12]}, optim="sgd", max_epochs=3)
    assert "best: none" in repr(nothing)
    with pytest.raises(UserError, match="no combination has a rank by val/loss: all diverged or failed"):
        _ = nothing.best_model


def test_a_grid_of_grids_gives_each_optimizer_its_own() -> None:
    x, y = tumours()
    found = sweep(
        x,
        y,
        grid=[{"optim": ["lbfgs"], "l2": [0.1]}, {"optim": ["sgd"], "lr": ["auto", 0.1], "batch_size": [200, "full"]}],
        folds=3,
        max_epochs=3,
    )
    assert len(found.leaderboard) == 5
    assert len(found.runs) == 15
    assert found.leaderboard[0]["optim"] == "lbfgs"
    assert found.leaderboard[0]["batch_size"] is None
    assert {run["fold"] for run in found.runs} == {0, 1, 2}


def test_the_table_is_text_html_and_columns() -> None:
    x, y = load_diabetes(return_X_y=True)
    found = sweep(x, y, grid={"l2": [10.0**-power for power in range(25)]}, folds=2, reference=True, max_epochs=2)
    lines = repr(found).splitlines()
    assert lines[0].startswith("25 combinations, 50 runs, by val/loss; best: l2=")
    assert lines[1].split() == ["rank", "status", "l2", "val/loss", "val/r2", "train/gap", "epochs", "seconds"]
    assert len(lines) == 2 + 20 + 1
    assert lines[-1] == "and 5 more rows"
    html = found._repr_html_()
    assert html.count("<tr>") == 21
    assert "<th>train/gap</th>" in html
    frame = pd.DataFrame(found.leaderboard.columns)
    assert len(frame) == 25
    assert frame["val/loss"].is_monotonic_increasing
    assert len(found.leaderboard[:3]) == 3
    units = sweep(x, y, grid={"normalize_target": ["none", "standard"]}, folds=2)
    assert "val/loss is in other units where normalize_target differs" in repr(units)


def test_it_says_what_it_trains_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    sweep(*tumours(), grid={"l2": [0.1, 1.0]}, folds=2, optim="sgd", max_epochs=1, verbose=True)
    assert capsys.readouterr().out == "fold 0: 2 runs trained\nfold 1: 2 runs trained\n"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"grid": {"l": [1]}}, "grid: OneLayerClassifier has no 'l'; did you mean 'lr'?"),
        ({"grid": {"l2": 0.1}}, "grid: l2=0.1 is no list of values; give \\[0.1\\]"),
        ({"grid": []}, "grid is empty"),
        ({"l2": 1.0}, "l2 stands in the grid and beside it"),
        ({"max_epoch": 3}, "max_epoch: OneLayerClassifier has no such parameter; did you mean 'max_epochs'?"),
        ({"monitor": "val/los"}, "did you mean 'val/loss'?"),
        ({"monitor": "train/loss"}, "monitor='train/loss': runs are judged on rows that did not train"),
        ({"model": "softmax"}, "y has 2 classes; use model='logistic'"),
        ({"model": "ridge"}, "expected auto, linear, logistic or softmax"),
        ({"folds": 1}, "folds=1: there must be at least 2 folds"),
        ({"folds": 213}, "folds=213 needs as many rows of each class, but one has 212"),
        (
            {"grid": {"val": [0, 0.2]}},
            "val differs between combinations, which would be judged by other rows; give folds",
        ),
        ({"patience": 2}, "patience=2 watches val/loss, .*first in {'l2': 0.1}"),
        ({"grid": {"l2": [0.1, -1, -2]}}, "l2=-1: .*first in {'l2': -1}.*\n.*l2=-2"),
        ({"accelerator": ABSENT}, f"accelerator={ABSENT}: torch finds no such device"),
        ({"batch_size": 10}, "goes astray on minibatches"),
    ],
    ids=str,
)
def test_what_cannot_be_swept_is_said_before_anything_is_trained(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sweep(*tumours(), **{"grid": {"l2": [0.1]}, **asked})


def test_what_cannot_judge_the_rows_that_are_left_out_is_said_before_anything_is_trained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    x, y = np.arange(12.0)[:, None], np.repeat([1.5, 2.5], 6)
    shared: dict[str, Any] = {"grid": {"l2": [0.1]}, "model": "linear", "monitor": "val/r2", "verbose": True}
    with pytest.raises(ValueError, match=r"monitor=val/r2 has no value: there is one left-out row; change folds"):
        sweep(x, y, **shared, folds=12)
    with pytest.raises(ValueError, match=r"the target is the same in all \d left-out rows.*judge by 'val/mse'"):
        sweep(x, np.where(np.arange(12) == 0, 9.5, 1.5), **shared, folds=3)
    assert capsys.readouterr().out == ""
    assert sweep(x, y, **{**shared, "monitor": "val/mse"}, folds=12).best_params == {"l2": 0.1}


def test_whole_numbers_may_be_classes_or_a_quantity() -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="y holds 3 different whole numbers"):
        sweep(x, y, grid={"l2": [0.1]})
    found = sweep(x, y, grid={"l2": [0.1]}, model="linear", folds=2)
    assert isinstance(found.best_model, OneLayerRegressor)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    assert isinstance(sweep(x, names, grid={"l2": [0.1]}, folds=2).best_model, OneLayerClassifier)
