"""A sweep that is killed loses at most what its last checkpoint does not have, and ends as if nothing had been."""

import csv
import fcntl
import random
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from onelayer.artefact import Artefact
from tests.conftest import Outcome
from tests.processes import FORKS, ended, killed, started
from tests.sweeps.traces import curves, history, results, same, statuses, tree

Cli = Callable[..., Outcome]
# two stacks: some runs diverge, some stop early, some train to the end
SWEEP = (
    "-m",
    "data=linear",
    "data.n_samples=300",
    "data.noise=3",
    "data.dtype=float64",
    "optim=sgd,adam",
    "optim.lr=0.5,0.03,1e-3,1e9",
    "seed=0,1",
    "data.batch_size=100",
    "scheduler=plateau",
    "patience=30",
    "trainer.max_epochs=100",
    "checkpoint_seconds=0.05",
    "logger.figures=false",
)


def check_whole(sweep: Path) -> int:
    """Everything that reads as finished is whole; return how many runs have ended."""
    for directory in sweep.glob("*/"):
        if (directory / "model").is_dir():
            Artefact.load(directory / "model")
    found = results(sweep)
    for name in found:
        assert (sweep / name / "checkpoints" / "last.ckpt").stat().st_size > 0
        Artefact.load(sweep / name / "model")
    return len(found)


