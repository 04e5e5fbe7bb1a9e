"""Which run is best: order, means over seeds, and what a sweep shows before it has ended."""

import statistics
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onelayer.errors import UserError
from onelayer.report.cautions import cautions
from onelayer.report.leaderboard import build_leaderboard
from onelayer.report.records import Record
from tests.conftest import Outcome
from tests.sweeps.sweeps import NAN, board_of, csv_of, end_run, fail_run, shown, start_run


@given(
    st.lists(st.tuples(st.sampled_from(["done", "stopped", "diverged"]), st.none() | st.floats(-1e6, 1e6))),
    st.sampled_from(["val/loss", "val/r2", "test/mae"]),
)
def test_rank_order_is_that_of_the_values(runs: list[tuple[str, float | None]], sort: str) -> None:
    runs = [*runs, ("done", 0.0)]
    sweep = [Record(Path(str(n)), status, metrics={sort: value}) for n, (status, value) in enumerate(runs)]
    rows = build_leaderboard(sweep, sort=sort).rows
    best_first = sorted((v for status, v in runs if status != "diverged" and v is not None), reverse=sort == "val/r2")
    ranked = rows[: len(best_first)]
    assert [row.best.metrics[sort] for row in ranked] == best_first
    assert [row.rank for row in ranked] == [best_first.index(value) + 1 for value in best_first]
    assert {row.rank for row in rows[len(ranked) :]} <= {None}


def test_finished_runs_come_first_then_diverged_failed_and_unfinished(tmp_path: Path) -> None:
    start_run(tmp_path, "optim.lr=1")
    fail_run(tmp_path, "optim.lr=2", error="no such file")
    end_run(tmp_path, "optim.lr=3", status="diverged", loss=0.01)
    end_run(tmp_path, "optim.lr=4", status="diverged", loss=NAN)
    end_run(tmp_path, "optim.lr=5", loss=NAN)
    end_run(tmp_path, "optim.lr=6", loss=0.2)
    end_run(tmp_path, "optim.lr=7", status="stopped", loss=0.1)
    rows = [(row.rank, row.status, row.best.overrides["optim.lr"]) for row in board_of(tmp_path).rows]
    assert rows == [
        (1, "stopped", "7"),
        (2, "done", "6"),
        (None, "done", "5"),
        (None, "diverged", "3"),
        (None, "diverged", "4"),
        (None, "failed", "2"),
        (None, "unfinished", "1"),
    ]


def test_runs_are_sorted_by_what_they_monitor(tmp_path: Path) -> None:
    end_run(tmp_path, "optim.lr=1", loss=2.0, monitor="val/r2")
    end_run(tmp_path, "optim.lr=2", loss=1.0, monitor="val/r2")
    board = board_of(tmp_path)
    assert (board.sort, board.rows[0].best.metrics["val/r2"]) == ("val/r2", -1.0)


@pytest.mark.parametrize("monitors", [(None, None), ("val/r2", "val/mae")])
def test_without_one_monitor_they_are_sorted_by_the_validation_loss(tmp_path: Path, monitors: tuple[str, str]) -> None:
    for lr, monitor in enumerate(monitors):
        end_run(tmp_path, f"optim.lr={lr}", monitor=monitor)
    assert board_of(tmp_path).sort == "val/loss"


def test_without_validation_rows_they_are_sorted_by_the_objective(tmp_path: Path) -> None:
    for lr, objective in (("1", 3.0), ("2", 2.0)):
        end_run(tmp_path, f"optim.lr={lr}", metrics={"train/objective": objective, "test/loss": 1.0})
    board = board_of(tmp_path)
    assert (board.sort, board.rows[0].best.overrides["optim.lr"]) == ("train/objective", "2")
    assert board.shown == ("train/objective", "test/loss")


