"""What docs/learn says beyond the blocks that it runs: the tables and figures of the zoo, and glmnet's own answers."""

import json
import re
import statistics
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.axes import Axes

from docs import zoo
from onelayer import OneLayerClassifier, OneLayerRegressor
from onelayer.config import RunSpec
from onelayer.estimators.settings import optimizer_defaults
from onelayer.filenames import STACK_CHECKPOINTS, STACKS
from onelayer.run import SingleRunObserver
from onelayer.track.progress import EpochBar
from onelayer.track.results import Results, Run
from onelayer.training import train_stack
from tests.conftest import OPTIMIZERS, composed, data_by
from tests.reference_data import DATA, needs_data

LEARN = zoo.PAGE.parent
RATES = np.geomspace(1e-4, 10, 26)
TINY = 1e-15
ALL_DIGITS: dict[str, Any] = {
    **{"normalize": "none", "bias": False, "reference": False},
    "optim_args": {"tolerance_grad": 1e-12, "tolerance_change": 0.0},
}


def table(name: str) -> list[list[str]]:
    """The rows of a generated table of the page, without code marks."""
    text = zoo.PAGE.read_text("utf-8")
    between = re.search(rf"<!-- zoo: {name} -->\n\n(.*?)\n\n<!-- end of {name} -->", text, re.DOTALL)
    assert between is not None
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in between[1].splitlines()[2:]]


def swept(lr: str) -> float:
    """The learning rate of the sweep that the page shows in three digits."""
    return float(min(RATES, key=lambda one: abs(one - float(lr))))


def shown(gap: str) -> float:
    gap = gap.replace(zoo.HYPHEN, "-")
    return 0.0 if gap == "below 1e-16" else float(gap)


class Quiet(SingleRunObserver):
    def say(self, run: Run, *lines: str) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep of the zoo, at the learning rates that the page names as the best; its stacks without Hydra's jobs."""
    folder = tmp_path_factory.mktemp("zoo")
    config = composed(*zoo.PROBLEM)
    for place, (rho, draw) in enumerate(product(zoo.PROBLEMS, zoo.DRAWS)):
        config["data"] |= {"rho": float(rho), "seed": int(draw)}
        runs = []
        for row in table("results"):
            name, lr = row[0], swept(row[1 + 2 * list(zoo.PROBLEMS).index(rho)])
            spec = RunSpec.from_config(config | {"optim": optimizer_defaults(name) | {"lr": lr}})
            said = (f"optim={name}", f"optim.lr={lr}", f"data.rho={rho}", f"data.seed={draw}")
            runs.append(Run(spec, folder / ",".join(said), said))
        path, curves = folder / STACK_CHECKPOINTS / f"{place}.ckpt", folder / STACKS / str(place)
        sink = Results(runs, Quiet(), EpochBar(0, shown=False), path=path, folder=curves)
        train_stack([run.spec for run in runs], data_by(runs[0].spec), sink)
    return folder


def test_every_optimizer_stands_in_the_zoo() -> None:
    assert sorted(zoo.ORDER) == OPTIMIZERS
    for name in ("results", "arguments"):
        assert [row[0] for row in table(name)] == list(zoo.ORDER)
    page = zoo.PAGE.read_text("utf-8")
    assert [name for name in zoo.ORDER if f"**{name}**: " not in page] == []


def test_the_table_of_arguments_is_that_of_the_files_and_of_torch() -> None:
    page = zoo.PAGE.read_text("utf-8")
    assert zoo.replaced(page, "arguments", zoo.arguments_table()) == page


def test_the_zoo_says_where_optimizers_end(again: Path) -> None:
    """Of three draws of the data the one in the middle, on both problems."""
    found = zoo.ends(again)
    assert len(found) == 2 * len(zoo.ORDER)
    for row in table("results"):
        for rho, gap in zip(zoo.PROBLEMS, row[2::2], strict=True):
            ((_, draws),) = found[row[0], rho].items()
            assert len(draws) == 3
            came = statistics.median(end.gap for end in draws.values())
            # what hangs on the last digits of a float64 hangs on the machine, too
            apart = 2 if shown(gap) > 1e-10 else 100
            near = came < TINY if shown(gap) == 0 else 1 / apart < came / shown(gap) < apart
            assert near, f"{row[0]}, rho={rho}: {gap} on the page, {came:.1e} now"


