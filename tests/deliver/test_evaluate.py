"""Metrics and their intervals: those of scikit-learn on the same rows, and on the same resamples."""

import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics

from onelayer.deliver import evaluation
from onelayer.deliver.evaluation import Interval, of_classes, of_numbers
from tests.conftest import Outcome, result_of
from tests.data.streaming.tables import invented, saved

ROWS, RESAMPLES = 150, 60
Cli = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "RESAMPLES", RESAMPLES)
    monkeypatch.setattr(evaluation, "LEAST", RESAMPLES)


Weights = np.ndarray[Any, Any]


@pytest.fixture(params=["rows", "weighted"])
def weight(request: pytest.FixtureRequest) -> Weights:
    return np.ones(ROWS) if request.param == "rows" else np.random.default_rng(3).integers(0, 4, ROWS).astype(float)


def held(found: dict[str, Interval], weight: Weights, wanted: Callable[[Weights], dict[str, float]]) -> None:
    """Hold metrics against others on all rows, and their intervals against others on the same resamples."""
    rng = np.random.default_rng(0)
    if (weight == 1).all():
        drawn = [np.bincount(rng.integers(ROWS, size=ROWS), minlength=ROWS) for _ in range(RESAMPLES)]
    else:  # k rows each, none of weight 0
        drawn = [np.zeros(ROWS, np.int64) for _ in range(RESAMPLES)]
        for counts in drawn:
            counts[weight > 0] = rng.multinomial(int(weight.sum()), weight[weight > 0] / weight.sum())
    resampled = [wanted(counts) for counts in drawn]
    for name, value in wanted(weight).items():
        assert found[name].value == pytest.approx(value, rel=1e-10)
        edges = np.quantile([one[name] for one in resampled], [0.025, 0.975])
        assert found[name][1:] == pytest.approx(edges, rel=1e-9)


def test_metrics_of_numbers(weight: Weights) -> None:
    rng = np.random.default_rng(1)
    truth = 1e4 + rng.normal(size=ROWS)
    said = truth + 0.3 * rng.normal(size=ROWS)

    def wanted(counts: Weights) -> dict[str, float]:
        return {
            "mse": sklearn_metrics.mean_squared_error(truth, said, sample_weight=counts),
            "mae": sklearn_metrics.mean_absolute_error(truth, said, sample_weight=counts),
            "r2": sklearn_metrics.r2_score(truth, said, sample_weight=counts),
        }

    held(of_numbers(said, truth, 0, weight), weight, wanted)


def test_rows_of_weight_zero_change_no_interval() -> None:
    rng = np.random.default_rng(1)
    truth, weight = rng.normal(size=ROWS), rng.integers(0, 4, ROWS).astype(float)
    said, there = truth + rng.normal(size=ROWS), weight > 0
    for scale in (1.0, 0.3):
        found = of_numbers(said, truth, 0, scale * weight)
        without = of_numbers(said[there], truth[there], 0, scale * weight[there])
        for name, interval in without.items():
            assert found[name] == pytest.approx(interval, rel=1e-9)


def test_resamples_of_one_value_have_no_r2_and_widen_no_interval() -> None:
    """Of three rows some resamples are one row three times; rounding leaves a spread of some 1e-17 there."""
    truth = np.array([0.1, 0.3, 0.7])
    found = of_numbers(np.array([0.2, 0.3, 0.6]), truth, seed=0, weight=np.ones(3))["r2"]
    assert found.value == pytest.approx(sklearn_metrics.r2_score(truth, [0.2, 0.3, 0.6]))
    assert -10 < found.low <= found.value <= found.high <= 1
    alike = of_numbers(np.array([0.2, 0.3]), np.array([0.7, 0.7]), seed=0, weight=np.ones(2))["r2"]
    assert np.isnan([alike.value, alike.low, alike.high]).all()


def test_an_interval_of_weighted_rows_is_as_wide_as_that_of_repeated_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "LEAST", 1000)
    monkeypatch.setattr(evaluation, "RESAMPLES", 1000)
    rng = np.random.default_rng(1)
    truth, weight = rng.normal(size=ROWS), rng.integers(1, 9, ROWS).astype(float)
    said, often = truth + rng.normal(size=ROWS), weight.astype(int)
    found = of_numbers(said, truth, 0, weight)
    repeated = of_numbers(said.repeat(often), truth.repeat(often), 0, np.ones(often.sum()))
    for name, interval in repeated.items():
        assert found[name].value == pytest.approx(interval.value, rel=1e-9)
        assert found[name].high - found[name].low == pytest.approx(interval.high - interval.low, rel=0.15)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_metrics_of_classes(n_classes: int, weight: Weights) -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(n_classes, size=ROWS)
    # few different values, so that many rows score alike
    scores = np.round(rng.uniform(size=(ROWS, n_classes)) + 0.5 * np.eye(n_classes)[truth], 1) + 0.05
    probability = scores / scores.sum(1, keepdims=True)
    probability[:, -1] = 1 - probability[:, :-1].sum(1)

    def wanted(counts: Weights) -> dict[str, float]:
        y, p, w = (one[counts > 0] for one in (truth, probability, counts))
        average = "binary" if n_classes == 2 else "macro"
        places = [1] if n_classes == 2 else range(n_classes)
        return {
            "log_loss": sklearn_metrics.log_loss(y, p, labels=range(n_classes), sample_weight=w),
            "accuracy": sklearn_metrics.accuracy_score(y, p.argmax(1), sample_weight=w),
            "f1": sklearn_metrics.f1_score(y, p.argmax(1), average=average, sample_weight=w),
            "auroc": float(np.mean([sklearn_metrics.roc_auc_score(y == k, p[:, k], sample_weight=w) for k in places])),
        }

    held(of_classes(np.log(probability), truth, 0, weight), weight, wanted)


