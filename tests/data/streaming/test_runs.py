"""Runs on streamed rows: interrupted ones go on as if nothing had been, and stacks are what their runs are alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onelayer.artefact import Artefact
from tests.conftest import Outcome
from tests.data.streaming.tables import invented, saved, trained
from tests.sweeps.traces import results

BASE = (
    "data=table",
    "data.path=t.parquet",
    "data.stream=true",
    "data.target=number",
    "data.drop=[yes,kind,weight,group]",
    "data.block_rows=200",
    "data.batch_size=16",
    "logger=none",
)


@pytest.mark.parametrize("optim", ["adam", pytest.param("momentum", marks=pytest.mark.slow)])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(
    cli: Callable[..., Outcome], tmp_path: Path, optim: str
) -> None:
    saved(invented(), tmp_path / "t.parquet")
    arguments = (*BASE, f"optim={optim}", "optim.lr=0.03")
    whole, model = trained(cli, tmp_path / "whole", *arguments, "trainer.max_epochs=4")
    trained(cli, tmp_path / "first", *arguments, "trainer.max_epochs=2")
    rest, other = trained(cli, tmp_path / "rest", f"resume={tmp_path / 'first'}", "trainer.max_epochs=4")
    assert rest["metrics"] == whole["metrics"]
    assert rest["data_hash"] == whole["data_hash"]
    assert (other.weight == model.weight).all()
    assert (other.bias == model.bias).all()


def test_a_run_on_other_rows_is_not_resumed(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    frame = invented()
    saved(frame, tmp_path / "t.parquet")
    trained(cli, tmp_path / "first", *BASE, "trainer.max_epochs=1")
    frame.loc[3, "b"] += 1
    (tmp_path / "t.parquet").unlink()
    saved(frame, tmp_path / "t.parquet")
    done = cli(f"hydra.run.dir={tmp_path / 'rest'}", f"resume={tmp_path / 'first'}", "trainer.max_epochs=2")
    assert done.code == 1
    assert "data" in done.err
    assert not (tmp_path / "rest" / "result.json").exists()


def test_a_stack_is_its_runs_one_by_one(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    saved(invented(), tmp_path / "t.parquet")
    swept = ("-m", *BASE, "data.dtype=float64", "optim=sgd,adam", "optim.lr=0.03", "seed=0,1", "logger=none")
    found: dict[str, dict[str, Any]] = {}
    for launcher in ("fused", "basic"):
        folder = tmp_path / launcher
        done = cli(*swept, "trainer.max_epochs=2", f"hydra/launcher={launcher}", f"hydra.sweep.dir={folder}")
        assert done.code == 0, done.err
        found[launcher] = results(folder)
    assert len(found["fused"]) == 4
    assert found["fused"].keys() == found["basic"].keys()
    for name, result in found["fused"].items():
        alone = found["basic"][name]
        assert result["metrics"] == pytest.approx(alone["metrics"], rel=1e-9, abs=1e-12)
        assert result["data_hash"] == alone["data_hash"]
        mine, its = (Artefact.load(tmp_path / launcher / name / "model") for launcher in ("fused", "basic"))
        np.testing.assert_allclose(mine.weight, its.weight, rtol=1e-9, atol=1e-12)
    # another seed visits the rows in another order
    losses = {result["metrics"]["train/loss"] for result in found["fused"].values()}
    assert len(losses) == 4
