"""Optima under links: against references of R's kind in 22 digits, and what is said of those that are local."""

import csv
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from onelayer.data.parts import Part
from onelayer.model.objectives import BINARY
from onelayer.optimum import Reference, Solver, separation
from tests.optimum.test_reference import BINARY as TARGET
from tests.optimum.test_reference import X
from tests.optimum.values import value
from tests.reference_data import DATA, needs_data

every_link = pytest.mark.parametrize("link", BINARY)
LOCAL = "local: the loss is not convex"
COLUMNS = torch.cat([X, torch.ones(80, 1, dtype=torch.float64)], 1)


def solve(x: Tensor, y: Tensor, link: str, l2: float = 0.0) -> Reference:
    return Solver(Part(x, y), BINARY[link]).solve(l2)


@cache
def glm(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64], list[dict[str, Any]]]:
    """Columns, target and references of one of the sets in glm/."""
    file = "menarche_expanded" if name == "menarche" else name
    with (DATA / "glm" / f"{file}.csv").open() as lines:
        rows = [{key: float(number) for key, number in row.items()} for row in csv.DictReader(lines)]
    card = json.loads((DATA / "glm" / f"{name}.json").read_text())
    columns: Callable[[dict[str, float]], list[float]] = {
        "menarche": lambda r: [r["Age"]],
        "ucla_admissions": lambda r: [r["gre"], r["gpa"], *(r["rank"] == k for k in (2, 3, 4))],
        "mass_birthwt": lambda r: [
            *(r["age"], r["lwt"], r["race"] == 2, r["race"] == 3, r["smoke"], r["ptl"] > 0),
            *(r["ht"], r["ui"], r["ftv"] == 1, r["ftv"] >= 2),
        ],
    }[name]
    target = {"menarche": "y", "ucla_admissions": "admit", "mass_birthwt": "low"}[name]
    found = [one for one in card["reference"] if one["kind"] == "computed"]
    return np.array([columns(row) for row in rows], np.float64), np.array([[row[target]] for row in rows]), found


@needs_data
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "cauchit"])
@pytest.mark.parametrize("name", ["menarche", "ucla_admissions", "mass_birthwt"])
def test_optima_are_those_of_r(name: str, link: str) -> None:
    x, y, references = glm(name)
    (wanted,) = [one for one in references if one["link"] == link]
    found = solve(torch.from_numpy(x), torch.from_numpy(y), link)
    assert found.theta is not None, found.note
    assert found.note == (LOCAL if link == "cauchit" else "")
    params = [float(one) for one in wanted["params"].values()]
    np.testing.assert_allclose(found.theta[0].roll(1), params, rtol=1e-10)
    np.testing.assert_allclose(2 * len(y) * found.value, float(wanted["deviance_01"]), rtol=1e-13)


@every_link
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_nothing_near_is_better(link: str, l2: float) -> None:
    found = solve(X, TARGET, link, l2)
    assert found.theta is not None, found.note
    assert found.note == ("" if BINARY[link].convex else LOCAL)
    slope = BINARY[link].residual((COLUMNS @ found.theta.t())[None], TARGET)[0].t() @ COLUMNS / 80
    slope[:, :4] += l2 * found.theta[:, :4]
    assert float(slope.norm()) < 1e-10
    generator = torch.Generator().manual_seed(0)
    away = torch.logspace(-6, 0, 100, dtype=torch.float64)[:, None, None]
    nearby = found.theta + away * torch.randn(100, 1, 5, generator=generator, dtype=torch.float64)
    assert (value(nearby, Part(X, TARGET), BINARY[link], l2) >= found.value * (1 - 1e-14)).all()


@every_link
def test_the_bias_alone_is_the_link_of_the_mean(link: str) -> None:
    """Under an overwhelming penalty only the bias, which is never penalised, is left."""
    theta = solve(X, TARGET, link, 1e12).theta
    assert theta is not None
    np.testing.assert_allclose(float(BINARY[link].predict(theta[:, 4])), float(TARGET.mean()), rtol=1e-6)


@every_link
def test_separated_classes_have_no_finite_optimum(link: str) -> None:
    apart = (X[:, :1] > 0).double()
    flag = TARGET * (torch.arange(80) % 4 == 0)[:, None]
    for x, y, how in ((X, apart, ";"), (torch.cat([X, flag], 1), TARGET, " in part;")):
        found = solve(x, y, link)
        assert found.theta is None
        assert found.note.startswith(f"no finite optimum: the classes are separated{how}")
        assert solve(x, y, link, 0.01).theta is not None
    assert "class 0 has no train rows" in solve(X, torch.ones_like(TARGET), link).note


@every_link
def test_units_decide_nothing_and_dependent_columns_are_told(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    units = torch.tensor([1e5, 1e-5, 1.0, 1e3], dtype=torch.float64)
    best = solve(X, TARGET, link)
    np.testing.assert_allclose(solve(X * units, TARGET, link).value, best.value, rtol=1e-9)
    monkeypatch.setattr(separation, "PROGRAMME", 0)
    twice = solve(torch.cat([X, X[:, :1]], 1), TARGET, link)
    np.testing.assert_allclose(twice.value, best.value, rtol=1e-12)
    notes = [LOCAL] * (not BINARY[link].convex)
    assert twice.note == "; ".join([*notes, "not unique: the columns have rank 5 of 6"])


@pytest.mark.parametrize("link", ["cauchit", "algebraic", "softsign"])
@pytest.mark.parametrize("seed", [27, 47, 51, 55])
def test_where_the_loss_bends_down_expected_information_still_descends(seed: int, link: str) -> None:
    """Targets by chance, heavy tails: by its indefinite Hessian alone softsign would end where it still descends."""
    generator = np.random.default_rng(seed)
    x = torch.from_numpy(generator.standard_cauchy((40, 2)))
    y = torch.from_numpy(generator.random((40, 1)) < 0.5).double()
    found = solve(x, y, link, 0.001)
    assert found.theta is not None, found.note
    columns = torch.cat([x, torch.ones(40, 1, dtype=torch.float64)], 1)
    slope = BINARY[link].residual((columns @ found.theta.t())[None], y)[0].t() @ columns / 40
    slope[:, :2] += 0.001 * found.theta[:, :2]
    assert float(slope.norm()) < 1e-9


def test_a_class_without_rows_is_named() -> None:
    solver = Solver(Part(X, torch.zeros_like(TARGET)), BINARY["logit"], classes=("no", "yes"))
    assert solver.solve(0.1).note == "no finite optimum: class 'yes' has no train rows"