def test_the_text_tells_what_the_table_does() -> None:
    gaps = {row[0]: (shown(row[2]), shown(row[4])) for row in table("results")}
    assert gaps["sgd"][0] < 1e-16 < 1e-6 < min(gaps["momentum"][0], gaps["adam"][0])
    assert [float(f"{gaps[name][1]:.0e}") for name in ("sgd", "momentum", "nesterov")] == [5e-3, 9e-6, 2e-7]
    assert {name for name in gaps if gaps[name][1] < gaps["sgd"][1] / 10} == {
        *("momentum", "nesterov", "adam", "amsgrad", "adamw", "rprop", "lbfgs")
    }
    assert 1e-12 < gaps["lbfgs"][1] < 1e-10
    rates = {row[0]: float(row[1]) for row in table("results")}
    assert rates["adam"] / optimizer_defaults("adam")["lr"] > 25
    assert 1e-9 < gaps["asgd"][0] < 1e-8
    assert rates["adadelta"] == max(RATES)


def drawn(axes: Axes, color: str) -> Any:
    """The points of the line of a colour, (points, 2); crosses are left aside where nothing diverged."""
    lines = [np.asarray(line.get_xydata()) for line in axes.lines if line.get_color() == color]
    return next(line for line in lines if line.size)


def test_figures_show_the_numbers_of_the_runs(again: Path) -> None:
    found = zoo.ends(again)
    sensitivity, gaps = zoo.draw_sensitivity(found), zoo.draw_gaps(again, found)
    for figure in (sensitivity, gaps):
        assert [axes.get_title(loc="left") for axes in figure.axes] == list(zoo.ORDER)
    for place, name in enumerate(zoo.ORDER):
        for rho, (_, color, _) in zoo.PROBLEMS.items():
            ((lr, draws),) = found[name, rho].items()
            end = max(statistics.median(one.gap for one in draws.values()), zoo.FLOOR)
            point, curve = (drawn(figure.axes[place], color) for figure in (sensitivity, gaps))
            np.testing.assert_array_equal(point, [[lr, end]])
            epochs, curve_ends = curve.T
            np.testing.assert_array_equal(epochs, np.arange(1, 101))
            np.testing.assert_allclose(curve_ends[-1], end, rtol=1e-5)


def test_figures_of_the_page_name_every_optimizer() -> None:
    page = zoo.PAGE.read_text("utf-8")
    paths = [LEARN / path for path in re.findall(r"\]\((\.\./images/zoo/[^)]*\.svg)\)", page)]
    assert [path.name for path in paths] == ["sensitivity.svg", "gaps.svg"]
    for path in paths:
        texts = {node.text for node in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")}
        assert texts >= {*zoo.ORDER, "well conditioned", "ill conditioned"}


def card(name: str) -> tuple[Any, dict[str, Any]]:
    rows = np.loadtxt(DATA / "glm" / f"{name}.csv", delimiter=",", skiprows=1)
    return rows, json.loads((DATA / "glm" / f"{name}.json").read_text("utf-8"))


@needs_data
def test_lambda_of_glmnet_for_a_number() -> None:
    """objective.md: l2 = 2 lambda / sd(y); R's own ridge coefficients in the seven digits that it printed.

    Its y had been divided by its standard deviation with n - 1, so that the one with n is not 1.
    """
    rows, known = card("enet_gaussian")
    ridges = [one for one in known["reference"] if one["l1_ratio"] == 0]
    assert len(ridges) == 27
    for one in ridges:
        chosen = rows[: one["rows"], : one["features"] + 1]
        chosen = (chosen - chosen.mean(0)) / chosen.std(0, ddof=1)
        y, x = chosen[:, 0], chosen[:, 1:]
        found = OneLayerRegressor(l2=2 * one["lam"] / y.std(), normalize_target="none", **ALL_DIGITS).fit(x, y)
        np.testing.assert_allclose(found.coef_, one["params"], rtol=2e-6, atol=2e-9)


@needs_data
def test_lambda_of_glmnet_for_two_classes() -> None:
    """objective.md: l2 = lambda; to the 1e-5 within which glmnet stops."""
    rows, known = card("enet_binomial")
    x, y = rows[1:, 1:], rows[1:, 0]  # R took the first row for a header
    x = (x - x.mean(0)) / x.std(0, ddof=1)
    for one in [one for one in known["reference"] if one["l1_ratio"] == 0]:
        found = OneLayerClassifier(l2=one["lam"], **ALL_DIGITS).fit(x, y)
        np.testing.assert_allclose(found.coef_[0], one["params"], rtol=1e-4, atol=1e-7)
