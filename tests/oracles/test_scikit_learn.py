"""Weights, folds and a scaled target from the command line, against scikit-learn's pipelines on the same file."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from onelayer.artefact import Artefact
from tests.conftest import Outcome, only_run, result_of
from tests.oracles.user_path import ALL_ROWS, EXACT, Array

Cli = Callable[..., Outcome]
L2 = 0.02
ROWS = 200


def numbers() -> Array:
    """Columns of quite different sizes, (ROWS, 4), the same each time."""
    return np.random.default_rng(0).normal([0, 5, -300, 2e5], [1, 1e-3, 40, 3e4], (ROWS, 4))


def price(x: Array) -> Array:
    """A target in tens of thousands."""
    noise = np.random.default_rng(1).normal(0, 5e3, len(x))
    return np.asarray(2e4 * x[:, 0] + 1e6 * (x[:, 1] - 5) + 30 * x[:, 2] + 0.1 * x[:, 3] + noise)


def rare(x: Array) -> Array:
    """A class that about one row of eight has."""
    noise = np.random.default_rng(2).normal(0, 0.8, len(x))
    return np.where(x[:, 0] + (x[:, 2] + 300) / 80 + noise > 1.6, "yes", "no")


def written(path: Path, target: Array, **more: Array) -> Path:
    x = numbers()
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["a", "b", "c", "d", *more, "target"])
        for row in range(len(x)):
            rows.writerow([*map(repr, x[row].tolist()), *(str(one[row]) for one in more.values()), str(target[row])])
    return path


def logistic(l2: float, weight: float, **more: str) -> LogisticRegression:
    """The same objective in scikit-learn's terms: its sum of losses is `weight` times our mean."""
    return LogisticRegression(C=1 / (weight * l2), tol=1e-10, max_iter=10_000, solver="newton-cholesky", **more)


def parameters(folder: Path) -> Array:
    model = Artefact.load(only_run(folder) / "model")
    return np.concatenate([model.weight[0], model.bias])


def test_balanced_classes(cli: Cli, tmp_path: Path) -> None:
    x = numbers()
    y = rare(x)
    file = written(tmp_path / "rare.csv", y)
    said = cli(
        *("data=table", f"data.path={file}", "data.target=target", "data.class_weight=balanced", f"model.l2={L2}"),
        *("trainer.max_epochs=5", *ALL_ROWS, *EXACT),
    )
    assert said.code == 0, said.err
    z = StandardScaler().fit_transform(x)
    model = logistic(L2, ROWS, class_weight="balanced").fit(z, y)
    np.testing.assert_allclose(parameters(tmp_path), [*model.coef_[0], *model.intercept_], rtol=0, atol=1e-6)
    metrics = result_of(tmp_path)["metrics"]
    # a class weight is what an error costs: it counts in the loss alone
    share = ROWS / (2 * np.unique(y, return_counts=True)[1])
    costs = np.where(y == "yes", share[1], share[0])
    assert metrics["train/loss"] == pytest.approx(log_loss(y, model.predict_proba(z), sample_weight=costs), rel=1e-7)
    assert metrics["train/log_loss"] == pytest.approx(log_loss(y, model.predict_proba(z)), rel=1e-6)
    assert metrics["train/accuracy"] == accuracy_score(y, model.predict(z))


def test_weighted_rows_of_classes(cli: Cli, tmp_path: Path) -> None:
    x, weight = numbers(), np.random.default_rng(3).integers(0, 5, ROWS)
    y = rare(x)
    file = written(tmp_path / "weighted.csv", y, often=weight)
    said = cli(
        *("data=table", f"data.path={file}", "data.target=target", "data.sample_weight=often", f"model.l2={L2}"),
        *("trainer.max_epochs=5", *ALL_ROWS, *EXACT),
    )
    assert said.code == 0, said.err
    z = StandardScaler().fit(x, sample_weight=weight).transform(x)
    model = logistic(L2, weight.sum()).fit(z, y, sample_weight=weight)
    np.testing.assert_allclose(parameters(tmp_path), [*model.coef_[0], *model.intercept_], rtol=0, atol=1e-6)
    metrics = result_of(tmp_path)["metrics"]
    proba = model.predict_proba(z)
    assert metrics["train/loss"] == pytest.approx(log_loss(y, proba, sample_weight=weight), rel=1e-6)
    assert metrics["train/accuracy"] == pytest.approx(accuracy_score(y, model.predict(z), sample_weight=weight))


