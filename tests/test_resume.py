"""A resumed run equals the uninterrupted one, bit for bit."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.callbacks import timer

from onelayer.track.progress import EpochBar
from tests.conftest import ROOT, Outcome, result_of, trained_run
from tests.processes import FORKS, ended, killed, started

Cli = Callable[..., Outcome]
PLAIN = ("logger.figures=false",)


def state(folder: Path) -> dict[str, object]:
    """Everything that training goes on from, by its path; the seconds it took are left out."""
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    checkpoint["stack"].pop("seconds")
    flat: dict[str, object] = {}

    def walk(node: object, name: str) -> None:
        if isinstance(node, dict):
            for key, item in node.items():
                walk(item, f"{name}.{key}")
        elif isinstance(node, list | tuple):
            for key, item in enumerate(node):
                walk(item, f"{name}.{key}")
        else:
            flat[name] = node

    walk({key: checkpoint[key] for key in ("state_dict", "stack", "callbacks")}, "")
    return flat


def assert_equal(one: Path, other: Path) -> None:
    first, second = state(one), state(other)
    assert first.keys() == second.keys()
    for name in first:
        one_value, other_value = first[name], second[name]
        if isinstance(one_value, torch.Tensor):
            assert isinstance(other_value, torch.Tensor)
            assert torch.equal(one_value, other_value), name
        else:
            assert one_value == other_value, name
    results = [result_of(folder) for folder in (one, other)]
    for key in ("status", "metrics", "epochs", "best_epoch", "steps", "config_hash"):
        assert results[0][key] == results[1][key], key


@pytest.mark.parametrize(
    "settings",
    [
        ["optim=adam"],
        pytest.param(["optim=momentum"], marks=pytest.mark.slow),
        ["optim=lbfgs"],
        pytest.param(["optim=rprop"], marks=pytest.mark.slow),
        pytest.param(["optim=adafactor"], marks=pytest.mark.slow),
        ["optim=asgd", "scheduler=step", "scheduler.step_size=3"],
        ["optim=radam", "scheduler=plateau", "scheduler.patience=1"],
        ["optim=adam", "scheduler=plateau", "scheduler.patience=0", "trainer.check_val_every_n_epoch=3"],
        ["optim=nadam", "scheduler=exponential", "scheduler.interval=step"],
        ["data=softmax", "optim=amsgrad", "data.dtype=float64", "model.init=torch", "patience=50"],
    ],
    ids=" ".join,
)
def test_resumed_equals_uninterrupted(cli: Cli, tmp_path: Path, settings: list[str]) -> None:
    whole, half, rest = (tmp_path / name for name in ("whole", "half", "rest"))
    settings = [*settings, *PLAIN]
    trained_run(whole, *settings, "trainer.max_epochs=12")
    trained_run(half, *settings, "trainer.max_epochs=5")
    said = cli(f"resume={half}", "trainer.max_epochs=12", f"hydra.run.dir={rest}")
    assert said.code == 0, said.err
    assert_equal(whole, rest)


def test_a_stopped_run_goes_on_with_more_patience(cli: Cli, tmp_path: Path) -> None:
    settings = ["optim.lr=0.1", "trainer.max_epochs=100", *PLAIN]
    cli(*settings, "patience=3", f"hydra.run.dir={tmp_path / 'first'}")
    assert result_of(tmp_path / "first")["status"] == "stopped"
    refused = cli(f"resume={tmp_path / 'first'}", f"hydra.run.dir={tmp_path / 'second'}")
    assert "stopped after 3 validations in vain; raise patience" in refused.err
    cli(f"resume={tmp_path / 'first'}", "patience=8", f"hydra.run.dir={tmp_path / 'second'}")
    cli(*settings, "patience=8", f"hydra.run.dir={tmp_path / 'whole'}")
    second, whole = result_of(tmp_path / "second"), result_of(tmp_path / "whole")
    assert (second["status"], second["epochs"], second["metrics"]) == ("stopped", whole["epochs"], whole["metrics"])


def test_one_cycle_cannot_be_made_longer(cli: Cli, tmp_path: Path) -> None:
    cli("scheduler=onecycle", "trainer.max_epochs=3", f"hydra.run.dir={tmp_path / 'first'}")
    assert "its one cycle was laid out for 3 epochs" in cli(f"resume={tmp_path / 'first'}", "trainer.max_epochs=6").err


@FORKS
@pytest.mark.parametrize(
    "how",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        signal.SIGKILL,
    ],
)
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(cli: Cli, tmp_path: Path, how: signal.Signals) -> None:
    settings = ["data=linear", "data.n_samples=2000", "checkpoint_seconds=0.01", *PLAIN]
    cut, rest, whole = (tmp_path / name for name in ("cut", "rest", "whole"))
    cli("trainer.max_epochs=1", "hydra.run.dir=warm")  # imports all that the copy will use
    number = started([*settings, "trainer.max_epochs=100000", f"hydra.run.dir={cut}"], tmp_path)
    last = cut / "checkpoints" / "last.ckpt"
    while not last.exists():
        assert ended(number, 0.02) is None, (tmp_path / "said.txt").read_text()
    time.sleep(0.1)
    code, out = killed(number, how), (tmp_path / "said.txt").read_text()
    assert not (cut / "result.json").exists()
    if how != signal.SIGKILL:
        assert code == 128 + how
        assert f"go on with resume={cut}" in out
    # where it was cut is chance, so go on to the 100th epoch after that
    epochs = int(torch.load(last, weights_only=True)["callbacks"]["Tracker"]["judge"]["epochs"][0]) + 100
    said = cli(f"resume={cut}", f"trainer.max_epochs={epochs}", f"hydra.run.dir={rest}")
    assert said.code == 0, said.err
    assert cli(*settings, f"trainer.max_epochs={epochs}", f"hydra.run.dir={whole}").code == 0
    assert_equal(whole, rest)


@FORKS
def test_a_second_run_in_a_folder_is_refused_and_that_of_a_killed_one_is_free(cli: Cli, tmp_path: Path) -> None:
    cli("trainer.max_epochs=1", "hydra.run.dir=warm")  # imports all that the copy will use
    run = tmp_path / "run"
    settings = ["data=diabetes", *PLAIN, f"hydra.run.dir={run}"]
    number = started([*settings, "trainer.max_epochs=1000000"], tmp_path)
    while not (run / "train.log").exists():
        assert ended(number, 0.02) is None, (tmp_path / "said.txt").read_text()
    before = {path: path.read_bytes() for path in run.glob(".hydra/*")}
    for mode in ((), ("-m",)):
        second = cli(*mode, "data=wine", f"hydra.run.dir={run}", f"hydra.sweep.dir={run}")
        key = "hydra.sweep.dir" if mode else "hydra.run.dir"
        sentence = f"error: {run}: another process is training there; wait for it, or choose another {key}\n"
        assert (second.code, second.out, second.err) == (1, "", sentence)
    assert {path: path.read_bytes() for path in run.glob(".hydra/*")} == before
    assert killed(number, signal.SIGKILL) == -signal.SIGKILL
    assert cli(*settings, "trainer.max_epochs=2").code == 0
    assert (result_of(run)["status"], (run / ".lock").exists()) == ("done", False)


@pytest.mark.slow
def test_a_process_ends_after_ctrl_c(tmp_path: Path) -> None:
    """With all that an interpreter waits for at its end."""
    process = subprocess.Popen(
        [
            sys.executable,
            ROOT / "src" / "train.py",
            "trainer.max_epochs=100000",
            "checkpoint_seconds=0.01",
            "hydra.run.dir=cut",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    while not (tmp_path / "cut" / "checkpoints" / "last.ckpt").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGINT
    assert f"go on with resume={tmp_path / 'cut'}" in out


def test_an_interrupt_in_the_last_epoch_finishes_the_run(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def update(bar: EpochBar, epoch: int, values: object) -> None:
        if epoch == 4:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(EpochBar, "update", update)
    said = cli("trainer.max_epochs=4", f"hydra.run.dir={tmp_path / 'run'}")
    assert said.code == 0, said.err
    assert result_of(tmp_path / "run")["status"] == "done"
    said = cli("trainer.max_epochs=9", f"hydra.run.dir={tmp_path / 'cut'}")
    assert said.code == 130
    assert f"interrupted after epoch 5; go on with resume={tmp_path / 'cut'}" in said.out


def test_a_run_killed_before_its_result_was_written_can_be_finished(cli: Cli, tmp_path: Path) -> None:
    cli("trainer.max_epochs=4", f"hydra.run.dir={tmp_path / 'whole'}")
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    (tmp_path / "cut" / "result.json").unlink()
    said = cli(f"resume={tmp_path / 'cut'}", f"hydra.run.dir={tmp_path / 'rest'}")
    assert said.code == 0, said.err
    assert_equal(tmp_path / "whole", tmp_path / "rest")


def test_a_run_of_a_sweep_can_be_resumed(cli: Cli, tmp_path: Path) -> None:
    names = ("hydra.sweep.subdir=${optim.name}", f"hydra.sweep.dir={tmp_path / 'study'}")
    cli("-m", "optim=sgd,adam", "trainer.max_epochs=2", *PLAIN, *names)
    run = tmp_path / "study" / "Adam"
    said = cli(f"resume={run}", "trainer.max_epochs=4", f"hydra.run.dir={tmp_path / 'rest'}")
    assert said.code == 0, said.err
    assert result_of(tmp_path / "rest")["epochs"] == 4


def test_a_run_whose_time_was_up_has_stopped_and_goes_on(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that goes on by a hundredth of a second each time it is looked at."""
    ticks = count()
    monkeypatch.setattr(timer, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 100))
    limited = ["trainer.max_epochs=100000", "trainer.max_time=00:00:00:01"]
    assert cli(*limited, f"hydra.run.dir={tmp_path / 'first'}").code == 0
    first = result_of(tmp_path / "first")
    assert first["status"] == "stopped"
    assert cli(f"resume={tmp_path / 'first'}", f"hydra.run.dir={tmp_path / 'second'}").code == 0
    second = result_of(tmp_path / "second")
    assert second["status"] == "stopped"
    assert second["epochs"] > first["epochs"] + 1


def test_an_interrupt_before_training_leaves_nothing(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**keywords: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("onelayer.run.DataModule", interrupted)
    said = cli("hydra.run.dir=some/where")
    assert said.code == 130
    assert "interrupted before the first epoch ended; nothing is left behind" in said.out
    assert list(tmp_path.iterdir()) == []
