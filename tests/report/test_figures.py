"""All figures: as pictures that a page can hold, of many runs, of few, and of none."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from onelayer.report.facts import facts
from onelayer.report.figures import best, gaps, paint_all, response
from onelayer.report.figures.canvas import COLOURS, KNOWN, Painted, look
from onelayer.report.gather import Gathered, gather
from onelayer.report.listings import tables
from onelayer.track.rundir import write_result
from onelayer.track.stored import Block
from tests.report.drawn import named, pretended
from tests.sweeps.sweeps import fail_run

SVG = "{http://www.w3.org/2000/svg}"
ALWAYS = ("best", "sensitivity", "gap-epochs", "gap-evaluations", "gap-seconds", "profile", "budget", "parallel")


def test_every_figure_is_drawn_and_says_how_to_read_it(painted: list[list[Painted]]) -> None:
    names = [one.drawn.name for one in painted[0]]
    assert len(set(names)) == len(names)
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
    for draw in (best.draw, response.draw_rate, gaps.draw_epochs):
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


def test_hundreds_of_runs_are_drawn(tmp_path: Path) -> None:
    names = list(pretended(tmp_path, 300))
    rng, epochs = np.random.default_rng(1), np.arange(1, 200, dtype=np.int32)
    shape = (len(epochs) + 1, len(names))
    falling = np.exp(-rng.uniform(0, 0.1, len(names)) * np.arange(shape[0])[:, None]).astype(np.float32)
    ones = np.cumsum(np.ones(shape, np.float32), axis=0)
    values = {"train/rel_gap": falling, "val/loss": falling, "evaluations": ones, "seconds": ones}
    (tmp_path / "stacks" / "a").mkdir(parents=True)
    last = np.full(len(names), 200, np.int32)
    Block(tuple(names), epochs, last, values).write(tmp_path / "stacks" / "a" / "curves.safetensors")
    gathered = gather([tmp_path])
    drawn = [one.drawn for one in paint_all(gathered)]
    assert sum(len(one.svg) for one in drawn) < 4_000_000
    assert len(tables(gathered)[0].rows) == 300
    assert all(one.svg for one in drawn if one.name in ALWAYS)


def test_runs_on_several_data_are_not_compared_in_figures(cancer: Path, numbers: Path) -> None:
    gathered = gather([cancer, numbers])
    drawn = [one.drawn for one in paint_all(gathered)]
    assert {one.name for one in drawn if one.svg} <= {"gap-epochs", "gap-evaluations", "gap-seconds", "profile"}
    why = "The runs saw 2 different data, which do not compare."
    assert next(one for one in drawn if one.name == "comparing").caption == why
    assert next(one for one in tables(gathered) if one.name == "best").caption == why


def test_a_sweep_without_a_result_that_counts_says_why_there_are_no_figures(tmp_path: Path) -> None:
    fail_run(tmp_path, "optim=adam", error="no such file")
    fail_run(tmp_path, "optim=sgd", error="no such file")
    gathered = gather([tmp_path])
    drawn = [one.drawn for one in paint_all(gathered)]
    assert not any(one.svg for one in drawn)
    assert all(one.caption.endswith(".") for one in drawn)
    failures = next(one for one in tables(gathered) if one.name == "failures")
    assert [row[3] for row in failures.rows] == ["no such file"] * 2
    assert facts(gathered)["runs"] == "2: 2 failed"


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
