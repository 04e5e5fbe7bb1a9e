"""Looking at a sweep changes nothing; choosing does, and every command that takes the sweep says so."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onelayer.cli import main
from onelayer.deliver.choice import Choice, read_choice, write_choice
from onelayer.deliver.load import load, model_folder
from onelayer.errors import UserError
from onelayer.filenames import CHOICE
from tests.conftest import Outcome
from tests.sweeps.sweeps import board_of, end_run, start_run
from tests.sweeps.traces import tree

Command = Callable[..., Outcome]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """The console command, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Outcome:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["onelayer", *arguments])
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        return Outcome(int(code), *capfd.readouterr())

    return run


def study(folder: Path) -> Path:
    """Three runs whose order hangs on the metric, with models as far as `model_folder` looks."""
    for rate, loss, mae, test in (("1", 0.1, 3.0, 0.7), ("2", 0.2, 1.0, 0.8), ("3", 0.3, 2.0, 0.9)):
        metrics = {"val/loss": loss, "val/mae": mae, "test/r2": test}
        run = end_run(folder, f"optim.lr={rate}", metrics=metrics, epochs=10 - int(rate))
        (run / "model").mkdir()
        (run / "model" / "model.json").touch()
    return folder


def taken(sweep: Path) -> str:
    return model_folder(sweep).parent.name


@pytest.mark.parametrize(
    "more", [(), ("--sort", "epochs"), ("--sort", "test/r2"), ("--by-run",), ("--top", "1")], ids=str
)
def test_looking_changes_nothing(tmp_path: Path, command: Command, more: tuple[str, ...]) -> None:
    sweep = study(tmp_path / "study")
    assert command("leaderboard", "study", "--choose").code == 0
    before = tree(sweep)
    done = command("leaderboard", "study", *more)
    assert (done.code, done.err) == (0, "")
    assert tree(sweep) == before
    assert taken(sweep) == "optim.lr=1"


def test_a_choice_is_kept_with_its_reason_and_taken_until_it_is_undone(tmp_path: Path, command: Command) -> None:
    sweep = study(tmp_path / "study")
    command("leaderboard", "study", "--choose")
    board = (sweep / "leaderboard.csv").read_bytes()
    done = command("leaderboard", "study", "--sort", "val/mae", "--choose")
    assert done.code == 0
    assert "take another run than training would: chosen was optim.lr=2, the lowest val/mae of 3 runs\n" in done.out
    said = {"run": "optim.lr=2", "metric": "val/mae", "value": 1.0, "reason": "the lowest val/mae of 3 runs"}
    assert json.loads((sweep / CHOICE).read_text()) == said
    assert (taken(sweep), (sweep / "leaderboard.csv").read_bytes()) == ("optim.lr=2", board)
    assert command("leaderboard", "study").err == (
        "note: commands that take study go by a choice: chosen was optim.lr=2, the lowest val/mae of 3 runs\n"
    )
    assert "note: chosen was optim.lr=2, the lowest val/mae of 3 runs\n" in command("card", "study").err
    assert "the test rows chose it" in command("leaderboard", "study", "--sort", "test/r2", "--choose").out
    assert taken(sweep) == "optim.lr=3"
    assert command("leaderboard", "study", "--choose").code == 0
    assert (taken(sweep), (sweep / CHOICE).exists()) == ("optim.lr=1", False)


def test_of_seeds_the_best_row_or_the_best_run_is_chosen(tmp_path: Path, command: Command) -> None:
    for optim, losses in (("adam", (0.1, 0.9)), ("sgd", (0.3, 0.4))):
        for seed, loss in enumerate(losses):
            end_run(tmp_path / "study", f"optim={optim}", f"seed={seed}", loss=loss)
    command("leaderboard", "study", "--by-run", "--choose")
    choice = read_choice(tmp_path / "study")
    assert choice == Choice("optim=adam,seed=0", "val/loss", 0.1, "the lowest val/loss of 4 runs")
    command("leaderboard", "study", "--sort", "test/loss", "--choose")
    choice = read_choice(tmp_path / "study")
    assert choice is not None
    assert (choice.run, choice.value) == ("optim=sgd,seed=0", 1.35)
    assert choice.reason == "the lowest test/loss of 2 rows, the best of 2 of the row with the lowest mean"


