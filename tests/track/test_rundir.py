"""Results on disk: valid JSON always, all or nothing, and nothing of the user's removed."""

import fcntl
import json
from pathlib import Path

import pytest

from onelayer.errors import UserError
from onelayer.track.rundir import discard, exclusive, missing_folders, refuse_used, write_result


def test_nan_and_infinity_are_null(tmp_path: Path) -> None:
    write_result(tmp_path, {"metrics": {"a": float("nan"), "b": [float("inf"), 1.0]}})
    assert json.loads((tmp_path / "result.json").read_text()) == {"format": 1, "metrics": {"a": None, "b": [None, 1.0]}}
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_result_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    write_result(tmp_path, {"status": "done"})
    with pytest.raises(TypeError):
        write_result(tmp_path, {"status": object()})
    assert json.loads((tmp_path / "result.json").read_text())["status"] == "done"


def test_a_used_directory_is_refused(tmp_path: Path) -> None:
    refuse_used(tmp_path)
    write_result(tmp_path, {})
    with pytest.raises(UserError, match="already holds a run"):
        refuse_used(tmp_path)


def test_discard_takes_back_what_hydra_wrote_and_nothing_else(tmp_path: Path) -> None:
    run = tmp_path / "2026-01-01" / "12-00-00"
    made = missing_folders(run)
    assert made == [run, run.parent]
    (run / ".hydra").mkdir(parents=True)
    (run / ".hydra" / "config.yaml").write_text("")
    (run / "train.log").write_text("")
    (run / "notes.txt").write_text("mine")
    discard(run, made)
    assert [path.name for path in run.iterdir()] == ["notes.txt"]
    (run / "notes.txt").unlink()
    discard(run, made)
    assert not run.parent.exists()


def test_a_directory_is_held_once_and_free_again(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "run"
    with (
        exclusive(directory, "key"),
        exclusive(directory, "key"),
        (directory / ".lock").open() as other,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert list(directory.iterdir()) == []
    with (directory / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process is training there"), exclusive(directory, "key"):
            pass
    with exclusive(directory, "key"):  # what a killed process left
        pass
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError), exclusive(tmp_path / "file", "key"):
        pass
