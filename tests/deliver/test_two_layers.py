"""A model with a hidden layer, taken away by every command: it predicts as training did, or says why it cannot."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer
from scipy.sparse import csr_array
from torch import nn
from torch.nn.utils import vector_to_parameters

import onelayer
from onelayer.artefact import Artefact
from onelayer.config import RunSpec
from onelayer.deliver.export.exporting import TARGETS, export
from onelayer.deliver.export.parity import ALLOWED
from onelayer.errors import UserError
from onelayer.model.module import OneLayer
from onelayer.report.winner import Answers, Winner, winner_of
from tests.conftest import Outcome, composed, data_by
from tests.data.streaming.tables import invented, saved

HIDDEN = 6
ASKED = ("data=table", "data.path=t.parquet", "model=two_layers", f"model.hidden={HIDDEN}", "trainer.max_epochs=3")
# what else is asked, by the target
MORE: dict[str, list[str]] = {"number": [], "yes": ["model.bias=false"], "kind": ["data.dtype=float64"]}


@pytest.fixture(scope="module", params=MORE)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a table and its run, and what was asked of it."""
    from onelayer.cli import train

    folder, target = tmp_path_factory.mktemp("run"), str(request.param)
    saved(invented(200)[["a", "city", "truth", "when", target]], folder / "t.parquet")
    asked = [*ASKED, f"data.target={target}", *MORE[target]]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HYDRA_FULL_ERROR", "0")
        patch.setattr(sys, "argv", ["train.py", *asked, "logger=none", "hydra.run.dir=run"])
        train()
    return folder, asked


def test_every_row_is_predicted_as_training_has_it_to_the_last_bit(
    trained: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, asked = trained
    monkeypatch.chdir(folder)
    data = data_by(RunSpec.from_config(composed(*asked)))
    bias = "model.bias=false" not in asked
    best = folder / "run" / "checkpoints" / "best.ckpt"
    module = OneLayer.load_from_checkpoint(best)
    state = torch.load(best, weights_only=True)["state_dict"]
    trainer = Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
    ((said, _),) = trainer.predict(module, data.measured("test"))  # type: ignore[misc]
    (block,) = data.measured("test")
    layers = nn.Linear(data.n_features, HIDDEN, bias=bias), nn.ReLU(), nn.Linear(HIDDEN, data.n_outputs, bias=bias)
    network = nn.Sequential(*layers).to(data.dtype)
    vector_to_parameters(state["linear.theta"][0, 0], network.parameters())
    torch.testing.assert_close(said[0], network(block.x).detach(), rtol=1e-4, atol=1e-5)
    artefact = Artefact.load(folder / "run" / "model")
    assert artefact.hidden == HIDDEN
    (chunk,) = data.test.chunks()
    before = data.prepared.x_scale.undo(chunk.x.numpy())
    scaled = ((before - artefact.x_shift) / artefact.x_scale).astype(artefact.weight.dtype)
    same = (scaled == block.x.numpy()).all(1)  # scaling back and forth may cost a last digit
    assert same.sum() > 5
    np.testing.assert_array_equal(artefact.logits(before)[same], said[0].numpy()[same])
    among = artefact.logits(before)
    np.testing.assert_array_equal(np.concatenate([artefact.logits(before[[row]]) for row in range(len(before))]), among)
    np.testing.assert_allclose(artefact.logits(csr_array(before)), among, rtol=1e-3, atol=1e-5)


def test_commands_answer(trained: tuple[Path, list[str]], command: Callable[..., Outcome], tmp_path: Path) -> None:
    folder, _ = trained
    run, table = folder / "run", folder / "t.parquet"
    done = command("predict", run, table, "-o", "scored.csv")
    assert (done.code, done.out) == (0, "scored.csv: 200 rows\n"), done.err
    measured = command("evaluate", run, table)
    assert measured.code == 0, measured.err
    told = command("summary", run)
    assert (told.code, told.out) == (1, "")
    assert told.err == (
        f"error: {run}: with a hidden layer there are no coefficients; what a column does hangs on the others\n"
    )
    card = command("card", run)
    assert card.code == 0, card.err
    assert ": two-layer " in card.out.splitlines()[0]
    assert "## Coefficients" not in card.out
    assert f"through {HIDDEN} hidden units, so that none has a coefficient" in card.out


def test_exports_say_what_predict_says_or_are_refused(trained: tuple[Path, list[str]], tmp_path: Path) -> None:
    folder, asked = trained
    table = str(folder / "t.parquet")
    for to in ("sklearn", "sql"):
        with pytest.raises(UserError, match=r"hidden layer.*export --to onnx or torch"):
            export(folder / "run", to, out=tmp_path / TARGETS[to].file, table=table)
    assert list(tmp_path.iterdir()) == []
    for to in ("onnx", "torch") if "model.bias=false" in asked else ("onnx",):  # torch takes its time
        record = export(folder / "run", to, out=tmp_path / TARGETS[to].file, table=table).record
        assert record["rows"] > 100
        assert record["largest_difference"] <= ALLOWED[record["dtype"]]


def test_a_report_shows_its_predictions_and_no_coefficients(
    trained: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = trained
    monkeypatch.chdir(folder)
    winner: Any = winner_of(folder / "run")
    assert isinstance(winner, Winner)
    rows, (doubt,) = winner.coefficients
    assert rows == []
    assert doubt.startswith("with a hidden layer there are no coefficients")
    answers: Any = winner.answers
    assert isinstance(answers, Answers)
    import pandas as pd

    whole = pd.read_parquet(folder / "t.parquet")
    model = onelayer.load(folder / "run")
    said = model.predict(whole) if answers.probability is None else model.predict_proba(whole).max(1)
    found = answers.value if answers.probability is None else answers.probability.max(1)
    for one in found:  # of the rows of the test, whichever those are
        assert np.abs(said.astype(float) - one).min() <= 1e-5 * max(1, abs(one))
