"""Figures against the results on disk, and as pictures that a page can hold."""

import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from onelayer.report.contents import contents
from onelayer.report.figures import FIGURES, best, gaps, paint_all, profile, sensitivity
from onelayer.report.figures.best import best_rows
from onelayer.report.figures.budget import values_of
from onelayer.report.figures.canvas import COLOURS, KNOWN, Painted, look
from onelayer.report.figures.diagnostics import calibration
from onelayer.report.figures.heat import Side, cells
from onelayer.report.figures.profile import problems_of
from onelayer.report.figures.sensitivity import best_of, diverged_of, rates_of
from onelayer.report.gather import Gathered, gather
from onelayer.report.measures import median
from onelayer.report.race import GAP, fastest, first, racers, targets
from onelayer.track.rundir import FORMAT, write_result
from onelayer.track.stored import Block
from tests.sweeps.sweeps import fail_run

SVG = "{http://www.w3.org/2000/svg}"
ALWAYS = ("best", "sensitivity", "gap-epochs", "gap-evaluations", "gap-seconds", "profile", "budget", "parallel")


def named(painted: list[Painted], name: str) -> Painted:
    return next(one for one in painted if one.drawn.name == name)


def test_every_figure_is_drawn_and_says_how_to_read_it(painted: list[list[Painted]]) -> None:
    names = [one.drawn.name for one in painted[0]]
    assert len(set(names)) == len(names) >= len(FIGURES)
    assert set(names) >= {*ALWAYS, "diagnostics", "coefficients", "heat-optim_lr-optim"}
    for every in painted:
        for one in every:
            assert one.drawn.svg or "did not converge" in one.drawn.caption
            assert one.drawn.caption.startswith("No") or len(one.drawn.caption) > 60
            assert re.match(r"[A-Z0-9].*[.]$", one.drawn.caption, re.DOTALL), one.drawn.caption


def test_svg_is_xml_without_a_size_or_a_ground_and_holds_all_that_may_be_pointed_at(
    painted: list[list[Painted]],
) -> None:
    for one in (one for every in painted for one in every if one.drawn.svg):
        root = ET.fromstring(one.drawn.svg)
        assert root.tag == f"{SVG}svg"
        assert "viewBox" in root.attrib
        assert not {"width", "height"} & root.attrib.keys()
        ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        assert len(set(ids)) == len(ids)
        assert {point.gid for point in one.drawn.points} <= set(ids)
        assert len({point.gid for point in one.drawn.points}) == len(one.drawn.points)
        assert all(point.label for point in one.drawn.points)
        assert "currentColor" in one.drawn.svg
        assert "mathdefault" not in one.drawn.svg
        assert "#010101" not in one.drawn.svg
        assert "<metadata" not in one.drawn.svg
        texts = ["".join(element.itertext()).strip() for element in root.iter(f"{SVG}text")]
        assert any(texts)  # text as text


def test_the_same_runs_give_the_same_bytes(of_cancer: Gathered, painted: list[list[Painted]]) -> None:
    for draw in (best.draw, sensitivity.draw, gaps.draw_epochs):
        again = draw(of_cancer)
        assert again.drawn == named(painted[0], again.drawn.name).drawn


def test_png_is_a_picture_on_white(painted: list[list[Painted]]) -> None:
    data = named(painted[0], "best").png()
    assert data.startswith(b"\x89PNG")


def test_an_optimizer_always_looks_the_same_and_like_no_other() -> None:
    assert len({(one.color, str(one.dash), one.marker) for one in map(look, KNOWN)}) == len(KNOWN)
    assert len({look(name).color for name in KNOWN[: len(COLOURS)]}) == len(COLOURS)
    assert look("mine") == look("mine")


def test_all_optimizers_of_the_configuration_have_a_look_of_their_own() -> None:
    from tests.conftest import OPTIMIZERS

    assert set(OPTIMIZERS) == set(KNOWN)


