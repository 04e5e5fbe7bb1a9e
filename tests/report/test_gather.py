"""What is read of sweeps, once."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from onelayer.report.gather import Gathered, Swept, gather
from onelayer.report.winner import Winner
from tests.report.swept import train


def test_swept_keys_are_numbers_or_words_in_their_order() -> None:
    assert Swept.of("lr", ["0.1", "1e-3", "1"]) == Swept("lr", ("1e-3", "0.1", "1"), numeric=True, logarithmic=True)
    assert Swept.of("l2", ["0.1", "0"]) == Swept("l2", ("0", "0.1"), numeric=True, logarithmic=False)
    assert Swept.of("lr", ["auto", "0.1"]) == Swept("lr", ("0.1", "auto"), numeric=False, logarithmic=False)
    assert Swept.of("beta", ["1", None, "2"]) == Swept("beta", ("1", "2", "default"), numeric=False, logarithmic=False)


def test_what_differs_is_swept_and_seeds_come_last(of_cancer: Gathered) -> None:
    assert [one.key for one in of_cancer.swept] == ["optim", "optim.lr", "seed"]
    assert of_cancer.names == ("adam", "lbfgs", "sgd")
    assert of_cancer.metric == "val/loss"


def test_every_run_has_its_curve_which_ends_in_its_result(of_cancer: Gathered, of_numbers: Gathered) -> None:
    for gathered in (of_cancer, of_numbers):
        assert set(gathered.curves) == {record.directory for record in gathered.records}
        for record in gathered.records:
            result = json.loads((gathered.top / record.directory / "result.json").read_text())
            curve = gathered.curves[record.directory]
            epochs, evaluations, seconds = curve.points("evaluations", "seconds")
            assert (epochs[-1], evaluations[-1]) == (result["epochs"], result["evaluations"])
            assert seconds[-1] == pytest.approx(result["seconds"], rel=1e-5)
            assert list(epochs) == list(range(result["epochs"] + 1))
            for name, value in result["metrics"].items():
                if name in curve.tags and name.startswith("train/") and value is not None:
                    last = float(curve.points(name)[1][-1])
                    assert last == pytest.approx(value, rel=1e-5, abs=1e-12) or abs(value) > 1e38, name
            validated, losses = curve.points("val/loss")
            if result["best_epoch"] and np.isfinite(losses).all():
                (chosen,) = losses[validated == result["best_epoch"]]
                assert chosen == pytest.approx(losses.min())


def test_statuses_of_the_sweep_are_those_that_the_figures_need(of_numbers: Gathered) -> None:
    assert {record.status for record in of_numbers.records} >= {"diverged", "stopped"}
    ends = {record.epochs for record in of_numbers.records}
    assert len(ends) > 2  # some left their stack before the others


def test_the_winner_predicts_its_test_rows_again(of_cancer: Gathered, of_numbers: Gathered) -> None:
    for gathered, metric in ((of_cancer, "test/log_loss"), (of_numbers, "test/mse")):
        winner = gathered.winner
        assert isinstance(winner, Winner)
        answers = winner.answers
        assert not isinstance(answers, str)
        assert answers.stage == "test"
        told = json.loads((winner.run / "result.json").read_text())["metrics"][metric]
        if answers.probability is None:
            assert np.mean((answers.value - answers.target) ** 2) == pytest.approx(told, rel=1e-4)
        else:
            chosen = answers.probability[np.arange(len(answers.target)), answers.target]
            assert -np.log(chosen).mean() == pytest.approx(told, rel=1e-4)


def test_rows_that_are_gone_are_a_sentence_and_coefficients_stand_alone(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("x,y\n" + "".join(f"{n},{2 * n + n % 3}\n" for n in range(40)))
    folder = tmp_path / "sweep"
    train(
        *("-m", "data=table", f"data.path={table}", "data.target=y", "optim.lr=0.1,0.2", "trainer.max_epochs=5"),
        *("logger=none", f"hydra.sweep.dir={folder}"),
    )
    table.unlink()
    winner = gather([folder]).winner
    assert isinstance(winner, Winner)
    assert isinstance(winner.answers, str)
    assert "cannot be read again" in winner.answers
    rows, doubts = winner.coefficients
    assert [row["name"] for row in rows] == ["(intercept)", "x"]
    assert "cannot be read again" in doubts[0]


def test_an_optimizer_that_was_not_typed_is_the_one_that_was_chosen(tmp_path: Path, of_cancer: Gathered) -> None:
    single = of_cancer.top / of_cancer.records[0].directory
    assert gather([single]).names == (of_cancer.optimizer(of_cancer.records[0]),)
    folder = tmp_path / "sweep"
    train("-m", "data=linear", "optim.lr=0.1,0.2", "trainer.max_epochs=1", "logger=none", f"hydra.sweep.dir={folder}")
    assert gather([folder]).names == ("adam",)


def test_several_sweeps_are_one_and_may_have_moved(cancer: Path, numbers: Path, tmp_path: Path) -> None:
    for one in (cancer, numbers):
        shutil.copytree(one, tmp_path / "moved" / one.name)
    both = gather([tmp_path / "moved" / "cancer", tmp_path / "moved" / "numbers"])
    assert both.top == tmp_path / "moved"
    assert {record.directory.parts[0] for record in both.records} == {"cancer", "numbers"}
    assert len(both.curves) == len(both.records) == 18 + 24
    assert both.names == ("adam", "lbfgs", "momentum", "sgd")


def test_a_run_of_a_sweep_finds_its_curve_when_it_is_asked_for_alone(of_cancer: Gathered) -> None:
    run = of_cancer.records[3].directory
    alone = gather([of_cancer.top / run])
    np.testing.assert_array_equal(alone.curves[Path()].points("val/loss"), of_cancer.curves[run].points("val/loss"))