@pytest.mark.parametrize(("sort", "best"), [("val/r2", "1"), ("test/loss", "1"), ("seconds", "2"), ("epochs", "2")])
def test_any_metric_sorts_and_so_do_epochs_and_seconds(tmp_path: Path, sort: str, best: str) -> None:
    end_run(tmp_path, "optim.lr=1", loss=1.0, epochs=30, seconds=3.0)
    end_run(tmp_path, "optim.lr=2", loss=2.0, epochs=20, seconds=2.0)
    assert board_of(tmp_path, sort=sort).rows[0].best.overrides["optim.lr"] == best


def test_a_metric_that_no_run_has_is_refused(tmp_path: Path) -> None:
    end_run(tmp_path, "optim.lr=1")
    with pytest.raises(UserError, match=r"--sort val/los: no run has such a metric; did you mean 'val/loss'\?"):
        board_of(tmp_path, sort="val/los")
    with pytest.raises(UserError, match=r"--sort zzz: .*there are test/loss, .*, epochs, seconds"):
        board_of(tmp_path, sort="zzz")


def test_before_the_first_run_has_ended_any_metric_is_accepted(tmp_path: Path) -> None:
    start_run(tmp_path, "optim.lr=1")
    board = board_of(tmp_path, sort="val/accuracy")
    assert board.best is None
    assert "1 run: 1 unfinished" in shown(board)


def test_swept_parameters_are_those_that_differ_or_are_absent(tmp_path: Path) -> None:
    end_run(tmp_path, "optim=adam", "optim.lr=0.1", "model.l2='0.5'", "data=wine")
    end_run(tmp_path, "optim=adam", "optim.lr=1e-1", "model.l2=0.50", "data=wine", "+data.n=3")
    end_run(tmp_path, "optim=adam", "optim.lr=1e-1", "model.l2=5e-1", "data=wine", "~data.split")
    board = board_of(tmp_path)
    assert set(board.swept) == {"data.n", "data.split"}
    assert [one.partition("=")[0] for one in board.shared] == ["optim", "optim.lr", "model.l2", "data"]
    cells = [(row["data.n"], row["data.split"]) for row in csv_of(tmp_path, board)]
    assert sorted(cells) == [("", ""), ("", "~"), ("3", "")]


def test_seeds_that_differ_beyond_float_precision_are_different() -> None:
    runs = [
        Record(Path(text), "done", (f"seed={text}",), {"seed": text})
        for text in ("9007199254740993", "9007199254740992")
    ]
    assert build_leaderboard(runs).repeated == ("seed",)


def test_runs_that_differ_only_in_the_seed_are_one_row_with_mean_and_spread(tmp_path: Path) -> None:
    losses = {"adam": [0.3, 0.1, 0.7], "sgd": [0.2, 0.2, 0.2]}
    for optim, values in losses.items():
        for seed, loss in enumerate(values):
            end_run(tmp_path, f"optim={optim}", f"seed={seed}", loss=loss, epochs=seed + 1, seconds=loss)
    board = board_of(tmp_path)
    assert (board.swept, board.repeated) == (("optim",), ("seed",))
    rows = csv_of(tmp_path, board)
    assert [(row["rank"], row["optim"], row["runs"]) for row in rows] == [("1", "sgd", "3"), ("2", "adam", "3")]
    for row in rows:
        values = losses[row["optim"]]
        for name, scale in (("val/loss", 1.0), ("train/gap", 1 / 7), ("seconds", 1.0)):
            expected = [value * scale for value in values]
            assert float(row[name]) == pytest.approx(statistics.mean(expected), rel=1e-15)
            assert float(row[f"{name}_std"]) == pytest.approx(statistics.stdev(expected), rel=1e-14, abs=0)
        assert (row["epochs"], row["epochs_std"]) == ("2.0", "1.0")
    # of the row's runs, the one that is best by the sorted metric is the one to reproduce
    assert rows[1]["directory"] == "optim=adam,seed=1"
    assert rows[1]["command"].endswith("optim=adam seed=1")
    assert "0.36667 ±0.31" in shown(board)
    assert "mean ± standard deviation over 3 seeds; --by-run shows each run" in shown(board)