def test_sensitivity_draws_the_median_and_the_best_of_the_results(
    of_numbers: Gathered, painted: list[list[Painted]]
) -> None:
    gathered = of_numbers
    for name in gathered.names:
        for rate, row in rates_of(gathered, name).items():
            mine = [one for one in gathered.records if (gathered.optimizer(one), gathered.rate(one)) == (name, rate)]
            values = [v for one in mine if (v := gathered.value(one)) is not None]
            assert min(values, default=None) == (
                gathered.value(best_of(gathered, name)[rate]) if rate in best_of(gathered, name) else None
            )
            bad = sum(one.status == "diverged" for one in mine)
            assert diverged_of(gathered, name).get(rate, (0, 0))[0] == bad
            # the best setting of the penalty
            other = {one.overrides["model.l2"] for one in row.runs}
            assert len(other) == 1
    assert {name: set(diverged_of(gathered, name)) for name in gathered.names} == {"momentum": {1e9}, "sgd": {1e9}}
    labels = [point.label for point in named(painted[1], "sensitivity").drawn.points]
    assert "sgd, learning rate 1e+09: 4 of 4 runs diverged" in labels


def test_marks_of_divergence_stand_above_the_axes(painted: list[list[Painted]]) -> None:
    figure = named(painted[1], "sensitivity").figure
    assert figure is not None
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert len(marks) == 2
    assert all(np.asarray(mark.get_ydata())[0] > 1 for mark in marks)


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


def test_best_rows_are_the_first_of_the_leaderboard_with_their_means(of_cancer: Gathered) -> None:
    found = best_rows(of_cancer)
    assert sorted(name for name, *_ in found) == ["adam", "lbfgs", "sgd"]
    means = [mean.mean for *_, mean in found]
    assert means == sorted(means)
    for name, _, mean in found:
        every: dict[str, list[float]] = {}
        for record in of_cancer.records:
            if of_cancer.optimizer(record) == name:
                loss = record.metrics["val/loss"]
                assert loss is not None
                every.setdefault(record.overrides["optim.lr"], []).append(loss)
        assert mean.mean == pytest.approx(min(map(fmean, every.values())))


def test_a_run_that_diverged_counts_as_the_worst_in_a_budget(of_numbers: Gathered) -> None:
    found = values_of(of_numbers)
    kept = [v for record in of_numbers.records if (v := of_numbers.value(record)) is not None]
    assert {name: len(values) for name, values in found.items()} == {"momentum": 12, "sgd": 12}
    assert [*found["momentum"], *found["sgd"]].count(max(kept)) >= 8


def test_a_cell_of_a_map_is_the_best_mean_there(of_numbers: Gathered) -> None:
    rate, l2 = (next(one for one in of_numbers.swept if one.key == key) for key in ("optim.lr", "model.l2"))
    found = cells(of_numbers, Side.of(rate), Side.of(l2))
    assert found.keys() == {(x, y) for x in range(3) for y in range(2)}
    for (x, y), cell in found.items():
        means = []
        for name in of_numbers.names:
            mine = [
                record
                for record in of_numbers.records
                if record.overrides["optim.lr"] == rate.values[x]
                and record.overrides["model.l2"] == l2.values[y]
                and of_numbers.optimizer(record) == name
            ]
            values = [of_numbers.value(record) for record in mine]
            if all(value is not None for value in values):
                means.append(fmean(value for value in values if value is not None))
        assert cell.mean == (pytest.approx(min(means)) if means else None)


def test_many_numbers_share_the_places_of_an_axis() -> None:
    from onelayer.report.gather import Swept

    values = [f"{10 ** (-4 + place / 25):.6g}" for place in range(101)]
    side = Side.of(Swept.of("optim.lr", values))
    assert len(side.labels) == 12
    assert [float(one) for one in side.labels] == pytest.approx(np.geomspace(1e-4, 1, 25)[1::2], rel=0.06)
    places = [side.places[key] for key in sorted(side.places)]  # type: ignore[type-var]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, 11)


def test_calibration_agrees_with_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(0)
    positive = rng.permutation(np.linspace(0.01, 0.99, 200))
    truth = rng.random(200) < positive
    found = calibration(positive, truth)
    observed, predicted = calibration_curve(truth, positive, n_bins=10, strategy="quantile")
    np.testing.assert_allclose([share for share, *_ in found], predicted, atol=0.01)
    np.testing.assert_allclose([seen for _, seen, _ in found], observed, atol=0.06)


