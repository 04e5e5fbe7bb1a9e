"""The paragraph on top of a report: scipy and the results on disk say the same."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_rel

from onelayer.report.page.answer import Answer, answer, margin
from tests.sweeps.sweeps import NAN, board_of, end_run, fail_run


def said(sweep: Path, **reference: str) -> Answer:
    return answer(board_of(sweep), {"reference": reference})


def text(sweep: Path, **reference: str) -> str:
    return " ".join(said(sweep, **reference).sentences).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("far", [0.0, 0.3])
def test_how_sure_it_is_is_students_interval_of_paired_differences(tmp_path: Path, far: float) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1.0, 0.05, 6), rng.normal(1.01 + far, 0.05, 6)
    for seed in range(6):
        end_run(tmp_path, "optim=adam", f"seed={seed}", loss=a[seed])
        end_run(tmp_path, "optim=sgd", f"seed={seed}", loss=b[seed])
    end_run(tmp_path, "optim=adam", "seed=6", loss=float(a.mean()))  # has no partner
    found = board_of(tmp_path)
    first, second = ("adam", "sgd") if found.rows[0].best.overrides["optim"] == "adam" else ("sgd", "adam")
    pairs = margin(found.rows[0], found.rows[1], found)
    oracle = ttest_rel(*((b, a) if first == "adam" else (a, b)))
    interval = oracle.confidence_interval(0.95)
    assert pairs is not None
    assert pairs.pairs == 6
    assert pairs[1:3] == pytest.approx((interval.low, interval.high), rel=1e-12)
    told = text(tmp_path)
    assert f"The next one, optim={second}, is" in told
    assert ("the two are told apart" in told) == (oracle.pvalue < 0.05) == bool(far)


def test_more_is_better_of_some_metrics(tmp_path: Path) -> None:
    for seed, (a, b) in enumerate(((0.9, 0.8), (0.91, 0.82), (0.92, 0.81))):
        for optim, value in (("adam", a), ("sgd", b)):
            metrics = {"val/r2": value, "test/r2": value - 0.1}
            end_run(tmp_path, f"optim={optim}", f"seed={seed}", monitor="val/r2", metrics=metrics)
    told = text(tmp_path)
    assert told.startswith(
        "It has the highest val/r2 of 2 configurations: 0.91000 ± 0.01 (mean ± standard deviation of 3 runs)."
    )
    assert "The next one, optim=sgd, is 0.1 behind" in told
    assert "test/r2 is 0.81000" in told
    assert said(tmp_path).winner == "optim=adam"


def test_a_single_run_each_says_nothing_of_chance(tmp_path: Path) -> None:
    end_run(tmp_path, "optim=adam", "optim.lr=0.1", loss=1.0)
    end_run(tmp_path, "optim=sgd", "optim.lr=0.1", loss=1.5)
    told = text(tmp_path)
    assert "The next one, optim=sgd, is 0.5 behind; with one run each nothing says how much of that is" in told
    assert "All 2 runs came to their end." in told


def test_numbers_are_those_of_the_results(tmp_path: Path) -> None:
    metrics = {"val/loss": 0.123456789, "test/loss": 0.2, "train/gap": 1.25e-5, "train/rel_gap": 3.5e-4}
    end_run(tmp_path, "optim=adam", metrics=metrics)
    end_run(tmp_path, "optim=sgd", loss=4.0)
    one = said(tmp_path)
    exact = {name: value for name, _, value, _ in one.figures}
    assert exact == {"val/loss": 0.123456789, "test/loss": 0.2, "train/rel_gap": 3.5e-4, "runs": 2}
    assert (
        "After its last epoch it was 1.25e-05 above the exact optimum of its objective, with 0.035 % of the way"
        in text(tmp_path)
    )
    assert one.command.endswith("train.py optim=adam")


def test_failed_and_diverged_runs_are_counted_and_an_unknown_optimum_has_its_reason(tmp_path: Path) -> None:
    end_run(tmp_path, "optim=adam", metrics={"val/loss": 1.0})
    end_run(tmp_path, "optim=sgd", status="diverged", loss=NAN)
    fail_run(tmp_path, "optim=lbfgs", error="no")
    told = text(tmp_path, note="separable classes have none.")
    assert "Of 3 runs, 1 done, 1 diverged, 1 failed." in told
    assert "How far it is from the exact optimum is not known: separable classes have none." in told


def test_equal_values_are_said_and_a_sweep_without_an_end_has_no_winner(tmp_path: Path) -> None:
    for lr in ("0.1", "0.2", "0.3"):
        end_run(tmp_path / "a", f"optim.lr={lr}", loss=2.0)
        fail_run(tmp_path / "b", f"optim.lr={lr}", error="no")
    assert "2 others have exactly the same value." in text(tmp_path / "a")
    none = said(tmp_path / "b")
    assert (none.winner, none.command) == ("", "")
    assert re.match("No configuration has a finite val/loss from all of its runs: 3 failed.", none.sentences[0])