def test_by_run_shows_each_seed(tmp_path: Path) -> None:
    for seed, loss in enumerate([0.3, 0.1, 0.2]):
        end_run(tmp_path, "optim=adam", f"seed={seed}", loss=loss)
    board = board_of(tmp_path, by_run=True)
    assert (board.swept, board.repeated) == (("seed",), ())
    assert [(row["seed"], row["val/loss"]) for row in csv_of(tmp_path, board)] == [
        ("1", "0.1"),
        ("2", "0.2"),
        ("0", "0.3"),
    ]
    assert "±" not in shown(board)


def test_folds_are_repetitions_as_seeds_are(tmp_path: Path) -> None:
    losses = {l2: [0.3 + l2, 0.1, 0.7, 0.2, 0.4] for l2 in (0.0, 0.1)}
    for l2, values in losses.items():
        for fold, loss in enumerate(values):
            end_run(tmp_path, "data.folds=5", f"data.fold={fold}", f"model.l2={l2}", loss=loss)
    board = board_of(tmp_path)
    assert (board.swept, board.repeated) == (("model.l2",), ("data.fold",))
    assert "mean ± standard deviation over 5 folds; --by-run shows each run" in shown(board)
    rows = csv_of(tmp_path, board)
    assert [(row["model.l2"], row["runs"]) for row in rows] == [("0.0", "5"), ("0.1", "5")]
    for row in rows:
        values = losses[float(row["model.l2"])]
        assert float(row["val/loss"]) == pytest.approx(statistics.mean(values), rel=1e-15)
        assert float(row["val/loss_std"]) == pytest.approx(statistics.stdev(values), rel=1e-14)
    assert rows[0]["command"].endswith("data.folds=5 data.fold=1 model.l2=0.0")


def test_a_real_sweep_over_folds_has_a_row_for_each_setting(tmp_path: Path, cli: Callable[..., Outcome]) -> None:
    outcome = cli(
        "-m",
        "data=breast_cancer",
        "data.folds=3",
        "data.fold=range(0,3)",
        "model.l2=0.1,1",
        "trainer.max_epochs=2",
        "logger=none",
        "hydra.sweep.dir=study",
    )
    assert outcome.code == 0, outcome.err
    assert "mean ± standard deviation over 3 folds" in outcome.out
    board = board_of(tmp_path / "study")
    assert [len(row.counted) for row in board.rows] == [3, 3]
    for row in board.rows:
        losses = {record.overrides["data.fold"]: record.value("val/loss") for record in row.runs}
        values = [value for value in losses.values() if value is not None]
        assert len(set(values)) == 3
        assert row.mean("val/loss") == pytest.approx((statistics.mean(values), statistics.stdev(values)))


def test_seeds_and_folds_together_are_one_row(tmp_path: Path) -> None:
    for optim in ("adam", "sgd"):
        for seed in range(3):
            for fold in range(2):
                end_run(tmp_path, f"optim={optim}", f"seed={seed}", f"data.fold={fold}", loss=seed + 10.0 * fold)
    board = board_of(tmp_path)
    assert (board.swept, set(board.repeated)) == (("optim",), {"seed", "data.fold"})
    assert "over 3 seeds and 2 folds;" in shown(board)
    values = [0.0, 1, 2, 10, 11, 12]
    assert [float(row["val/loss"]) for row in csv_of(tmp_path, board)] == [statistics.mean(values)] * 2
    by_run = csv_of(tmp_path, board_of(tmp_path, by_run=True))
    assert len({(row["optim"], row["seed"], row["data.fold"]) for row in by_run}) == 12


def test_a_mean_says_how_many_runs_are_in_it_and_diverging_seeds_cost_the_rank(tmp_path: Path) -> None:
    for seed in range(3):
        end_run(tmp_path, "optim.lr=10", f"seed={seed}", loss=0.1 + seed)
        end_run(tmp_path, "optim.lr=1", f"seed={seed}", loss=9.0)
    end_run(tmp_path, "optim.lr=10", "seed=3", status="diverged", loss=1e9)
    start_run(tmp_path, "optim.lr=1", "seed=3")
    fail_run(tmp_path, "optim.lr=1", "seed=4", error="no space")
    board = board_of(tmp_path)
    slow, wild = csv_of(tmp_path, board)
    assert (slow["optim.lr"], slow["rank"], slow["status"]) == ("1", "1", "3 done, 1 failed, 1 unfinished")
    assert (wild["optim.lr"], wild["rank"], wild["status"]) == ("10", "", "3 done, 1 diverged")
    assert (wild["runs"], wild["counted"]) == ("4", "3")
    assert float(wild["val/loss"]) == pytest.approx(1.1)
    assert "3 of 4" in shown(board)
    assert "3 of 5" in shown(board)