def invented(folder: Path, runs: int) -> Iterator[str]:
    """Results and curves of a sweep that nobody trained."""
    rng = np.random.default_rng(0)
    for number in range(runs):
        optimizer = ("sgd", "adam", "momentum")[number % 3]
        overrides = (f"optim={optimizer}", f"optim.lr={10 ** rng.uniform(-4, 0):.6g}", f"model.l2={rng.integers(4)}")
        loss = float(rng.lognormal())
        status = "diverged" if number % 10 == 0 else "done"
        metrics = {"val/loss": loss, "test/loss": loss, "train/rel_gap": loss, "train/gap": loss}
        told = {"format": FORMAT, "status": status, "metrics": metrics, "monitor": "val/loss", "seconds": 1.0}
        told |= {"epochs": 200, "evaluations": 1800, "overrides": [*overrides, f"seed={number}"]}
        (folder / f"run{number}").mkdir()
        (folder / f"run{number}" / "result.json").write_text(json.dumps(told))
        yield f"run{number}"


def test_hundreds_of_runs_are_drawn(tmp_path: Path) -> None:
    names = list(invented(tmp_path, 300))
    rng, epochs = np.random.default_rng(1), np.arange(1, 200, dtype=np.int32)
    shape = (len(epochs) + 1, len(names))
    falling = np.exp(-rng.uniform(0, 0.1, len(names)) * np.arange(shape[0])[:, None]).astype(np.float32)
    ones = np.cumsum(np.ones(shape, np.float32), axis=0)
    values = {"train/rel_gap": falling, "val/loss": falling, "evaluations": ones, "seconds": ones}
    (tmp_path / "stacks" / "a").mkdir(parents=True)
    last = np.full(len(names), 200, np.int32)
    Block(tuple(names), epochs, last, values).write(tmp_path / "stacks" / "a" / "curves.safetensors")
    drawn, listings, _ = contents([tmp_path])
    assert sum(len(one.svg) for one in drawn) < 4_000_000
    assert len(listings[0].rows) == 300
    assert all(one.svg for one in drawn if one.name in ALWAYS)


def test_runs_that_never_moved_have_no_gap_to_draw(tmp_path: Path) -> None:
    (name, other) = invented(tmp_path, 2)
    values = {tag: np.full((1, 2), 1.0, np.float32) for tag in ("train/rel_gap", "evaluations", "seconds")}
    folder = tmp_path / "stacks" / "a"
    folder.mkdir(parents=True)
    Block((name, other), np.zeros(0, np.int32), np.zeros(2, np.int32), values).write(folder / "curves.safetensors")
    gathered = gather([tmp_path])
    assert gaps.draw_epochs(gathered).drawn.svg == ""


def test_sweeps_of_several_data_are_drawn_with_a_caution(cancer: Path, numbers: Path) -> None:
    drawn = best.draw(gather([cancer, numbers])).drawn
    assert "Caution: rows that differ in data were measured on other data." in drawn.caption


def test_a_sweep_without_a_result_that_counts_says_why_there_are_no_figures(tmp_path: Path) -> None:
    fail_run(tmp_path, "optim=adam", error="no such file")
    fail_run(tmp_path, "optim=sgd", error="no such file")
    drawn, listings, facts = contents([tmp_path])
    assert not any(one.svg for one in drawn)
    assert all(one.caption.endswith(".") for one in drawn)
    failures = next(one for one in listings if one.name == "failures")
    assert [row[3] for row in failures.rows] == ["no such file"] * 2
    assert facts["runs"] == "2: 2 failed"


def test_names_from_outside_are_text_and_no_markup(tmp_path: Path) -> None:
    for number, name in enumerate(("<b>&", "$x_1$", "a" * 90)):
        for seed in (0, 1):
            directory = tmp_path / f"{number}{seed}"
            (directory / ".hydra").mkdir(parents=True)
            metrics = {"val/loss": number + seed + 1.0}
            overrides = [f"optim={name}", f"optim.lr={number + 1}", f"seed={seed}"]
            told = {"status": "done", "metrics": metrics, "overrides": overrides, "monitor": "val/loss", "seconds": 1.0}
            write_result(directory, told | {"epochs": 1})
    for one in paint_all(gather([tmp_path])):
        if one.drawn.svg:
            assert "<b>&" not in "".join(one.drawn.svg)
            texts = ["".join(e.itertext()) for e in ET.fromstring(one.drawn.svg).iter(f"{SVG}text")]
            assert not any("mathdefault" in text for text in texts)
    assert json.dumps([one.drawn.points for one in paint_all(gather([tmp_path]))])
