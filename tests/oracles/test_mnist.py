"""Softmax regression on MNIST, trained: the objectives and accuracies that are known."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.reference_data import DATA, needs_data

pytestmark = [needs_data, pytest.mark.slow]


def test_three_penalties_reach_their_optima(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    """200 iterations of L-BFGS each, as a sweep. Pixels that are 0 on all train rows have no say."""
    known = json.loads((DATA / "mnist" / "mnist.json").read_text())
    answers = {answer["lam"]: answer for answer in known["reference"] if "lam" in answer}
    said = cli(
        *("-m", "data=mnist", f"data.path={DATA / 'mnist'}", "data.split.val=0", "data.dtype=float64"),
        *("optim=lbfgs", "data.batch_size=full", "monitor=train/objective", "trainer.max_epochs=10"),
        *(f"model.l2={','.join(map(str, answers))}", "logger=none", f"hydra.sweep.dir={tmp_path / 'study'}"),
    )
    assert said.code == 0, said.err
    results = [json.loads(path.read_text()) for path in (tmp_path / "study").rglob("result.json")]
    assert len(results) == len(answers) == 3
    for result in results:
        (l2,) = (float(one.removeprefix("model.l2=")) for one in result["overrides"] if one.startswith("model.l2="))
        answer, metrics = answers[l2], result["metrics"]
        assert metrics["train/objective"] == pytest.approx(answer["objective_value"], abs=1e-6)
        assert metrics["train/accuracy"] == pytest.approx(answer["train_accuracy"], abs=1e-4)
        assert metrics["test/accuracy"] == pytest.approx(answer["test_accuracy"], abs=3e-4)
        assert metrics["test/loss"] == pytest.approx(answer["test_logloss"], abs=1e-4)