def test_many_classes_need_no_memory_for_each_pair_of_pairs() -> None:
    classes, rng = 300, np.random.default_rng(0)
    truth = rng.permutation(classes)
    probability = rng.dirichlet(np.ones(classes), classes)
    tracemalloc.start()
    try:
        found = of_classes(np.log(probability), truth, 0, np.ones(classes))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * 2**20
    said = probability.argmax(1)
    assert found["f1"].value == pytest.approx(
        sklearn_metrics.f1_score(truth, said, average="macro", labels=np.unique([truth, said]))
    )
    assert found["auroc"].value == pytest.approx(
        sklearn_metrics.roc_auc_score(truth, probability, multi_class="ovr", average="macro")
    )


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_that_are_far_on_the_wrong_side_cost_what_they_cost_in_training(
    cli: Cli, command: Cli, tmp_path: Path, link: str, dtype: str
) -> None:
    """The weight starts at 30, and stays there."""
    x = np.linspace(-1, 1, 60) * (2.5 if link == "logit" else 0.15)
    frame = pd.DataFrame({"x": x, "y": np.where(x > 0, "yes", "no")})
    frame.loc[[0, 59], "y"] = ["yes", "no"]
    saved(frame, tmp_path / "t.parquet")
    table = ("data=table", "data.path=t.parquet", "data.target=y", "data.split.val=0", "data.split.test=0")
    how = ("data.normalize=none", f"data.dtype={dtype}", f"model.link={link}", "model.bias=false", "model.init=30")
    still = ("optim=sgd", "optim.lr=1e-12", "trainer.max_epochs=1", "logger=none", "hydra.run.dir=run")
    done = cli(*table, *how, *still)
    assert done.code == 0, done.err
    found = command("evaluate", "run", "t.parquet", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)["metrics"]
    for name, value in result_of(tmp_path / "run")["metrics"].items():
        stage, _, metric = name.partition("/")
        if stage == "train" and metric in told:
            assert told[metric]["value"] == pytest.approx(value, rel=1e-5)
    z = 30 * x
    costs = {
        "logit": (np.logaddexp(0, z), np.logaddexp(0, -z)),
        "cloglog": (np.exp(z), -np.log(-np.expm1(-np.exp(z)))),
    }[link]
    assert min(max(one) for one in costs) > 4
    wanted = np.mean(np.where(frame["y"] == "yes", *costs[::-1]))
    assert told["log_loss"]["value"] == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize("target", ["number", "yes", "kind"])
def test_the_test_rows_measure_as_training_measured_them(cli: Cli, command: Cli, tmp_path: Path, target: str) -> None:
    frame = invented(400)
    others = [name for name in ("number", "yes", "kind") if name != target]
    saved(frame, tmp_path / "t.parquet")
    arguments = ("data=table", "data.path=t.parquet", f"data.target={target}", f"data.drop=[{','.join(others)}]")
    done = cli(
        *arguments,
        "data.sample_weight=weight",
        "data.split.shuffle=false",
        "trainer.max_epochs=3",
        "logger=none",
        "hydra.run.dir=run",
    )
    assert done.code == 0, done.err
    n_test = int(done.out.partition(" test rows")[0].rpartition(" ")[2])
    saved(frame.iloc[-n_test:], tmp_path / "test.parquet")
    found = command("evaluate", "run", "test.parquet", "--weight", "weight", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told["rows"] == n_test
    wanted = result_of(tmp_path / "run")["metrics"]
    for name, one in told["metrics"].items():
        assert one["value"] == pytest.approx(wanted[f"test/{name}"], rel=1e-5)
        assert one["low"] <= one["value"] <= one["high"]


def test_rows_without_a_target_are_left_out_and_other_classes_refused(cli: Cli, command: Cli, tmp_path: Path) -> None:
    frame = invented(200)[["a", "b", "yes"]]
    saved(frame, tmp_path / "t.parquet")
    settings = ("trainer.max_epochs=1", "logger=none", "hydra.run.dir=run")
    assert cli("data=table", "data.path=t.parquet", "data.target=yes", *settings).code == 0
    saved(frame.assign(yes=frame["yes"].where(frame.index > 4)), tmp_path / "holes.parquet")
    found = command("evaluate", "run", "holes.parquet")
    assert found.out.startswith("195 rows; 95 % intervals over resamples of the rows\nlog_loss ")
    *_, left_out, unseen = found.out.splitlines()
    assert left_out == "5 of 200 rows have no 'yes' and are left out"
    assert re.fullmatch(rf"without a number: a \({frame['a'][5:].isna().sum()} rows, become [-.\d]+\)", unseen)
    saved(frame.assign(yes="maybe"), tmp_path / "others.parquet")
    refused = command("evaluate", "run", "others.parquet")
    assert (refused.code, refused.out) == (1, "")
    assert "column 'yes' holds 'maybe', which is none of the classes that the model knows (no, yes)" in refused.err
    refused = command("evaluate", "run", "t.parquet", "--weight", "bb")
    assert "--weight=bb: t.parquet has no such column; did you mean 'b'?" in refused.err
    refused = command("evaluate", "run", "t.parquet", "--weight", "a")
    assert "--weight=a: the weight is " in refused.err
    saved(pd.DataFrame({"a": [1.0], "b": [2.0]}), tmp_path / "none.parquet")
    refused = command("evaluate", "run", "none.parquet")
    assert "there is no column 'yes' to compare predictions with" in refused.err
