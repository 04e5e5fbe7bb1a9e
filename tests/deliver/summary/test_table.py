"""Tables of runs with categories, penalties and several classes, against formulas written out."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import special, stats

from onelayer.artefact import Artefact
from onelayer.deliver.summary.coefficients import distance_of, objective_of, theta_of
from onelayer.deliver.summary.design import design_of
from onelayer.deliver.summary.summarise import summarise
from tests.deliver.summary.runs import NUMBERS, Summarised, Train, design, estimated, logit, said
from tests.deliver.test_inference_linear import hat_formulas
from tests.optimum.values import value


@pytest.mark.parametrize("robust", [None, "HC0", "HC1", "HC2", "HC3"])
def test_categories_have_a_base(train: Train, frame: pd.DataFrame, summary: Summarised, robust: str | None) -> None:
    arguments = ("--robust", robust) if robust else ()
    found = said(summary, train("yes"), "--polish", *arguments, "--level", "0.9")
    x, names = design(frame)
    y, ones = (frame["yes"] == "yes").to_numpy(float), np.ones(len(frame))
    b = logit(x, y, ones)
    p = special.expit(x @ b)
    plain = np.linalg.inv((x.T * (p * (1 - p))) @ x)
    errors = np.sqrt(np.diag(hat_formulas(x, y - p, p * (1 - p))[robust] if robust else plain))
    assert [row["name"] for row in found["coefficients"] if row["role"] == "estimated"] == names
    assert found["bases"] == {"city": "city=Bonn", "port": "port=x"}
    assert [row["name"] for row in found["coefficients"] if row["role"] == "base"] == ["city=Bonn", "port=x"]
    reach = stats.norm.ppf(0.95)
    expected = {"coefficient": b, "std_err": errors, "statistic": b / errors, "odds_ratio": np.exp(b)}
    expected |= {"low": b - reach * errors, "high": b + reach * errors, "p": 2 * stats.norm.sf(np.abs(b / errors))}
    for key, values in expected.items():
        np.testing.assert_allclose(estimated(found, key), values, rtol=1e-6, err_msg=key)
    assert found["estimator"] == (robust or "expected")
    assert found["cautions"] == []
    assert found["stats"]["n"] == 300
    assert found["stats"]["condition_number"] == pytest.approx(np.linalg.cond(x / np.linalg.norm(x, axis=0)))


def test_as_trained_the_table_is_the_model_and_says_what_is_missing(train: Train, frame: pd.DataFrame) -> None:
    """What the base carried has passed to the others and to the constant: logits are those of the model."""
    run = train("yes", "optim=adam", "trainer.max_epochs=9")
    found, (x, _) = summarise(run), design(frame)
    (table,), artefact = found.tables, Artefact.load(run / "model")
    matrix = {name: x[:, place] for place, name in enumerate(design(frame)[1])}
    city, port = frame["city"], frame["port"]
    matrix |= {"city=Bonn": (city == "Bonn").to_numpy(float), "port=x": (port == "x").to_numpy(float)}
    raw = np.column_stack([matrix[name] for name in artefact.columns])
    kept = [place for place in range(len(table.names)) if place not in table.aliased]
    np.testing.assert_allclose(x @ table.coef[kept], artefact.logits(raw)[:, 0], atol=2e-5)
    result = json.loads((run / "result.json").read_text())
    assert found.distance.gap == pytest.approx(result["metrics"]["train/gap"], rel=1e-3)
    assert found.distance.objective == pytest.approx(result["metrics"]["train/objective"], rel=1e-6)
    assert [one.partition(":")[0] for one in found.cautions] == ["not converged"]
    assert "standard errors from it" in found.cautions[0]
    assert "gradient has the norm" in found.cautions[0]


def test_the_gradient_is_that_of_finite_differences(train: Train) -> None:
    for run, l2 in ((train("number", "model.l2=0.1"), 0.1), (train("kind"), 0.0)):
        artefact = Artefact.load(run / "model")
        part, theta = design_of(run, artefact).part, theta_of(artefact, bias=True)
        steps = 1e-5 * torch.eye(theta.size, dtype=torch.float64).reshape(-1, *theta.shape)
        around = torch.from_numpy(theta) + torch.cat([steps, -steps])
        above, below = value(around, part, objective_of(artefact), l2).view(2, -1)
        found = distance_of(part, theta, artefact, bias=True)
        assert found.gradient == pytest.approx(float((above - below).norm()) / 2e-5, rel=1e-5)


def test_dropping_the_first_level_changes_no_table_but_the_base(train: Train) -> None:
    """Where one level was left out in training, its name is known all the same; of holes it is these."""
    whole = summarise(train("yes"), polish=True)
    less = summarise(train("yes", "data.encode.drop_first=true"), polish=True)
    assert less.bases == {"city": "city=<missing>", "port": "port=x"}
    one, other = (dict(zip(found.tables[0].names, found.tables[0].coef, strict=True)) for found in (whole, less))
    assert one["a"] == pytest.approx(other["a"], rel=1e-9)
    assert one["city=Rome"] - one["city=<missing>"] == pytest.approx(other["city=Rome"], rel=1e-8)
    for key, known in whole.tables[0].stats.items():
        if key != "condition_number":
            assert less.tables[0].stats[key] == pytest.approx(known, rel=1e-9), key


def test_a_penalty_stays_and_is_said(train: Train, frame: pd.DataFrame, summary: Summarised) -> None:
    """The optimum of the run's own objective: mean of squares of the scaled target + l2/2 |w|^2, by closed form."""
    run = train("number", "model.l2=0.1")
    (trained_to,), found = summarise(run).cautions[-1:], summarise(run, polish=True)
    artefact = Artefact.load(run / "model")
    matrix = pd.get_dummies(frame[[*NUMBERS, "city", "port"]], dummy_na=True, dtype=float)
    matrix = matrix.drop(columns="port_nan").rename(columns={"city_nan": "city_<missing>"})
    raw = matrix.rename(columns=lambda one: one.replace("_", "=")).astype(float)[list(artefact.columns)].to_numpy()
    x = (raw - raw.mean(0)) / raw.std(0)
    y = (frame["number"] - frame["number"].mean()).to_numpy() / frame["number"].std(ddof=0)
    w = np.linalg.solve(x.T @ x / 300 + 0.05 * np.eye(x.shape[1]), x.T @ y / 300) * frame["number"].std(ddof=0)
    logits = x @ w + frame["number"].mean()
    (table,), (columns, _) = found.tables, design(frame)
    kept = [place for place in range(len(table.names)) if place not in table.aliased]
    np.testing.assert_allclose(columns @ table.coef[kept], logits, rtol=1e-9)
    assert found.cautions[0].startswith("penalised: l2 = 0.1")
    assert trained_to == found.cautions[0]
    assert "the exact optimum under l2 = 0.1" in summary(run, "--polish").out


def test_two_classes_as_several_have_the_binary_table(train: Train) -> None:
    one = summarise(train("yes"), polish=True, robust="HC0")
    other = summarise(train("yes", "task=multiclass"), polish=True, robust="HC0")
    (here,), (there,) = one.tables, other.tables
    for key in ("coef", "std_err", "p", "low", "high"):
        np.testing.assert_allclose(getattr(here, key), getattr(there, key), rtol=1e-6, atol=1e-12, err_msg=key)
    for key, known in there.stats.items():
        assert here.stats[key] == pytest.approx(known, rel=1e-9), key
