"""A hidden layer: exclusive or, which one layer cannot learn; sweeps of such models; and what is refused."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import onelayer
from onelayer.config import RunSpec
from onelayer.sweeps.memory import runs_that_fit
from tests.conftest import Outcome, composed, data_by
from tests.experiments.conftest import Example

Cli = Callable[..., Outcome]
X = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
Y = torch.tensor([[0], [1], [1], [0]], dtype=torch.float64)
LOSS = nn.BCEWithLogitsLoss()


def in_plain_torch(optimizer: str, lr: float, epochs: int, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    first = nn.Linear(2, 8, dtype=torch.float64)
    network = nn.Sequential(first, nn.ReLU(), nn.Linear(8, 1, dtype=torch.float64))
    steps = getattr(torch.optim, optimizer)(network.parameters(), lr=lr)
    for _ in range(epochs):
        steps.zero_grad()
        LOSS(network(X), Y).backward()
        steps.step()
    return network


def test_exclusive_or_is_learnt(example: Example) -> None:
    run, network = example("two_layers"), in_plain_torch("SGD", 0.5, 500)
    assert run.metrics["train/loss"] == pytest.approx(float(LOSS(network(X), Y).detach()), rel=1e-9)
    assert run.metrics["train/loss"] == pytest.approx(0.00338893, rel=2e-6)
    rows = {"x0": X[:, 0].tolist(), "x1": X[:, 1].tolist()}
    assert run.model.predict(rows).tolist() == ["0", "1", "1", "0"]
    expected = network(X).sigmoid().detach().numpy()[:, 0]
    np.testing.assert_allclose(run.model.predict_proba(rows)[:, 1], expected, rtol=1e-8)


def test_runs_with_as_many_units_train_together_and_one_layer_stays_at_ln_2(cli: Cli, tmp_path: Path) -> None:
    """Each of the four with eight units ends where a loop in plain torch ends."""
    said = cli(
        "-m",
        "experiment=two_layers",
        "optim=sgd,adam",
        "optim.lr=0.1",
        "seed=0,1",
        "model.hidden=null,8",
        "trainer.max_epochs=50",
        "logger=none",
        f"hydra.sweep.dir={tmp_path / 'study'}",
    )
    assert said.code == 0, said.err
    assert "8 runs in 2 stacks, which differ in model.hidden" in said.out + said.err
    results = [(path.parent, json.loads(path.read_text())) for path in (tmp_path / "study").rglob("result.json")]
    assert len(results) == 8
    for folder, result in results:
        asked = dict(one.split("=") for one in result["overrides"])
        if asked["model.hidden"] == "null":
            assert result["reference"]["objective"] == pytest.approx(math.log(2), rel=1e-12)
            continue
        network = in_plain_torch({"sgd": "SGD", "adam": "Adam"}[asked["optim"]], 0.1, 50, int(asked["seed"]))
        artefact = onelayer.load(folder).artefact
        found = [part for layer in artefact.layers for part in layer]
        for ours, torchs in zip(found, network.parameters(), strict=True):
            np.testing.assert_allclose(ours, torchs.detach(), rtol=1e-9, atol=1e-12)
        assert result["reference"]["note"].startswith("skipped: with a hidden layer")
        assert result["metrics"]["train/gap"] is None


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("model=auto model.hidden=4", "model.init=zeros: 4 hidden units that start alike would stay alike; set "),
        ("model.init=0.5", "model.init=0.5: 8 hidden units that start alike"),
        ("optim.lr=auto", "optim.lr=auto is 1/L, but with model.hidden=8 the curvature has no bound L; give a number"),
        ("model.hidden=0", "model.hidden=0: must be greater than 0"),
        ("monitor=train/gap", "monitor=train/gap: there is nothing to measure it against (skipped: with a hidden"),
        ("monitor=train/weight_error", "monitor=train/weight_error: no true weights are known of model.hidden=8 units"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(cli: Cli, tmp_path: Path, asked: str, sentence: str) -> None:
    said = cli("experiment=two_layers", *asked.split())
    assert said.code == 1
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_hidden_units_are_counted_in_what_fits_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onelayer.sweeps.memory.free_bytes", lambda *device: 10**9)
    most = []
    for hidden in (16, 64):
        spec = RunSpec.from_config(composed("model=two_layers", f"model.hidden={hidden}"))
        most.append(runs_that_fit(data_by(spec), spec))
    assert 3 < most[0] / most[1] < 4
