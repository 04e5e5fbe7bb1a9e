"""The leaderboard on the screen, in its two files, and as a command."""

import json
import logging
import math
import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onelayer.report.tables import write
from onelayer.terminal import command_line
from onelayer.terminal.command_line import shell
from tests.conftest import ROOT, Outcome
from tests.sweeps.sweeps import board_of, csv_of, end_run, fail_run, shown


def test_the_csv_holds_every_metric_as_the_results_have_it(tmp_path: Path) -> None:
    for lr in ("0.1", "0.2"):
        end_run(tmp_path, f"optim.lr={lr}", loss=float(lr) / 3, seconds=float(lr) / 7)
    fail_run(tmp_path, "optim.lr=0.3", error='first line, with a comma\nsecond "line"')
    for row in csv_of(tmp_path, board_of(tmp_path)):
        result = json.loads((tmp_path / row["directory"] / "result.json").read_text())
        for name, value in result.get("metrics", {}).items():
            assert float(row[name]) == value
        if result["status"] == "failed":
            assert (row["val/loss"], row["error"]) == ("", result["error"])
        else:
            assert (float(row["seconds"]), row["epochs"]) == (result["seconds"], "3")


@given(st.lists(st.text(alphabet="ab='\"\\$`!{}: \n")))
def test_a_shell_reads_back_what_is_written_for_it(arguments: list[str]) -> None:
    assert shlex.split(shell(arguments)) == arguments


def test_quotes_in_an_argument_stay_readable() -> None:
    assert shell(["data.class_weight='{0: 1, 1: 3}'", "seed=0"]) == "\"data.class_weight='{0: 1, 1: 3}'\" seed=0"


def test_commas_newlines_and_markup_in_overrides_survive_everywhere(tmp_path: Path) -> None:
    odd = ["data.columns=[a,b]", "data.columns='x|y\nz'", "data.columns=[bold]*c*", "data.columns=:smile: $HOME 'q'"]
    for number, override in enumerate(odd):
        end_run(tmp_path, override, loss=number)
    board = board_of(tmp_path)
    rows = csv_of(tmp_path, board)
    assert [row["data.columns"] for row in rows] == ["[a,b]", "x|y\nz", "[bold]*c*", ":smile: $HOME 'q'"]
    assert [shlex.split(row["command"])[-1] for row in rows] == odd
    text = shown(board)
    assert "[bold]*c*" in text
    assert ":smile:" in text
    page = (tmp_path / "leaderboard.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in page if line.startswith("|")]
    assert len(table) == 2 + len(odd)
    assert {line.replace("\\|", "").count("|") for line in table} == {table[0].count("|")}


@pytest.mark.parametrize(("in_checkout", "start"), [(True, "python src/train.py "), (False, "onelayer train ")])
def test_the_command_is_that_of_a_checkout_or_of_the_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_checkout: bool, start: str
) -> None:
    monkeypatch.setattr(command_line, "CONF", ROOT / "conf" if in_checkout else tmp_path / "onelayer" / "conf")
    path = "data.path='my file.csv'"
    end_run(tmp_path, "optim=adam", path)
    board = board_of(tmp_path)
    command = f'{start}optim=adam "{path}"'
    assert f"  {command}\n" in shown(board, width=40)
    write(board, tmp_path)
    assert f"```sh\n{command}\n```" in (tmp_path / "leaderboard.md").read_text()


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_table_fits_the_terminal_and_keeps_parameters_and_metric(tmp_path: Path, width: int) -> None:
    for optim in ("adam", "rmsprop"):
        for lr in ("0.7498942093324559", "1e-4"):
            end_run(tmp_path, f"optim={optim}", f"optim.lr={lr}", "data.batch_size=full", loss=0.123456789)
    text = shown(board_of(tmp_path), width)
    table = [line for line in text.splitlines() if "src/train.py" not in line]
    assert max(map(len, table)) <= width
    for word in ("rmsprop", "0.74989", "1e-4", "0.12346"):
        assert word in text
    assert ("-1.1235" in text) == (width >= 100)  # test/r2
    assert ("optim=rmsprop,optim.lr=" in text) == (width == 160)


def test_where_nothing_can_be_left_out_numbers_stay_whole(tmp_path: Path) -> None:
    for seed in range(2):
        end_run(tmp_path, "optim.weight_decay=0.25", f"seed={seed}", loss=0.123456 + seed)
        end_run(tmp_path, "optim.weight_decay=0.75", f"seed={seed}", loss=2.5 + seed)
    text = shown(board_of(tmp_path), width=20)
    assert all(word in text for word in ("0.25", "0.75", "0.62346", "±0.71", "3.0000"))


def test_shortened_numbers_never_make_two_values_look_alike(tmp_path: Path) -> None:
    for lr in ("0.10000001", "0.10000002"):
        end_run(tmp_path, f"optim.lr={lr}")
    assert all(lr in shown(board_of(tmp_path)) for lr in ("0.10000001", "0.10000002"))


