"""Rows that count more than others: as often as they count, and as scikit-learn has it."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from onelayer.data.blocks import Block
from onelayer.data.parts import Part
from onelayer.model.objectives import OBJECTIVES
from onelayer.model.optimizers import OptimizerSettings
from onelayer.optimum.reference import Solver
from onelayer.optimum.truth import Truth
from tests.model.problems import stack_on
from tests.optimum.test_reference import OUTPUTS, TARGETS, X
from tests.optimum.values import value

every_objective = pytest.mark.parametrize("name", OBJECTIVES)
TIMES = torch.from_numpy(np.random.default_rng(5).integers(0, 4, 80))
WEIGHT = TIMES.double() / TIMES.double().mean()
AGAIN = torch.arange(80).repeat_interleave(TIMES)


def weighted(name: str) -> Part:
    return Part(X, TARGETS[name], WEIGHT)


def repeated(name: str) -> Part:
    return Part(X[AGAIN], TARGETS[name][AGAIN])


@every_objective
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_the_optimum_is_that_of_rows_that_are_there_so_often(name: str, bias: bool, l2: float) -> None:
    one, other = (
        Solver(part(name), OBJECTIVES[name], n_outputs=OUTPUTS[name], bias=bias) for part in (weighted, repeated)
    )
    found, expected = one.solve(l2), other.solve(l2)
    assert found.theta is not None
    assert expected.theta is not None
    np.testing.assert_allclose(found.theta, expected.theta, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-13)
    np.testing.assert_allclose(one.at_zero(), other.at_zero(), rtol=1e-13)
    np.testing.assert_allclose(one.auto_lr([l2]), other.auto_lr([l2]), rtol=1e-12)


@every_objective
def test_the_gap_is_that_of_the_weighted_objective(name: str) -> None:
    solver = Solver(weighted(name), OBJECTIVES[name], n_outputs=OUTPUTS[name])
    theta = torch.randn(3, OUTPUTS[name], 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = Truth(solver, [0.1, 0.0, 2.0]).measure(theta)
    for run, l2 in enumerate((0.1, 0.0, 2.0)):
        f = float(value(theta[run : run + 1], weighted(name), OBJECTIVES[name], l2))
        np.testing.assert_allclose(found["objective"][run], f, rtol=1e-12)
        np.testing.assert_allclose(found["gap"][run], f - solver.solve(l2).value, rtol=1e-9)


@every_objective
@pytest.mark.parametrize("optim", ["SGD", "LBFGS"])
def test_a_step_on_the_full_batch_is_one_on_rows_that_are_there_so_often(name: str, optim: str) -> None:
    def trained(part: Part) -> torch.Tensor:
        block = Block(part.x, part.y, None, len(part), part.weight)
        settings = [OptimizerSettings.of(optim, 0.1, {})]
        module = stack_on(block, OBJECTIVES[name], settings, 0.1, outputs=OUTPUTS[name])
        for _ in range(5):
            module.training_step(block, 0)
        return module.linear.theta

    torch.testing.assert_close(trained(weighted(name)), trained(repeated(name)), rtol=1e-12, atol=1e-13)


def test_weighted_logistic_regression_is_scikit_learns() -> None:
    model = LogisticRegression(C=1 / (80 * 0.1), solver="newton-cg", tol=1e-12, max_iter=10_000)
    expected = model.fit(X, TARGETS["logistic"][:, 0], sample_weight=WEIGHT)
    theta = Solver(weighted("logistic"), OBJECTIVES["logistic"]).solve(0.1).theta
    assert theta is not None
    np.testing.assert_allclose(theta[0, :4], expected.coef_[0], rtol=1e-6)
    np.testing.assert_allclose(theta[0, 4], expected.intercept_[0], rtol=1e-6)


def test_weighted_ridge_is_scikit_learns() -> None:
    expected = Ridge(alpha=80 * 0.1 / 2, solver="cholesky").fit(X, TARGETS["squared"][:, 0], sample_weight=WEIGHT)
    theta = Solver(weighted("squared"), OBJECTIVES["squared"]).solve(0.1).theta
    assert theta is not None
    np.testing.assert_allclose(theta[0, :4], expected.coef_, rtol=1e-9)


@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_a_row_that_counts_nothing_changes_no_optimum(name: str) -> None:
    """Neither one that alone keeps classes from being separated in part, nor one that alone separates them."""
    flag = ((TARGETS[name].flatten() == 1) & (torch.arange(80) % 4 == 0)).double()[:, None]
    separated, y = torch.cat([X, flag], 1), TARGETS[name]
    other = (TARGETS[name].flatten() != 1).nonzero()[0]
    x = torch.cat([separated, torch.ones(1, 5, dtype=torch.float64)])
    weight = torch.cat([torch.ones(80), torch.zeros(1)]).double() * 81 / 80
    solver = Solver(Part(x, torch.cat([y, y[other]]), weight), OBJECTIVES[name], n_outputs=OUTPUTS[name])
    assert solver.solve(0.0).note.startswith("no finite optimum: the classes are separated in part")
    empty = torch.cat([X, torch.zeros(80, 1).double()], 1)
    x = torch.cat([empty, torch.ones(1, 5, dtype=torch.float64)])
    found = Solver(Part(x, torch.cat([y, y[:1]]), weight), OBJECTIVES[name], n_outputs=OUTPUTS[name]).solve(0.0)
    assert found.theta is not None
    expected = Solver(Part(X, y), OBJECTIVES[name], n_outputs=OUTPUTS[name]).solve(0.0)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-9)
