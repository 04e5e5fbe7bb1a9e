"""What all presets share: they compose, say what they are, and go on where they stopped."""

from collections.abc import Callable
from pathlib import Path

import pytest

from onelayer.artefact import Artefact
from onelayer.config import RunSpec
from tests.conftest import ROOT, Outcome, composed, result_of
from tests.test_resume import assert_equal

Cli = Callable[..., Outcome]
FILES = sorted((ROOT / "conf" / "experiment").glob("*.yaml"))
NAMES = [path.stem for path in FILES]
SWEEPS = {"scan": "model.init", "optimizers": "optim", "links": "model.link"}


def test_every_worked_example_is_there() -> None:
    wanted = """scan gradient_descent stochastic_gradient_descent linear_sum_loss hours make_regression_exact boston
        make_regression_adam known_truth house_tiny optimizers digits mnist cifar10 digits_one_zero mnist_one_zero links
        resume two_layers"""
    assert sorted(wanted.split()) == NAMES


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_preset_composes_and_says_what_must_come_out(path: Path) -> None:
    RunSpec.from_config(composed(f"experiment={path.stem}"))
    first, second, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first == "# @package _global_"
    assert second.startswith("# ")


def test_the_command_line_has_the_last_word() -> None:
    spec = RunSpec.from_config(composed("experiment=gradient_descent", "optim=adam", "model.bias=true"))
    assert (spec.optim.name, spec.model.bias, spec.data.source) == ("Adam", True, "points")


def test_help_lists_the_experiments(cli: Cli) -> None:
    said = cli("--help").out
    assert f"experiment: {', '.join(NAMES[:3])}" in " ".join(said.split())


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_without_m_is_one_sentence(cli: Cli, tmp_path: Path, name: str) -> None:
    said = cli(f"experiment={name}")
    assert said.code == 1
    assert said.err == (
        f"error: experiment={name} is a sweep over {SWEEPS[name]}, and without -m there is one run only; "
        f"add -m, as in: train.py -m experiment={name}\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_one_run_of_a_sweep_is_had_by_its_value(cli: Cli, tmp_path: Path) -> None:
    """As the command says that a leaderboard prints for its best run."""
    said = cli("model.init=3.0", "experiment=scan", "logger=none")
    assert said.code == 0, said.err
    assert result_of(tmp_path)["metrics"]["train/loss"] == pytest.approx(14 / 3)


def test_a_sweep_among_other_experiments_is_refused(cli: Cli, tmp_path: Path) -> None:
    said = cli("-m", "experiment=gradient_descent,scan")
    assert said.code == 1
    assert "experiment=scan is a sweep of its own; start it alone: -m experiment=scan" in said.err
    assert list(tmp_path.iterdir()) == []


def test_experiments_that_are_runs_can_be_swept(cli: Cli, tmp_path: Path) -> None:
    said = cli(
        "-m",
        "experiment=gradient_descent,linear_sum_loss",
        "trainer.max_epochs=1",
        "logger=none",
        f"hydra.sweep.dir={tmp_path / 'both'}",
    )
    assert said.code == 0, said.err
    assert len(list((tmp_path / "both").rglob("result.json"))) == 2


def test_resumed_equals_uninterrupted(cli: Cli, tmp_path: Path) -> None:
    stopped, rest, whole = (tmp_path / name for name in ("stopped", "rest", "whole"))
    settings = ("experiment=resume", "optim=momentum", "logger=none")
    assert cli(*settings, f"hydra.run.dir={stopped}").code == 0
    assert result_of(stopped)["epochs"] == 20
    assert "SGD" in (stopped / "train.log").read_text()
    assert cli(f"resume={stopped}", "trainer.max_epochs=40", f"hydra.run.dir={rest}").code == 0
    assert cli(*settings, "trainer.max_epochs=40", f"hydra.run.dir={whole}").code == 0
    assert_equal(whole, rest)
    assert Artefact.load(rest / "model").weight.tobytes() == Artefact.load(whole / "model").weight.tobytes()
