"""Where weights start: a number of one's own, and what a run leaves that does not train."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from onelayer import OneLayerRegressor
from onelayer.artefact import Artefact
from onelayer.model.linear import StackedLinear
from tests.conftest import Outcome, result_of

Cli = Callable[..., Outcome]


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("by_column", [True, False])
def test_a_number_is_where_every_weight_starts(outputs: int, by_column: bool) -> None:
    stack = StackedLinear(4, 5, outputs, by_column=by_column)
    stack.start([0, 0, 0, 1], [1.5, "zeros", "torch", -2], [0.01] * 4)
    assert stack.bias is not None
    assert (stack.weight[0] == 1.5).all()
    assert (stack.weight[3] == -2).all()
    assert (stack.bias[[0, 1, 3]] == 0).all()
    alone = StackedLinear(1, 5, outputs)
    alone.start([0], ["torch"], [0.01])
    assert stack.theta[2].equal(alone.theta[0])


def test_an_estimator_starts_there_too() -> None:
    x = np.array([[1.0], [2.0], [3.0]])
    plain: dict[str, Any] = {"normalize": "none", "normalize_target": "none", "dtype": "float64", "batch_size": "full"}
    model = OneLayerRegressor(optim="sgd", lr=0.01, init=1.0, bias=False, max_epochs=1, **plain)
    # w - lr * mean(2 x (x w - y)) at w = 1
    np.testing.assert_allclose(model.fit(x, 2 * x[:, 0]).coef_, [1 + 0.01 * 28 / 3], rtol=1e-15)


@pytest.mark.parametrize("data", ["diabetes", "iris"])
def test_a_run_of_no_epochs_measures_and_delivers_its_start(cli: Cli, tmp_path: Path, data: str) -> None:
    said = cli(f"data={data}", "model.init=torch", "trainer.max_epochs=0", "seed=3", f"hydra.run.dir={tmp_path / 'a'}")
    assert said.code == 0, said.err
    result = result_of(tmp_path / "a")
    assert (result["status"], result["epochs"], result["best_epoch"], result["steps"]) == ("done", 0, 0, 0)
    assert {"train/loss", "val/loss", "test/loss"} <= result["metrics"].keys()
    model = Artefact.load(tmp_path / "a" / "model")
    torch.manual_seed(3)
    layer = torch.nn.Linear(model.weight.shape[1], len(model.weight))
    np.testing.assert_array_equal(model.weight, layer.weight.detach().numpy())
    np.testing.assert_array_equal(model.bias, layer.bias.detach().numpy())


def test_in_a_sweep_the_start_is_a_run_like_others(cli: Cli, tmp_path: Path) -> None:
    said = cli("-m", "trainer.max_epochs=0,2", "optim=adam,sgd", f"hydra.sweep.dir={tmp_path / 'study'}", "logger=none")
    assert said.code == 0, said.err
    results = [json.loads(path.read_text()) for path in (tmp_path / "study").rglob("result.json")]
    assert sorted(result["epochs"] for result in results) == [0, 0, 2, 2]
    assert len({result["metrics"]["train/loss"] for result in results if result["epochs"] == 0}) == 1