def test_a_weighted_regression_with_a_scaled_target_is_measured_in_its_own_units(cli: Cli, tmp_path: Path) -> None:
    """Ridge on the rows of scikit-learn's own split; the target is scaled for training only."""
    x, weight = numbers(), np.random.default_rng(3).uniform(0, 2, ROWS)
    y = price(x)
    file = written(tmp_path / "prices.csv", y, often=weight)
    said = cli(
        *("data=table", f"data.path={file}", "data.target=target", "data.sample_weight=often", f"model.l2={L2}"),
        *("data.split.val=0", "data.split.test=0.25", "trainer.max_epochs=5", *EXACT),
    )
    assert said.code == 0, said.err
    rows, held_out = train_test_split(np.arange(ROWS), test_size=0.25, random_state=0)
    scaler = StandardScaler().fit(x[rows], sample_weight=weight[rows])
    ridge = Ridge(alpha=weight[rows].sum() * L2 / 2, solver="cholesky", tol=1e-12)
    ridge.fit(scaler.transform(x[rows]), y[rows], sample_weight=weight[rows])
    metrics = result_of(tmp_path)["metrics"]
    for stage, some in (("train", rows), ("test", held_out)):
        truth, guess, count = y[some], ridge.predict(scaler.transform(x[some])), weight[some]
        mse = mean_squared_error(truth, guess, sample_weight=count)
        assert metrics[f"{stage}/mse"] == pytest.approx(mse, rel=1e-6)
        assert metrics[f"{stage}/mae"] == pytest.approx(mean_absolute_error(truth, guess, sample_weight=count), 1e-6)
        assert metrics[f"{stage}/r2"] == pytest.approx(r2_score(truth, guess, sample_weight=count), rel=1e-6)
        # the loss is that of the scaled target
        variance = float(StandardScaler().fit(y[rows, None], sample_weight=weight[rows]).var_[0])
        assert metrics[f"{stage}/loss"] == pytest.approx(mse / variance, rel=1e-6)


def leaderboard(folder: Path) -> list[dict[str, str]]:
    with (folder / "leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("stratify", [False, True])
def test_folds_in_the_leaderboard_are_a_cross_validation(cli: Cli, tmp_path: Path, stratify: bool) -> None:
    """Scaling is fitted in each fold, as in a pipeline; penalties are swept beside the folds."""
    x = numbers()
    y = rare(x)
    file = written(tmp_path / "rare.csv", y)
    said = cli(
        *("-m", "data=table", f"data.path={file}", "data.target=target", "data.folds=5", "data.fold=range(0,5)"),
        *("data.split.test=0", f"data.split.stratify={stratify}", "model.l2=0.02,0.5", "trainer.max_epochs=4"),
        *(*EXACT, f"hydra.sweep.dir={tmp_path / 'study'}"),
    )
    assert said.code == 0, said.err
    rows = leaderboard(tmp_path / "study")
    assert len(rows) == 2
    splitter = (StratifiedKFold if stratify else KFold)(5, shuffle=True, random_state=0)
    for row in rows:
        l2 = float(row["model.l2"])
        found = []
        for train, held_out in splitter.split(x, y):
            pipeline = make_pipeline(StandardScaler(), logistic(l2, len(train))).fit(x[train], y[train])
            found.append(log_loss(y[held_out], pipeline.predict_proba(x[held_out])))
        assert float(row["val/loss"]) == pytest.approx(np.mean(found), rel=1e-5)
        assert float(row["val/loss_std"]) == pytest.approx(np.std(found, ddof=1), rel=1e-4)
        pipeline = make_pipeline(StandardScaler(), logistic(l2, 0.8 * ROWS))
        accuracies = cross_val_score(pipeline, x, y, cv=splitter)
        assert float(row["val/accuracy"]) == pytest.approx(accuracies.mean(), rel=1e-4)
        assert float(row["val/accuracy_std"]) == pytest.approx(accuracies.std(ddof=1), rel=1e-3)
