"""What comes of a swept number, and of a swept link."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from statistics import fmean, median

import numpy as np
import pytest
from matplotlib.lines import Line2D
from scipy import special

from onelayer.links import LINKS
from onelayer.report.figures import links, paint_all, response
from onelayer.report.figures.canvas import Painted
from onelayer.report.figures.response import diverged_of, values_of_key
from onelayer.report.gather import RATE, Gathered, gather
from onelayer.report.measures import Array
from onelayer.report.tables import number
from tests.report.drawn import named
from tests.report.swept import train
from tests.sweeps.sweeps import end_run

SVG = "{http://www.w3.org/2000/svg}"


def points_of(line: Line2D) -> tuple[Array, Array]:
    return np.asarray(line.get_xdata(), np.float64), np.asarray(line.get_ydata(), np.float64)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worked example: the loss of y = w x on three points of y = 2 x, for w = 0.0, 0.1 ... 4.0."""
    folder = tmp_path_factory.mktemp("response") / "scan"
    train("-m", "experiment=scan", "logger.tensorboard=false", f"hydra.sweep.dir={folder}")
    return folder


def test_sensitivity_draws_the_median_and_the_best_of_the_results(
    of_numbers: Gathered, painted: list[list[Painted]]
) -> None:
    gathered = of_numbers
    told = [point.label for point in named(painted[1], "sensitivity").drawn.points]
    parts = [
        re.match(r"(\w+), learning rate (\S+): val/loss (\S+) .*, the best of 2 runs, median (\S+)", one)
        for one in told
    ]
    dots = {(one[1], float(one[2])): (one[3], one[4]) for one in parts if one}
    for name in gathered.names:
        for rate, row in values_of_key(gathered, name, RATE).items():
            mine = [one for one in gathered.records if (gathered.optimizer(one), gathered.rate(one)) == (name, rate)]
            values = [v for one in mine if (v := gathered.value(one)) is not None]
            drawn = dots.get((name, rate))
            if values:  # of the best setting of the penalty: its best run, and the median of its runs
                its: dict[str, list[float | None]] = {run.overrides["model.l2"]: [] for run in mine}
                for run in mine:
                    its[run.overrides["model.l2"]].append(gathered.value(run))
                best = min(([v for v in one if v is not None] for one in its.values() if None not in one), key=fmean)
                assert drawn == (number(min(best)), number(median(best)))
            else:
                assert drawn is None
            bad = sum(one.status == "diverged" for one in mine)
            assert diverged_of(gathered, name, RATE).get(rate, (0, 0))[0] == bad
            # the best setting of the penalty
            other = {one.overrides["model.l2"] for one in row.runs}
            assert len(other) == 1
    assert {name: set(diverged_of(gathered, name, RATE)) for name in gathered.names} == {
        "momentum": {1e9},
        "sgd": {1e9},
    }
    labels = [point.label for point in named(painted[1], "sensitivity").drawn.points]
    assert "sgd, learning rate 1e+09: 4 of 4 runs diverged" in labels


def test_marks_of_divergence_stand_above_the_axes(painted: list[list[Painted]]) -> None:
    figure = named(painted[1], "sensitivity").figure
    assert figure is not None
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert len(marks) == 2
    assert all((np.asarray(mark.get_ydata()) > 1).all() for mark in marks)


def test_a_sweep_of_starts_ends_with_the_curve_of_its_loss(scan: Path) -> None:
    page = (scan / "report" / "index.html").read_text()
    figure = page[page.index('<figure id="figure-response-model_init">') :]
    root = ET.fromstring(figure[figure.index("<svg") : figure.index("</svg>") + 6])
    (said,) = re.findall(r'"response-model_init":(\[\[.*?\]\])', page)
    loss = {float(w): float(value) for w, value in re.findall(r"model.init ([\d.]+): train/loss ([\d.]+)", said)}
    assert list(loss) == pytest.approx(np.linspace(0, 4, 41))
    assert loss[0] == loss[4] == 18.667  # that is 14 * 4 / 3, in five digits
    assert min(loss, key=lambda w: loss[w]) == 2
    assert loss[2] == 0
    # each dot of the picture is where its numbers belong: an affine image of (w, 14/3 (w - 2)^2)
    dots = [one for one in root.iter(f"{SVG}use") if re.fullmatch(r".*-at\d+-\d+", one.get("id", ""))]
    x, y = (np.array([float(dot.attrib[name]) for dot in dots]) for name in "xy")
    w = np.linspace(0, 4, 41)
    for pixels, values in ((x, w), (-y, 14 / 3 * (w - 2) ** 2)):
        slope, start = np.polyfit(values, pixels, 1)
        assert slope > 0
        np.testing.assert_allclose(pixels, start + slope * values, atol=1e-3)