def board(sweep: Path) -> list[dict[str, str | float]]:
    """The leaderboard without the seconds."""

    def number(text: str) -> str | float:
        try:
            return float(text)
        except ValueError:
            return text

    with (sweep / "leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: number(value) for name, value in row.items() if not name.startswith("seconds")} for row in rows]


@pytest.fixture
def whole(cli: Cli, tmp_path: Path) -> tuple[Path, float]:
    """The sweep without a disturbance, and how long it took; also imports all that the copies will use."""
    cli("-m", "seed=0", "trainer.max_epochs=1", "data=linear", "hydra.sweep.dir=warm")
    began = time.monotonic()
    said = cli(*SWEEP, "hydra.sweep.dir=whole")
    assert said.code == 0, said.err
    return tmp_path / "whole", time.monotonic() - began


@FORKS
@pytest.mark.parametrize("most", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_sweep_that_is_killed_ends_as_if_nothing_had_been(
    whole: tuple[Path, float], tmp_path: Path, most: int
) -> None:
    wanted, seconds = whole
    assert statuses(wanted).keys() == {"diverged", "done", "stopped"}
    expected = results(wanted)
    drawn = {name: curves(wanted / name) for name in list(expected)[::3]}
    chance, kills, sweeps = random.Random(0), 0, 0
    while kills < most:
        sweeps += 1
        cut = tmp_path / f"cut{sweeps}"
        code: int | None = None
        while code is None:
            number = started([*SWEEP, f"hydra.sweep.dir={cut.name}"], tmp_path)
            # the first part of a start composes and checks; then the last checkpoint is taken up
            code = ended(number, chance.uniform(0.1, 0.6) * seconds if kills < most else 300)
            if code is None:
                # it may have ended just now, by itself
                assert killed(number, signal.SIGKILL) in (-signal.SIGKILL, 0), (tmp_path / "said.txt").read_text()
                kills += 1
                check_whole(cut)
        assert code == 0, (tmp_path / "said.txt").read_text()
        same(board(cut), board(wanted), 1e-10, "leaderboard")
        found = results(cut)
        for name, result in expected.items():
            for key in ("status", "epochs", "best_epoch", "metrics"):
                same(found[name][key], result[key], 1e-10, f"{name} {key}")
        for name, wanted_curves in drawn.items():
            same(curves(cut / name), wanted_curves, 1e-5, f"{name} curves")
        for name in expected:
            same(history(cut / name), history(wanted / name), 1e-5, f"{name} curves that were kept")
        assert not list(cut.glob("stacks/*/curves.*.safetensors"))
        assert not list((cut / ".stacks").glob("*"))


@FORKS
@pytest.mark.parametrize("how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_sweep_ends_with_its_leaderboard_and_how_to_go_on(
    cli: Cli, tmp_path: Path, how: signal.Signals
) -> None:
    cli("-m", "seed=0", "trainer.max_epochs=1", "data=linear", "hydra.sweep.dir=warm")
    settings = ("-m", "data=linear", "optim.lr=1e9,0.1,0.01", "optim=sgd", "seed=0,1", "logger=none")
    number = started(
        [*settings, "trainer.max_epochs=1000000", "hydra.sweep.dir=cut", "checkpoint_seconds=0.05"], tmp_path
    )
    while not list(tmp_path.glob("cut/.stacks/[!.]*.ckpt")):
        assert ended(number, 0.05) is None, (tmp_path / "said.txt").read_text()
    assert killed(number, how) == 128 + how
    said = (tmp_path / "said.txt").read_text()
    assert "Traceback" not in said
    assert "interrupted: 5 of 6 runs have not ended; go on with" in said
    (command,) = (line for line in said.splitlines() if line.strip().startswith("python src/train.py -m"))
    assert "hydra.sweep.dir=cut" in command
    assert "diverged" in said
    assert check_whole(tmp_path / "cut") == 1
    assert (tmp_path / "cut" / "leaderboard.csv").exists()
    (checkpoint,) = tmp_path.glob("cut/.stacks/[!.]*.ckpt")
    before = checkpoint.stat().st_mtime_ns
    number = started(shlex.split(command)[2:], tmp_path)
    while checkpoint.stat().st_mtime_ns == before:
        assert ended(number, 0.05) is None, (tmp_path / "said.txt").read_text()
    assert killed(number, how) == 128 + how
    said = (tmp_path / "said.txt").read_text()
    assert "1 of 6 runs had ended before" in said
    assert "2 runs go on from the checkpoint of their stack" in said
    # from there, and not anew: a second start has reached more epochs than it could train
    epochs = torch.load(checkpoint, weights_only=True)["callbacks"]["Tracker"]["judge"]["epochs"]
    (going_on,) = (line for line in said.splitlines() if "interrupted" in line)
    assert min(epochs) > 0, going_on


@FORKS
def test_an_interrupted_sweep_does_not_go_on_with_another_table(cli: Cli, tmp_path: Path) -> None:
    """Not even with runs that it did not have; its checkpoint stays, and goes on with the table that it had."""
    x, table = np.arange(40.0)[:, None], tmp_path / "t.npz"
    np.savez(table, X=x, y=2.5 * x[:, 0] + x[:, 0] % 7)
    data = ("data=embeddings", "data.path=t.npz", "logger=none", "checkpoint_seconds=0.05")
    cli("-m", "seed=0", "trainer.max_epochs=1", *data, "hydra.sweep.dir=warm")
    settings = ("-m", *data, "trainer.max_epochs=1000000", "hydra.sweep.dir=cut")
    number = started([*settings, "optim.lr=0.1,0.01"], tmp_path)
    while not list(tmp_path.glob("cut/.stacks/[!.]*.ckpt")):
        assert ended(number, 0.05) is None, (tmp_path / "said.txt").read_text()
    assert killed(number, signal.SIGINT) == 128 + signal.SIGINT
    before, kept = tree(tmp_path / "cut"), table.read_bytes()
    # twice the target, which is the same once it is scaled
    np.savez(table, X=x, y=5 * x[:, 0] + 2 * (x[:, 0] % 7))
    for rates in ("optim.lr=0.1,0.01", "optim.lr=0.5"):
        refused = cli(*settings, rates)
        assert refused.code == 1
        assert "that run was trained on other data, though its settings say the same of them" in refused.err
        assert tree(tmp_path / "cut") == before
    table.write_bytes(kept)
    number = started([*settings, "optim.lr=0.1,0.01"], tmp_path)
    while "go on from the checkpoint of their stack" not in (tmp_path / "said.txt").read_text():
        assert ended(number, 0.05) is None, (tmp_path / "said.txt").read_text()
    assert killed(number, signal.SIGINT) == 128 + signal.SIGINT


def test_one_process_at_a_time_trains_a_sweep(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    with (tmp_path / "sweep" / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        said = cli("-m", "seed=0,1", "trainer.max_epochs=1", "logger=none", "hydra.sweep.dir=sweep")
    assert said.code == 1
    assert [one.name for one in (tmp_path / "sweep").iterdir()] == [".lock"]
    assert "sweep: another process is training there; wait for it, or choose another hydra.sweep.dir" in said.err


def test_a_checkpoint_that_a_kill_left_half_written_is_no_checkpoint(cli: Cli, tmp_path: Path) -> None:
    """It has a name of its own until it is whole."""
    (tmp_path / "sweep" / ".stacks").mkdir(parents=True)
    (tmp_path / "sweep" / ".stacks" / ".0123456789abcdef.ckpt").write_bytes(b"PK")
    said = cli("-m", "seed=0,1", "trainer.max_epochs=1", "logger=none", "hydra.sweep.dir=sweep")
    assert said.code == 0, said.err
    assert statuses(tmp_path / "sweep") == {"done": 2}
    assert not list((tmp_path / "sweep" / ".stacks").glob("*"))