def test_a_mean_with_a_value_missing_is_missing(tmp_path: Path) -> None:
    for seed, loss in enumerate([0.1, NAN]):
        end_run(tmp_path, "optim=adam", f"seed={seed}", loss=loss)
    end_run(tmp_path, "optim=sgd", "seed=0", loss=5.0)
    board = board_of(tmp_path)
    assert [(row.best.overrides["optim"], row.rank) for row in board.rows] == [("sgd", 1), ("adam", None)]
    assert csv_of(tmp_path, board)[1]["val/loss"] == ""


def test_classes_have_their_accuracy_beside_the_loss_and_no_empty_gap(tmp_path: Path) -> None:
    metrics = {f"{stage}/{name}": 0.5 for stage in ("train", "val", "test") for name in ("loss", "accuracy", "auroc")}
    end_run(tmp_path, "optim=adam", metrics=metrics | {"train/gap": NAN})
    assert board_of(tmp_path).shown == ("val/loss", "test/loss", "val/accuracy", "test/accuracy")
    assert board_of(tmp_path, sort="test/auroc").shown[:2] == ("val/auroc", "test/auroc")
    assert "train/gap" in csv_of(tmp_path, board_of(tmp_path))[0]


def test_rows_that_were_not_measured_alike_are_told(tmp_path: Path) -> None:
    for scaling, seed in (("none", 0), ("standard", 1)):
        end_run(tmp_path, f"data.normalize_target={scaling}", f"data.split.seed={seed}", loss=float(seed))
    board = board_of(tmp_path)
    units, rows = cautions(board)
    assert units == "val/loss is in other units where data.normalize_target differs; --sort val/r2 compares them"
    assert rows == "rows that differ in data.split.seed were measured on other data"
    assert cautions(board_of(tmp_path, sort="val/r2")) == [rows]


@pytest.mark.parametrize(
    ("key", "others", "caution"),
    [
        (
            "data.class_weight",
            ["val/log_loss", "val/accuracy"],
            "val/loss is in other units where data.class_weight differs; --sort val/log_loss compares them",
        ),
        ("data.class_weight", ["val/accuracy"], "val/loss is in other units where data.class_weight differs"),
        ("task", ["val/log_loss", "val/r2"], "val/loss is in other units where task differs"),
        (
            "data.sample_weight",
            ["val/log_loss", "val/r2"],
            "every metric counts rows otherwise where data.sample_weight differs, so that none compares these",
        ),
    ],
)
def test_the_advised_metric_is_one_that_compares_the_runs(
    tmp_path: Path, key: str, others: list[str], caution: str
) -> None:
    for value in ("a", "b"):
        end_run(tmp_path, f"{key}={value}", metrics=dict.fromkeys(["val/loss", *others], 0.5))
    assert cautions(board_of(tmp_path)) == [caution]
    if "--sort" not in caution and key == "data.sample_weight":
        assert cautions(board_of(tmp_path, sort=others[0])) == [caution]
        assert cautions(board_of(tmp_path, sort="seconds")) == []


def test_no_metric_is_advised_that_one_of_the_runs_has_not(tmp_path: Path) -> None:
    end_run(tmp_path, "data.normalize_target=none", metrics={"val/loss": 1.0, "val/r2": NAN})
    end_run(tmp_path, "data.normalize_target=standard", metrics={"val/loss": 1.0, "val/r2": 0.5})
    assert cautions(board_of(tmp_path)) == ["val/loss is in other units where data.normalize_target differs"]


