"""Runs on different data are never ranked together."""

from pathlib import Path

import pytest

from onelayer.report.cautions import cautions
from onelayer.report.page.answer import answer
from tests.sweeps.sweeps import board_of, csv_of, end_run, fail_run, shown, start_run

SAID = "do not compare: each group is ranked for itself"
BEHIND = "the data changed between runs that were told the same of them"


def ranks(folder: Path, **options: bool) -> list[tuple[int | None, int | None, float | None]]:
    return [(row.group, row.rank, row.best.value("val/loss")) for row in board_of(folder, **options).rows]


def test_a_table_that_changed_behind_its_name_parts_the_runs(tmp_path: Path) -> None:
    """By the target, or where that is the same, by the rows."""
    for rate, loss, data, target in (("1", 0.3, "a", "t"), ("2", 0.1, "b", "u"), ("3", 0.2, "b", "u")):
        end_run(tmp_path, "data.path=t.csv", f"optim.lr={rate}", loss=loss, data_hash=data, target_hash=target)
    end_run(tmp_path, "data.path=t.csv", "optim.lr=4", loss=0.05, data_hash="c", target_hash="u")
    fail_run(tmp_path, "data.path=t.csv", "optim.lr=5", error="no space")
    start_run(tmp_path, "data.path=t.csv", "optim.lr=6")
    assert ranks(tmp_path) == [
        (1, 1, 0.1),
        (1, 2, 0.2),
        (2, 1, 0.3),
        (3, 1, 0.05),
        (None, None, None),
        (None, None, None),
    ]
    board = board_of(tmp_path)
    assert board.best is None
    assert [row.best.overrides["optim.lr"] for row in board.bests] == ["2", "1", "4"]
    (said,) = cautions(board)
    assert SAID in said
    assert said.endswith(BEHIND)
    assert [row["group"] for row in csv_of(tmp_path, board)] == ["1", "1", "2", "3", "", ""]
    text = shown(board)
    assert "best run of group 3 (val/loss 0.050000)" in text
    told = answer(board)
    assert (told.winner, told.command) == ("", "")
    assert told.sentences[0] == "Of group 1, optim.lr=2 has the lowest val/loss: 0.10000."


def test_other_data_that_were_asked_for_are_parted_too(tmp_path: Path) -> None:
    for data, loss in (("iris", 0.5), ("wine", 0.3)):
        for rate in (1, 2):
            end_run(tmp_path, f"data={data}", f"optim.lr={rate}", loss=loss * rate, data_hash=data, target_hash=data)
    assert ranks(tmp_path) == [(1, 1, 0.5), (1, 2, 1.0), (2, 1, 0.3), (2, 2, 0.6)]
    (said,) = cautions(board_of(tmp_path))
    assert said.endswith(SAID)


@pytest.mark.parametrize("key", ["data.drop", "data.normalize", "data.encode.rare", "data.split.seed"])
def test_one_target_seen_otherwise_is_one_group(tmp_path: Path, key: str) -> None:
    for value in ("1", "2"):
        end_run(tmp_path, f"{key}={value}", loss=float(value), data_hash=value, target_hash="t")
    assert ranks(tmp_path) == [(1, 1, 1.0), (1, 2, 2.0)]


def test_no_mean_is_taken_over_folds_and_seeds_of_different_tables(tmp_path: Path) -> None:
    for fold, (loss, target) in enumerate([(1.0, "t"), (2.0, "t"), (4.0, "u")]):
        end_run(tmp_path, "data.folds=3", f"data.fold={fold}", loss=loss, data_hash=str(fold), target_hash=target)
    board = board_of(tmp_path)
    means = [row.mean("val/loss") for row in board.rows]
    assert [mean and mean.value for mean in means] == [1.5, 4.0]
    assert cautions(board)[0].endswith(BEHIND)
    assert [group for group, *_ in ranks(tmp_path, by_run=True)] == [1, 1, 2]


def test_what_has_not_ended_stays_in_its_row_where_all_saw_the_same(tmp_path: Path) -> None:
    end_run(tmp_path, "optim=adam", "seed=0", data_hash="a", target_hash="t")
    end_run(tmp_path, "optim=adam", "seed=1", data_hash="a", target_hash="t")
    start_run(tmp_path, "optim=adam", "seed=2")
    (row,) = board_of(tmp_path).rows
    assert (row.group, row.status) == (1, "2 done, 1 unfinished")
