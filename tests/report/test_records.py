"""Reading a sweep: whatever a killed, running or foreign one leaves on disk."""

from pathlib import Path

import pytest

from onelayer.errors import UserError
from onelayer.report.records import read_sweep
from tests.sweeps.sweeps import board_of, csv_of, end_run, shown


def test_runs_lie_at_any_depth_and_hidden_folders_and_links_are_none(tmp_path: Path) -> None:
    sweep = tmp_path / "outputs"
    end_run(sweep / "a" / "b", "optim=adam")
    end_run(sweep, "optim=sgd")
    end_run(sweep / ".cache", "optim=asgd")
    end_run(sweep / "optim=sgd" / "inside", "optim=rprop")
    (sweep / "latest").symlink_to(sweep / "optim=sgd")
    (sweep / "optim=sgd" / ".result.json.77").write_text("{")
    assert [record.directory.as_posix() for record in read_sweep(sweep)] == ["a/b/optim=adam", "optim=sgd"]


def test_a_single_run_directory_is_a_sweep_of_one(tmp_path: Path) -> None:
    directory = end_run(tmp_path, "optim=adam", "optim.lr=0.1")
    board = board_of(directory)
    assert [row.best.directory for row in board.rows] == [Path()]
    assert board.shared == ("optim=adam", "optim.lr=0.1")
    assert csv_of(directory, board)[0]["directory"] == "."


def test_a_run_that_has_only_begun_is_unfinished_and_hides_no_shared_override(tmp_path: Path) -> None:
    end_run(tmp_path, "optim=adam", "data=wine")
    end_run(tmp_path, "optim=sgd", "data=wine")
    (tmp_path / "begun" / ".hydra").mkdir(parents=True)
    (tmp_path / "begun" / ".hydra" / "overrides.yaml").write_text("")  # as it is while it is being written
    board = board_of(tmp_path)
    assert (board.swept, board.shared) == (("optim",), ("data=wine",))
    assert board.rows[-1].status == "unfinished"


def test_a_result_cut_short_is_shown_as_failed_with_its_overrides(tmp_path: Path) -> None:
    end_run(tmp_path, "optim=adam")
    directory = end_run(tmp_path, "optim=sgd")
    text = (directory / "result.json").read_bytes()
    (directory / "result.json").write_bytes(text[: len(text) // 2])
    board = board_of(tmp_path)
    assert [(row.status, row.best.overrides["optim"]) for row in board.rows] == [("done", "adam"), ("failed", "sgd")]
    assert "result.json cannot be read" in shown(board)


@pytest.mark.parametrize(
    ("content", "said"),
    [('{"format": 99, "status": "done"}', "has format 99"), ('{"score": 1}', "is no result"), ("[]", "is no result")],
)
def test_a_result_in_another_format_is_refused_by_name(tmp_path: Path, content: str, said: str) -> None:
    end_run(tmp_path, "optim=adam")
    other = tmp_path / "other" / "result.json"
    other.parent.mkdir()
    other.write_text(content)
    with pytest.raises(UserError, match=f"{other} {said}"):
        read_sweep(tmp_path)


def test_no_folder_and_no_run_are_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder"):
        read_sweep(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no run in it"):
        read_sweep(tmp_path)
