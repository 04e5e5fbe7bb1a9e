"""Whether there is an optimum, against exact rational arithmetic and a linear programme; and that tables agree."""

from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from onelayer.data.parts import Part
from onelayer.deliver.inference import Rows, binary, multinomial
from onelayer.model.objectives import BINARY, OBJECTIVES, Objective
from onelayer.optimum import Reference, Solver
from tests.conftest import examples

Row = tuple[Fraction, ...]


class Problem(NamedTuple):
    """Rows of whole numbers; `weight` is how often each counts."""

    x: list[list[int]]
    y: list[int]
    weight: list[int]
    classes: int
    bias: bool

    @property
    def part(self) -> Part:
        y = torch.tensor(self.y) if self.classes > 2 else torch.tensor(self.y, dtype=torch.float64)[:, None]
        weight = torch.tensor(self.weight, dtype=torch.float64)
        return Part(torch.tensor(self.x, dtype=torch.float64), y, weight / weight.mean())

    @property
    def rows(self) -> Rows:
        ones = np.ones((len(self.y), int(self.bias)))
        x = np.column_stack([ones, np.array(self.x, dtype=float)])
        return Rows.of(x, self.y, self.weight, constant=0 if self.bias else None, weights="frequency")

    @property
    def margins(self) -> list[Row]:
        """What each row that counts asks of a direction: a product with each of these that is not negative."""
        width, found = len(self.x[0]) + self.bias, set[Row]()
        for x, own, weight in zip(self.x, self.y, self.weight, strict=True):
            columns = [Fraction(number) for number in [*x, *[1] * self.bias]]
            for other in range(self.classes):
                if weight and other != own:
                    margin = [Fraction(0)] * (self.classes * width)
                    margin[own * width : (own + 1) * width] = columns
                    margin[other * width : (other + 1) * width] = [-number for number in columns]
                    found.add(tuple(margin))
        return sorted(found)


@st.composite
def problems(draw: st.DrawFn, classes: st.SearchStrategy[int]) -> Problem:
    """Tiny ones: mixed, separated, in part, with columns that depend on each other, with classes without rows."""
    k = draw(classes)
    n_rows, n_features = draw(st.integers(2, 7)), draw(st.integers(1, 2 if k == 2 else 1))
    bias = draw(st.booleans())
    number = st.integers(-2, 2)
    x = [draw(st.lists(number, min_size=n_features, max_size=n_features)) for _ in range(n_rows)]
    if draw(st.booleans()):
        factor, constant = draw(number), draw(number) if bias else 0
        x = [[*row, factor * row[0] + constant] for row in x]
    y = [draw(st.integers(0, k - 1)) for _ in range(n_rows)]
    weight = draw(st.lists(st.integers(0, 3), min_size=n_rows - 1, max_size=n_rows - 1))
    return Problem(x, y, [1, *weight], k, bias)


def eliminated(rows: list[list[Fraction]]) -> tuple[list[list[Fraction]], list[int]]:
    """Reduced row echelon form without zero rows, and the columns of its pivots."""
    rows, pivots = [*rows], list[int]()
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((row for row in range(len(pivots), len(rows)) if rows[row][column]), None)
        if pivot is None:
            continue
        top = len(pivots)
        rows[top], rows[pivot] = rows[pivot], rows[top]
        rows[top] = [number / rows[top][column] for number in rows[top]]
        for other in range(len(rows)):
            if other != top and rows[other][column]:
                factor = rows[other][column]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[top], strict=True)]
        pivots.append(column)
    return rows[: len(pivots)], pivots


def separated(margins: list[Row]) -> bool:
    """Whether a direction has no negative margin and a positive one, in exact arithmetic.

    In the columns that matter, such directions make up a pointed cone. It has more than its apex where it has an
    extreme ray, which lies on as many independent margins as it has dimensions less one.
    """
    _, pivots = eliminated([list(row) for row in margins])
    inner, rank = [[row[column] for column in pivots] for row in margins], len(pivots)
    for face in combinations(inner, max(rank - 1, 0)):
        reduced, leading = eliminated(list(face))
        if len(leading) != rank - 1:
            continue
        (free,) = set(range(rank)) - set(leading)
        ray = [Fraction(0)] * rank
        ray[free] = Fraction(1)
        for row, column in zip(reduced, leading, strict=True):
            ray[column] = -row[free]
        products = [sum(a * b for a, b in zip(row, ray, strict=True)) for row in inner]
        if min(products) >= 0 or max(products) <= 0:
            return True
    return False


