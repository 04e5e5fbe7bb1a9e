"""The gap is what it says, whichever way it is computed."""

import numpy as np
import pytest
import torch

from onelayer.data.parts import Part
from onelayer.model.objectives import OBJECTIVES
from onelayer.optimum.reference import Solver
from onelayer.optimum.truth import Truth
from tests.optimum.test_reference import NUMBER, OUTPUTS, TARGETS, X, solve, value

L2 = [0.0, 0.1, 0.1, 2.0]


def somewhere(name: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(4, OUTPUTS[name], 5, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_run_is_measured_by_its_own_objective(name: str) -> None:
    truth = Truth(Solver(Part(X, TARGETS[name]), OBJECTIVES[name], n_outputs=OUTPUTS[name]), L2)
    theta = somewhere(name)
    found = truth.measure(theta)
    for run, l2 in enumerate(L2):
        best = solve(X, TARGETS[name], OBJECTIVES[name], l2, n_outputs=OUTPUTS[name])
        f = float(value(theta[run : run + 1], X, TARGETS[name], OBJECTIVES[name], l2))
        loss = float(
            OBJECTIVES[name].loss(X @ theta[run, :, :4].t() + theta[run, :, 4][None, None], TARGETS[name]).mean()
        )
        zero = float(value(torch.zeros(1, OUTPUTS[name], 5).double(), X, TARGETS[name], OBJECTIVES[name], l2))
        np.testing.assert_allclose(found["objective"][run], f, rtol=1e-12)
        np.testing.assert_allclose(found["loss"][run], loss, rtol=1e-12)
        np.testing.assert_allclose(found["gap"][run], f - best.value, rtol=1e-10)
        np.testing.assert_allclose(found["rel_gap"][run], (f - best.value) / (zero - best.value), rtol=1e-10)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_optimum_has_no_gap(name: str) -> None:
    truth = Truth(Solver(Part(X, TARGETS[name]), OBJECTIVES[name], n_outputs=OUTPUTS[name]), L2)
    best = torch.stack([reference.theta for reference in truth.references if reference.theta is not None])
    found = truth.measure(best)
    assert (found["gap"].abs() <= 1e-15).all()
    assert (truth.measure(torch.zeros_like(best))["rel_gap"] - 1).abs().max() < 1e-12


def test_where_zero_weights_are_the_optimum_there_is_no_way_to_measure() -> None:
    solver = Solver(Part(X, torch.zeros(80, 1, dtype=torch.float64)), OBJECTIVES["squared"])
    assert Truth(solver, [0.1, 1.0]).unmeasured
    assert not Truth(Solver(Part(X, NUMBER), OBJECTIVES["squared"]), [0.1, 1.0]).unmeasured


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9])
def test_the_squared_gap_keeps_its_digits_near_the_optimum(distance: float) -> None:
    """f(w* + d v) - f* = d^2/2 v'Hv: at d = 1e-9 a difference of two losses would be all rounding."""
    truth = Truth(Solver(Part(X, NUMBER), OBJECTIVES["squared"]), [0.1])
    best = truth.references[0].theta
    assert best is not None
    direction = torch.ones_like(best)
    columns = torch.cat([X, torch.ones(80, 1, dtype=torch.float64)], 1)
    hessian = 2 * columns.t() @ columns / 80 + 0.1 * torch.diag(torch.tensor([1.0] * 4 + [0.0], dtype=torch.float64))
    expected = distance**2 / 2 * float(direction @ hessian @ direction.t())
    np.testing.assert_allclose(float(truth.measure((best + distance * direction)[None])["gap"]), expected, rtol=1e-5)


def test_float32_weights_are_measured_in_float64() -> None:
    truth = Truth(Solver(Part(X, NUMBER), OBJECTIVES["squared"]), [0.1])
    assert truth.measure(torch.zeros(1, 1, 5))["gap"].dtype == torch.float64


@pytest.mark.parametrize("name", OBJECTIVES)
def test_weight_error_is_the_relative_distance_to_the_known_weights(name: str) -> None:
    known = somewhere(name)[0]
    truth = Truth(Solver(Part(X, TARGETS[name]), OBJECTIVES[name], n_outputs=OUTPUTS[name]), [0.1] * 3, known=known)
    found = truth.measure(torch.stack([known, 1.5 * known, torch.zeros_like(known)]))["weight_error"]
    np.testing.assert_allclose(found, [0.0, 0.5, 1.0], atol=1e-12)


def test_the_same_added_to_all_classes_is_no_weight_error() -> None:
    known = somewhere("softmax")[0]
    truth = Truth(Solver(Part(X, TARGETS["softmax"]), OBJECTIVES["softmax"], n_outputs=3), [0.1], known=known)
    assert float(truth.measure((known + 7.0)[None])["weight_error"]) < 1e-12


@pytest.mark.parametrize("mean", [0.0, 1e3, 1e6])
def test_the_squared_gap_keeps_its_digits_far_from_zero(mean: float) -> None:
    """A weight moved by d and the bias by -d times the column's mean is a small step however far the column lies."""
    truth = Truth(Solver(Part(X + mean, NUMBER), OBJECTIVES["squared"]), [0.0])
    best = truth.references[0].theta
    assert best is not None
    away = torch.tensor([[1e-3, 0.0, 0.0, 0.0, -1e-3 * mean]], dtype=torch.float64)
    expected = 1e-6 * float(X[:, 0].square().mean())
    np.testing.assert_allclose(float(truth.measure((best + away)[None])["gap"]), expected, rtol=1e-4)
