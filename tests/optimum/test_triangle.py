"""Triangles of blocks, and one rank for references and tables."""

import re

import numpy as np
import pytest
import torch

from onelayer.data.parts import Part
from onelayer.deliver.inference import Rows, binary, least_squares
from onelayer.model.objectives import OBJECTIVES
from onelayer.optimum import Reference, Solver
from onelayer.optimum.triangle import independent, solve, triangle, triangle_of

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 4))
NUMBER = rng.normal(size=50)
CLASS = (X[:, 0] + rng.logistic(size=50) > 0).astype(float)


def test_the_triangle_of_blocks_is_that_of_all_rows() -> None:
    whole, blocks = triangle(X), triangle_of([X[:1], X[1:7], X[7:]], 4)
    np.testing.assert_allclose(blocks.T @ blocks, X.T @ X, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.abs(np.diag(blocks)), np.abs(np.diag(whole)), rtol=1e-12)
    assert triangle_of([X[:2]], 4).shape == (4, 4)
    right = rng.normal(size=4)
    np.testing.assert_allclose(whole @ solve(whole, right), right, atol=1e-12)
    np.testing.assert_allclose(whole.T @ solve(whole, right, transposed=True), right, atol=1e-12)


def test_independent_are_columns_that_are_no_combination_of_those_visited_before() -> None:
    mixed = np.column_stack([X[:, 0], np.zeros(50), X[:, 1], X[:, 0] - 3 * X[:, 1], X[:, 2], X[:, 2] * 1e-9])
    assert independent(mixed) == [0, 2, 4]
    assert independent(triangle(mixed)) == [0, 2, 4]
    assert independent(mixed, [5, 3, 1, 0, 2, 4]) == [5, 3, 0]
    assert independent(X[:2]) == [0, 1]
    assert independent(X[:, :0]) == []


def rank_of(reference: Reference, columns: int) -> int:
    """Of the columns of x, the constant one included where the note counts it."""
    found = re.search(r"rank (\d+) of (\d+)$", reference.note)
    return columns if found is None else columns - (int(found[2]) - int(found[1]))


@pytest.mark.parametrize("noise", [0.0, 1e-15, 1e-13, 1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("shift", [0.0, 10.0])
@pytest.mark.parametrize("bias", [True, False])
def test_references_and_tables_have_one_rank(noise: float, unit: float, shift: float, bias: bool) -> None:
    """A column that is a combination of others but for some noise, in other units."""
    last = (X[:, 0] + 2 * X[:, 1] + noise * rng.normal(size=50) + shift * bias) * unit
    x = np.column_stack([X, last])
    wanted = 4 + (noise > 1e-11)
    rows = np.column_stack([np.ones((50, int(bias))), x])
    for name, y in (("squared", NUMBER), ("logistic", CLASS)):
        part = Part(torch.from_numpy(x), torch.from_numpy(y[:, None]))
        reference = Solver(part, OBJECTIVES[name], bias=bias).solve(0.0)
        assert rank_of(reference, 5) == wanted
        assert Solver(part, OBJECTIVES[name], bias=bias).solve(0.1).note == ""
        assert reference.theta is not None
        coef = np.roll(reference.theta.numpy()[0], int(bias))
        table_of = least_squares if name == "squared" else binary
        table = table_of(Rows.of(rows, y, constant=0 if bias else None), coef, exact=True)
        assert table.stats["rank"] - bias == wanted
        assert len(table.aliased) == 5 - wanted
