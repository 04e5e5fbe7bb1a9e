"""Gaps, profiles and budgets against the curves and results on disk."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onelayer.report.figures import gaps, profile
from onelayer.report.figures.budget import values_of
from onelayer.report.figures.profile import problems_of
from onelayer.report.gather import Gathered, gather
from onelayer.report.measures import median
from onelayer.report.race import GAP, fastest, first, racers, targets
from onelayer.track.stored import Block
from tests.report.drawn import pretended


def test_gaps_are_those_of_the_curves_and_end_in_the_results(of_cancer: Gathered) -> None:
    for racer in fastest(of_cancer):
        ends = sorted(float(gap[-1]) for _, gap in racer.curves("epochs", GAP))
        told = sorted(float(one.metrics["train/rel_gap"] or math.nan) for one in racer.row.runs)
        assert ends == pytest.approx(told, rel=1e-5)
    assert [racer.optimizer for racer in fastest(of_cancer)] == ["adam", "lbfgs", "sgd"]


def test_the_fastest_setting_is_found_by_looking_at_all(of_cancer: Gathered) -> None:
    for target in targets(of_cancer):
        for racer in racers(of_cancer):
            for record, time_of in zip(racer.row.runs, racer.times(target, "epochs"), strict=True):
                epochs, gap = of_cancer.curves[record.directory].points(GAP)
                wanted = next((e for e, g in zip(epochs, gap, strict=True) if g <= target.value), math.inf)
                assert time_of == wanted


def test_a_profile_has_each_target_in_each_repetition_as_a_problem(of_cancer: Gathered) -> None:
    names, costs, _ = problems_of(of_cancer)
    assert names == ["adam", "lbfgs", "sgd"]
    assert costs.shape == (3, 3 * 3)
    for target in targets(of_cancer):
        for seed in range(3):
            wanted = []
            for name in names:
                chosen = first([one for one in racers(of_cancer) if one.optimizer == name], target, "evaluations")
                (record,) = (one for one in chosen.row.runs if one.overrides["seed"] == str(seed))
                evaluations, gap = of_cancer.curves[record.directory].points("evaluations", GAP)[1:]
                wanted.append(next((e for e, g in zip(evaluations, gap, strict=True) if g <= target.value), math.inf))
            assert wanted in costs.T.tolist()
    best = [min(median(r.times(t, "evaluations")) for r in racers(of_cancer)) for t in targets(of_cancer)]
    found = [min(sorted(costs[s, 3 * t : 3 * t + 3])[1] for s in range(3)) for t in range(3)]
    assert found == best


def test_where_the_optimum_is_not_known_the_best_loss_is_the_target(of_cancer: Gathered) -> None:
    curves = {}
    for run, curve in of_cancer.curves.items():
        values = {tag: one for tag, one in curve.block.values.items() if "gap" not in tag}
        curves[run] = replace(curve, block=replace(curve.block, values=values))
    blind = replace(of_cancer, curves=curves)
    (target,) = targets(blind)
    least = min(float(curve.points("val/loss")[1].min()) for curve in curves.values())
    assert target.tag == "val/loss"
    assert target.value == pytest.approx(1.01 * least)
    assert not gaps.draw_epochs(blind).drawn.svg
    assert profile.draw(blind).drawn.svg


def test_a_run_that_diverged_counts_as_the_worst_in_a_budget(of_numbers: Gathered) -> None:
    found = values_of(of_numbers)
    kept = [v for record in of_numbers.records if (v := of_numbers.value(record)) is not None]
    assert {name: len(values) for name, values in found.items()} == {"momentum": 12, "sgd": 12}
    assert [*found["momentum"], *found["sgd"]].count(max(kept)) >= 8


def test_runs_that_never_moved_have_no_gap_to_draw(tmp_path: Path) -> None:
    (name, other) = pretended(tmp_path, 2)
    values = {tag: np.full((1, 2), 1.0, np.float32) for tag in ("train/rel_gap", "evaluations", "seconds")}
    folder = tmp_path / "stacks" / "a"
    folder.mkdir(parents=True)
    Block((name, other), np.zeros(0, np.int32), np.zeros(2, np.int32), values).write(folder / "curves.safetensors")
    gathered = gather([tmp_path])
    assert gaps.draw_epochs(gathered).drawn.svg == ""