def separated_by_programme(margins: list[Row]) -> bool:
    """Whether a direction has no negative margin, and 1 in sum."""
    matrix: NDArray[np.float64] = np.array(margins, dtype=np.float64)
    found = linprog(
        np.zeros(matrix.shape[1]),
        A_ub=-matrix,
        b_ub=np.zeros(len(matrix)),
        A_eq=matrix.sum(0, keepdims=True),
        b_eq=[1.0],
        bounds=(None, None),
    )
    assert found.status in (0, 2)
    return bool(found.status == 0)


def check_existence(problem: Problem, objectives: list[Objective]) -> None:
    """Each objective's reference, the one of a polished summary, exact arithmetic and a programme say the same."""
    margins = problem.margins
    there = {own for own, weight in zip(problem.y, problem.weight, strict=True) if weight}
    none = separated(margins) or (problem.bias and len(there) < problem.classes)
    assert separated_by_programme(margins) == separated(margins)
    event("separated" if none else "an optimum")
    outputs = problem.classes if problem.classes > 2 else 1
    shape = (outputs, len(problem.x[0]) + problem.bias)
    for objective in objectives:
        solver = Solver(problem.part, objective, n_outputs=outputs, bias=problem.bias)
        reference = solver.solve(0.0)
        assert (reference.theta is None) == none, (objective.name, reference.note)
        assert reference.note.startswith("no finite optimum: ") == none
        trained = torch.full(shape, 0.7, dtype=torch.float64)
        polished = solver.solve(0.0, start=trained, patient=True)
        assert (polished.theta is None, polished.note) == (none, reference.note)
        if polished.theta is not None:
            assert polished.certificate < 1e-7
            assert polished.value <= reference.value
            cautions = table_at(problem, objective, polished)
            assert not any(said.startswith(("separated", "singular", "not at the optimum")) for said in cautions)


def table_at(problem: Problem, objective: Objective, reference: Reference) -> tuple[str, ...]:
    assert reference.theta is not None
    coef = np.roll(reference.theta.numpy(), int(problem.bias), axis=1)
    if problem.classes > 2:
        return multinomial(problem.rows, coef[1:] - coef[0], exact=True)[0].cautions
    return binary(problem.rows, coef[0], link=objective.link.name, exact=True).cautions


@given(problems(st.just(2)))
@settings(max_examples=examples(40), deadline=None)
def test_two_classes_have_an_optimum_under_every_link_where_nothing_separates_them(problem: Problem) -> None:
    check_existence(problem, [*BINARY.values()])


@given(problems(st.integers(3, 4)))
@settings(max_examples=examples(40), deadline=None)
def test_several_classes_have_an_optimum_where_nothing_separates_them(problem: Problem) -> None:
    check_existence(problem, [OBJECTIVES["softmax"]])


@pytest.mark.parametrize("shift", [0.0, 1e3, 1e6])
def test_columns_far_from_zero_hide_no_separation_in_part(shift: float) -> None:
    """By no column alone: where their sum is 0 there are rows of both classes, beyond those of one."""
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, (60, 2)).astype(float)
    total = x.sum(1)
    y = np.where(total == 0, np.arange(60) % 2, total > 0).astype(float)
    part = Part(torch.from_numpy(x + shift), torch.from_numpy(y[:, None]))
    assert (
        Solver(part, BINARY["logit"]).solve(0.0).note.startswith("no finite optimum: the classes are separated in part")
    )


@pytest.mark.parametrize("link", BINARY)
def test_a_target_between_both_classes_is_a_row_of_each(link: str) -> None:
    x = torch.tensor([[0.0], [1.0], [2.0], [4.0]], dtype=torch.float64)
    share = torch.tensor([[0.0], [0.3], [0.6], [1.0]], dtype=torch.float64)
    whole = Part(x.repeat(2, 1), torch.cat([share * 0, share * 0 + 1]), 2 * torch.cat([1 - share, share])[:, 0])
    found, wanted = (Solver(part, BINARY[link]).solve(0.0) for part in (Part(x, share), whole))
    assert found.theta is not None
    assert wanted.theta is not None
    torch.testing.assert_close(found.theta, wanted.theta, rtol=1e-9, atol=1e-9)
    assert found.note == wanted.note
    # one share alone keeps nothing apart from a row at the same place
    alone = Solver(Part(x, torch.tensor([[0.0], [0.3], [1.0], [1.0]], dtype=torch.float64)), BINARY[link]).solve(0.0)
    assert alone.note.startswith("no finite optimum: the classes are separated in part")