def test_the_numbers_of_that_curve_are_exact(scan: Path) -> None:
    (painted,) = response.draw(gather([scan]))
    assert painted.figure is not None
    line = painted.figure.axes[0].lines[0]
    w = np.linspace(0, 4, 41)
    x, y = points_of(line)
    np.testing.assert_allclose(x, w, rtol=1e-12)
    np.testing.assert_allclose(y, 14 / 3 * (w - 2) ** 2, atol=1e-6)
    assert y[0] == pytest.approx(18.666667, abs=1e-6)
    assert painted.figure.axes[0].get_xscale() == "linear"  # equal steps


def test_figures_of_training_say_that_there_was_none(scan: Path) -> None:
    painted = paint_all(gather([scan]))
    for name in ("sensitivity", "gap-epochs", "gap-evaluations", "gap-seconds", "profile", "budget"):
        one = named(painted, name).drawn
        assert (one.svg, one.caption) == ("", "No run was trained (0 epochs): each measures its start.")


def test_a_number_that_was_swept_from_zero_over_many_sizes_has_a_place_for_zero(tmp_path: Path) -> None:
    for optim, factor in (("adam", 1.0), ("sgd", 2.0)):
        for l2 in ("0", "1e-4", "1e-3", "1e-2"):
            end_run(tmp_path, f"optim={optim}", f"model.l2={l2}", loss=factor * (1 + float(l2)))
    (painted,) = response.draw(gather([tmp_path]))
    assert painted.figure is not None
    axes = painted.figure.axes[0]
    assert axes.get_xscale() == "symlog"
    assert axes.get_xlim()[0] < 0
    places = axes.transData.transform([(value, 1.0) for value in (0, 1e-4, 1e-3, 1e-2)])[:, 0]
    assert (np.diff(places) > 20).all()
    assert [point.label.split(" (")[0] for point in painted.drawn.points][:2] == [
        "adam, model.l2 0: val/loss 1.0000",
        "adam, model.l2 0.0001: val/loss 1.0001",
    ]


SIGMOIDS = {
    "logit": special.expit,
    "probit": special.ndtr,
    "cauchit": lambda z: (1 + 2 / np.pi * np.arctan(z)) / 2,
    "cloglog": lambda z: 1 - np.exp(-np.exp(z)),
    "tanh": lambda z: (1 + np.tanh(z)) / 2,
    "gudermannian": lambda z: 0.5 + np.arcsin(np.tanh(z)) / np.pi,
    "algebraic": lambda z: (1 + z / np.sqrt(1 + z * z)) / 2,
    "softsign": lambda z: (1 + z / (1 + np.abs(z))) / 2,
}


def test_links_are_drawn_by_their_formulas_beside_what_came_of_them(tmp_path: Path) -> None:
    losses = {link: 0.5 - 0.01 * place for place, link in enumerate(SIGMOIDS)}
    for link, loss in losses.items():
        end_run(tmp_path, f"model.link={link}", loss=loss)
    (painted,) = links.draw(gather([tmp_path]))
    assert set(SIGMOIDS) == set(LINKS)
    assert painted.figure is not None
    left, right = painted.figure.axes
    curves = {
        point.label.partition(":")[0]: line
        for point, line in zip(painted.drawn.points, left.lines[1:], strict=False)
        if "p(z)" in point.label
    }
    assert set(curves) == set(SIGMOIDS)
    for link, line in curves.items():
        z, p = points_of(line)
        np.testing.assert_allclose(p, SIGMOIDS[link](z), rtol=1e-12)
    names = [label.get_text() for label in right.get_yticklabels()]
    ends = [points_of(line) for line in right.lines]
    shown = {names[round(y[0])]: x[0] for x, y in ends}
    assert shown == pytest.approx(losses)
    assert names == list(losses)  # the best one on top


def test_the_caption_says_how_probit_is_scaled(tmp_path: Path) -> None:
    for link in ("logit", "probit"):
        end_run(tmp_path, f"model.link={link}", loss=0.5)
    (painted,) = links.draw(gather([tmp_path]))
    assert "(1 + erf(√π z / 2)) / 2, is probit at √(π/2) z = 1.2533 z" in painted.drawn.caption
    z = np.linspace(-4, 4, 33)
    np.testing.assert_allclose((1 + special.erf(np.sqrt(np.pi) / 2 * z)) / 2, special.ndtr(1.2533141373155 * z))
    assert "softsign" not in painted.drawn.caption


def test_one_link_is_no_figure(tmp_path: Path) -> None:
    end_run(tmp_path, "model.link=probit", "model.l2=0")
    end_run(tmp_path, "model.link=probit", "model.l2=1")
    assert links.draw(gather([tmp_path])) == []