def test_the_screen_shows_the_top_and_says_how_many_more(tmp_path: Path) -> None:
    for lr in range(5):
        end_run(tmp_path, f"optim.lr={lr}", loss=lr * 10 + 0.5)
    for lr in range(5, 9):
        fail_run(tmp_path, f"optim.lr={lr}", error=f"reason {lr}\nmore")
    board = board_of(tmp_path)
    text = shown(board, top=3)
    assert "20.500" in text
    assert "30.500" not in text
    assert "6 more rows" in text
    assert ("reason 7" in text, "reason 8" in text, "1 more failed runs" in text) == (True, False, True)
    write(board, tmp_path)
    page = (tmp_path / "leaderboard.md").read_text()
    assert "40.500" in page
    assert "| optim.lr=8 | reason 8 | optim.lr=8 |" in page
    assert "more" not in page


def test_both_files_are_replaced_at_once_and_nothing_else_is_left(tmp_path: Path) -> None:
    end_run(tmp_path, "optim=adam")
    before = tmp_path / "leaderboard.csv"
    before.write_text("old")
    with before.open() as reader:
        write(board_of(tmp_path), tmp_path)
        assert reader.read() == "old"  # one who reads meanwhile has the whole old file
    assert before.read_text().startswith("rank,status,")
    assert {path.name for path in tmp_path.iterdir()} == {"leaderboard.csv", "leaderboard.md", "optim=adam"}


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    end_run(tmp_path, "optim=adam")
    (tmp_path / "leaderboard.csv").mkdir()  # stands in the way of the file, for a superuser too
    with caplog.at_level(logging.WARNING):
        write(board_of(tmp_path), tmp_path)
    (record,) = caplog.records
    assert "leaderboard.csv cannot be written" in record.message
    assert {path.name for path in tmp_path.iterdir()} == {"leaderboard.csv", "optim=adam"}


def leaderboard(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`onelayer leaderboard` in a process of its own, which says what it imported."""
    script = (
        "import sys\nfrom onelayer.cli import main\ntry: main()\n"
        "finally: print('HEAVY', [name for name in ('torch', 'lightning', 'sklearn', 'scipy') if name in sys.modules])"
    )
    return subprocess.run(
        [sys.executable, "-c", script, "leaderboard", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "40"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_plainly_where_there_is_no_terminal_and_answers_at_once(tmp_path: Path) -> None:
    for lr in (1, 2, 3):
        end_run(tmp_path / "study", f"optim.lr={lr}", "data.split.seed=0", loss=lr)
    done = leaderboard(tmp_path, "study", "--sort", "val/r2", "--top", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "sorted by val/r2, higher is better" in done.stdout
    assert "optim.lr=2,data.split.seed=0" in done.stdout
    assert "1 more rows" in done.stdout
    assert done.stdout.endswith("HEAVY []\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 1, "error: nowhere: no such folder"),
        (["study", "--sort", "val/los"], 1, "did you mean 'val/loss'?"),
        (["study", "--top", "0"], 2, "give one from 1 up"),
        ([], 2, "DIR"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    end_run(tmp_path / "study", "optim=adam")
    done = leaderboard(tmp_path, *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "study").iterdir()] == ["optim=adam"]


def test_a_real_sweep_and_the_command_that_reproduces_its_best_run(tmp_path: Path, cli: Callable[..., Outcome]) -> None:
    swept = ("optim=sgd,adam", "seed=0,1", "trainer.max_epochs=3", "data=iris", "logger=none")
    outcome = cli("-m", *swept, "hydra/launcher=basic", "hydra.sweep.dir=study")
    assert outcome.code == 0, outcome.err
    board = board_of(tmp_path / "study")
    assert (board.swept, board.repeated) == (("optim",), ("seed",))
    results = [json.loads(path.read_text()) for path in (tmp_path / "study").rglob("result.json")]
    for row in csv_of(tmp_path / "study", board):
        losses = [one["metrics"]["val/loss"] for one in results if f"optim={row['optim']}" in one["overrides"]]
        assert float(row["val/loss"]) == pytest.approx(statistics.mean(losses), rel=1e-15)
        assert float(row["val/loss_std"]) == pytest.approx(statistics.stdev(losses), rel=1e-12)
    assert board.best is not None
    best = board.best.best
    assert best.metrics["val/loss"] in (one["metrics"]["val/loss"] for one in results)
    again = cli(*shlex.split(best.command)[2:], "hydra.run.dir=again")
    assert again.code == 0, again.err
    result = json.loads((tmp_path / "again" / "result.json").read_text())
    assert result["metrics"] == best.metrics
    assert math.isfinite(result["metrics"]["val/loss"])
    # a run is shown as a sweep of one, and its folder stays as it is
    assert leaderboard(tmp_path, "again").returncode == 0
    assert not list((tmp_path / "again").glob("leaderboard.*"))
