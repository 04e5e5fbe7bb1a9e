"""Sparse text through `data=libsvm`: penalised logistic regression has the optima that are known."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onelayer.artefact import Artefact
from onelayer.data.prepare import Prepared
from tests.conftest import Outcome, only_run, result_of
from tests.oracles.user_path import ALL_ROWS, EXACT, optimum, prepared
from tests.reference_data import DATA, needs_data

pytestmark = needs_data


def known(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "libsvm" / f"{name}.json").read_text())
    return found


def asked(name: str) -> tuple[str, ...]:
    """The last features of a1a occur in none of its rows."""
    return ("data=libsvm", f"data.path={DATA / 'libsvm' / name}", f"data.n_features={known(name)['n_features']}")


def optima() -> list[Any]:
    return [
        pytest.param(name, answer, id=f"{name}-{answer['lam_label'].split()[0]}{'' if 'intercept' in answer else '-0'}")
        for name in (("a1a", "heart_scale", "mushrooms") if DATA.is_dir() else ())
        for answer in known(name)["reference"]
        if answer["kind"] == "computed"
    ]


@cache
def rows(name: str) -> Prepared:
    return prepared(*asked(name), *ALL_ROWS)


@pytest.mark.parametrize(("name", "answer"), optima())
def test_the_optimum_is_that_of_the_reference(name: str, answer: dict[str, Any]) -> None:
    data, bias = rows(name), "intercept" in answer
    assert data.classes is not None
    assert float(data.classes[1]) == float(answer["positive_label"])
    found = optimum(data, answer["lam"], bias=bias)
    assert found.note == ""
    assert found.theta is not None
    assert found.value == pytest.approx(answer["objective_value"], rel=1e-12)
    expected = [*answer["coef"], answer["intercept"]] if bias else answer["coef"]
    np.testing.assert_allclose(found.theta[0].numpy(), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("bias", [True, False])
def test_a_run_on_sparse_rows_reaches_it(cli: Callable[..., Outcome], tmp_path: Path, bias: bool) -> None:
    answers = [one for one in known("a1a")["reference"] if one.get("lam") == 0.01]
    (answer,) = (one for one in answers if ("intercept" in one) == bias)
    said = cli(*asked("a1a"), *ALL_ROWS, *EXACT, "model.l2=0.01", f"model.bias={bias}", "trainer.max_epochs=10")
    assert said.code == 0, said.err
    metrics = result_of(tmp_path)["metrics"]
    assert metrics["train/objective"] == pytest.approx(answer["objective_value"], rel=1e-9)
    assert metrics["train/accuracy"] == pytest.approx(answer["train_accuracy"], rel=1e-12)
    model = Artefact.load(only_run(tmp_path) / "model")
    np.testing.assert_allclose(model.weight[0], answer["coef"], rtol=0, atol=1e-6)