def test_an_objective_holds_the_penalty(tmp_path: Path) -> None:
    for l2 in ("0", "1"):
        end_run(tmp_path, f"model.l2={l2}", metrics={"train/objective": 1.0, "train/loss": 0.5})
    penalty = "train/objective has the penalty in it, which is another where model.l2 differs"
    assert cautions(board_of(tmp_path)) == [f"{penalty}; --sort train/loss compares them"]
    assert cautions(board_of(tmp_path, sort="train/loss")) == []


def test_rows_without_a_value_are_told(tmp_path: Path) -> None:
    metrics = {"val/auroc": NAN, "val/loss": 0.5}
    end_run(tmp_path / "none", "optim=adam", metrics=metrics, monitor="val/auroc")
    board = board_of(tmp_path / "none")
    assert board.best is None
    assert cautions(board) == ["no run has a val/auroc, so that none is ranked; --sort val/loss ranks them"]
    for seed, value in enumerate([0.9, NAN]):
        end_run(tmp_path / "some", "optim=adam", f"seed={seed}", metrics={"val/auroc": value}, monitor="val/auroc")
    end_run(tmp_path / "some", "optim=sgd", "seed=0", metrics={"val/auroc": 0.5}, monitor="val/auroc")
    assert cautions(board_of(tmp_path / "some")) == ["1 row has no rank: of some of their runs val/auroc has no value"]


def test_rows_that_were_measured_alike_need_no_caution(tmp_path: Path) -> None:
    for rate in ("0.1", "0.2"):
        end_run(tmp_path, f"optim.lr={rate}", loss=float(rate))
    assert cautions(board_of(tmp_path)) == []


def test_seeds_that_change_nothing_count_once(tmp_path: Path) -> None:
    """Three folds under two seeds are three numbers, whose spread is theirs; one row of equal runs has no spread."""
    losses = {"0": 1.0, "1": 2.0, "2": 4.0}
    for seed in ("0", "1"):
        for fold, loss in losses.items():
            end_run(tmp_path, f"seed={seed}", f"data.fold={fold}", loss=loss, data_hash=fold, random=False)
    (row,) = board_of(tmp_path).rows
    assert (len(row.runs), len(row.counted)) == (6, 3)
    assert row.mean("val/loss") == pytest.approx((statistics.mean(losses.values()), statistics.stdev(losses.values())))
    said = "the seed changes nothing, where no weight is drawn and batches have one order"
    assert said in shown(board_of(tmp_path), width=300)
    assert "alone are equal but for rounding, and count once" in shown(board_of(tmp_path), width=300)
    assert "3 of 6" in shown(board_of(tmp_path))
    end_run(tmp_path, "seed=2", "data.fold=0", loss=1.0, data_hash="0", random=False, trained_with="seed=0,data.fold=0")
    assert "alone were trained once, and count once" in shown(board_of(tmp_path), width=300)


def test_rows_whose_runs_are_equal_have_no_spread(tmp_path: Path) -> None:
    for seed in ("0", "1", "2"):
        end_run(tmp_path, "data.batch_size=full", f"seed={seed}", loss=0.5, random=False)
        end_run(tmp_path, "data.batch_size=8", f"seed={seed}", loss=0.6 + 0.1 * int(seed))
    board = board_of(tmp_path)
    equal, drawn = board.rows
    assert equal.mean("val/loss") == (0.5, None)
    assert drawn.mean("val/loss") == pytest.approx((0.7, 0.1))
    (said,) = cautions(board)
    assert said.startswith("the seed changes nothing in 1 of 2 rows")
    first = csv_of(tmp_path, board)[0]
    assert (first["counted"], first["val/loss_std"]) == ("1", "")
    assert "the seed changes nothing" in " ".join(cautions(board_of(tmp_path, by_run=True)))


def test_a_seed_that_something_else_goes_by_counts(tmp_path: Path) -> None:
    for seed in ("0", "1"):
        end_run(tmp_path, "model.init=${seed}", f"seed={seed}", loss=1.0 + int(seed), random=False)
    (row,) = board_of(tmp_path).rows
    assert len(row.counted) == 2