def test_what_cannot_be_chosen_is_said_and_the_choice_stays(tmp_path: Path, command: Command) -> None:
    sweep = study(tmp_path / "study")
    command("leaderboard", "study", "--sort", "val/mae", "--choose")
    end_run(sweep, "optim.lr=4", metrics={"val/loss": 0.1}, data_hash="x", target_hash="y")
    refused = command("leaderboard", "study", "--choose")
    assert refused.code == 1
    assert refused.err.startswith(
        "error: --choose: study has no first run: the runs saw 2 different data, which do not"
    )
    assert taken(sweep) == "optim.lr=2"
    start_run(tmp_path / "early", "optim.lr=1")
    assert "early has no first run: no run ended well" in command("leaderboard", "early", "--choose").err
    assert "is a single run" in command("leaderboard", "study/optim.lr=1", "--choose").err


def test_of_a_sweep_without_a_value_of_what_it_monitors_another_metric_chooses(
    tmp_path: Path, command: Command
) -> None:
    run = end_run(tmp_path / "study", "optim.lr=1", metrics={"val/auroc": None, "val/loss": 0.5}, monitor="val/auroc")
    (run / "model").mkdir()
    (run / "model" / "model.json").touch()
    from onelayer.report.tables import write

    write(board_of(tmp_path / "study"), tmp_path / "study")
    with pytest.raises(UserError, match=r"has no value; choose by another metric with onelayer leaderboard .*--choose"):
        model_folder(tmp_path / "study")
    assert "--sort val/loss ranks them" in command("leaderboard", "study", "--choose").err
    assert command("leaderboard", "study", "--sort", "val/loss", "--choose").code == 0
    assert taken(tmp_path / "study") == "optim.lr=1"


def test_a_choice_that_is_gone_or_torn_is_said(tmp_path: Path) -> None:
    sweep = study(tmp_path / "study")
    write_choice(sweep, Choice("optim.lr=9", "val/mae", 1.0, "the lowest val/mae of 9 runs"))
    with pytest.raises(UserError, match=r"the run that was chosen, optim.lr=9, has no model; choose again"):
        model_folder(sweep)
    (sweep / CHOICE).write_text('{"run": ')
    with pytest.raises(UserError, match=r"choice.json: it cannot be read .*; choose again with onelayer leaderboard"):
        load(sweep)


def test_where_runs_saw_different_data_none_is_taken(tmp_path: Path, command: Command) -> None:
    from onelayer.report.tables import write

    sweep = tmp_path / "study"
    for rate, target in (("1", "t"), ("2", "u")):
        end_run(sweep, f"optim.lr={rate}", loss=float(rate), data_hash=target, target_hash=target)
    write(board_of(sweep), sweep)
    with pytest.raises(UserError, match=r"different data, .*; give the folder of one, such as .*optim.lr=1"):
        model_folder(sweep)


def test_a_sweep_that_is_extended_keeps_the_choice_and_says_so(cli: Command, command: Command, tmp_path: Path) -> None:
    settings = ("data=linear", "trainer.max_epochs=2", "logger=none", "hydra.sweep.dir=study")
    assert cli("-m", "optim.lr=0.01,0.1", *settings).code == 0
    assert command("leaderboard", "study", "--sort", "seconds", "--choose").code == 0
    chosen = taken(tmp_path / "study")
    done = cli("-m", "optim.lr=0.01,0.1,0.5", *settings)
    assert done.code == 0, done.err
    assert "note: commands that take study go by an earlier choice: chosen was " in done.out
    assert taken(tmp_path / "study") == chosen
