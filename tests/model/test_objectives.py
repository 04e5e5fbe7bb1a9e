"""Losses and their derivatives against finite differences, torch, and mpmath at logits beyond 1e3."""

from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from onelayer.errors import UserError
from onelayer.model.objectives import OBJECTIVES, Objective, choose_objective

RUNS, ROWS, OUTPUTS = 3, 7, 4


def example(objective: Objective, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    outputs = 1 if objective.name == "logistic" else OUTPUTS
    logits = scale * torch.randn(RUNS, ROWS, outputs, generator=generator, dtype=torch.float64)
    if objective.name == "softmax":
        return logits, torch.randint(0, outputs, (ROWS,), generator=generator)
    if objective.name == "logistic":
        return logits, torch.randint(0, 2, (ROWS, 1), generator=generator).double()
    return logits, torch.randn(ROWS, outputs, generator=generator, dtype=torch.float64)


every_objective = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)


@every_objective
def test_residual_and_hessian_are_the_derivatives_of_the_loss(objective: Objective) -> None:
    logits, target = example(objective)
    residual, hessian = objective.residual(logits, target), objective.hessian(logits, target)
    h = 1e-3
    for k in range(logits.shape[-1]):
        shift = torch.zeros_like(logits)
        shift[..., k] = h
        # five-point stencils: the error is of order h^4
        for value, derivative in ((objective.loss, residual[..., k]), (objective.residual, hessian[..., k])):
            points = [value(logits + step * shift, target) for step in (2, 1, -1, -2)]
            stencil = (-points[0] + 8 * points[1] - 8 * points[2] + points[3]) / (12 * h)
            torch.testing.assert_close(stencil, derivative, rtol=1e-9, atol=1e-9)


@every_objective
def test_the_curvature_bounds_every_eigenvalue(objective: Objective) -> None:
    for scale in (0.0, 0.1, 1.0, 10.0):
        logits, target = example(objective, scale)
        largest = float(torch.linalg.eigvalsh(objective.hessian(logits, target)).max())
        assert largest <= objective.curvature + 1e-12


@every_objective
def test_losses_are_those_of_torch(objective: Objective) -> None:
    logits, target = example(objective, 3.0)
    torch_losses: dict[str, Callable[[Tensor], Tensor]] = {
        "squared": lambda z: functional.mse_loss(z, target) * OUTPUTS,
        "logistic": lambda z: functional.binary_cross_entropy_with_logits(z, target),
        "softmax": lambda z: functional.cross_entropy(z, target),
    }
    torch_loss = torch_losses[objective.name]
    ours = objective.loss(logits, target).mean(-1)
    torch.testing.assert_close(ours, torch.stack([torch_loss(z) for z in logits]), rtol=1e-12, atol=0)


LARGE = [-1e6, -1e3, -745.0, -40.0, -1e-3, 0.0, 1e-3, 40.0, 745.0, 1e3, 1e6]


@pytest.mark.parametrize("z", LARGE)
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_logistic_is_right_at_large_logits(z: float, y: float) -> None:
    mpmath.mp.dps = 50
    exact = mpmath.log(1 + mpmath.exp(mpmath.mpf(z))) - y * mpmath.mpf(z)
    sigmoid = 1 / (1 + mpmath.exp(-mpmath.mpf(z)))
    logits, target = torch.tensor([[[z]]], dtype=torch.float64), torch.tensor([[y]], dtype=torch.float64)
    objective = OBJECTIVES["logistic"]
    np.testing.assert_allclose(float(objective.loss(logits, target)), float(exact), rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(float(objective.residual(logits, target)), float(sigmoid - y), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_softmax_is_right_at_large_logits(scale: float, label: int) -> None:
    mpmath.mp.dps = 50
    z = [scale, -scale, scale / 3]
    odds = [mpmath.exp(mpmath.mpf(value)) for value in z]
    exact = mpmath.log(sum(odds)) - mpmath.mpf(z[label])
    logits, target = torch.tensor([[z]], dtype=torch.float64), torch.tensor([label])
    objective = OBJECTIVES["softmax"]
    np.testing.assert_allclose(float(objective.loss(logits, target)), float(exact), rtol=1e-12, atol=1e-300)
    expected = [float(one / sum(odds)) - (k == label) for k, one in enumerate(odds)]
    np.testing.assert_allclose(objective.residual(logits, target)[0, 0].numpy(), expected, rtol=1e-12, atol=1e-16)


@every_objective
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_are_finite_at_a_thousand(objective: Objective, dtype: torch.dtype) -> None:
    logits, target = example(objective)
    logits = (1e3 * logits.sign()).to(dtype)
    target = target if objective.name == "softmax" else target.to(dtype)
    for value in (objective.loss, objective.residual, objective.hessian):
        assert value(logits, target).isfinite().all()


@every_objective
def test_a_target_of_another_shape_raises(objective: Objective) -> None:
    logits, target = example(objective)
    wrong = target[:, None] if objective.name == "softmax" else target[:, 0]
    with pytest.raises(ValueError, match=r"target of shape .* against outputs of shape .*; give the target as \(rows"):
        objective.loss(logits, wrong)
    with pytest.raises(ValueError, match="against outputs of shape"):
        objective.residual(logits, wrong)


def test_the_task_chooses_the_objective() -> None:
    assert [choose_objective("auto", task).name for task in ("regression", "binary", "multiclass")] == [
        "squared",
        "logistic",
        "softmax",
    ]


@pytest.mark.parametrize(
    ("name", "task", "said"),
    [
        ("squarred", "regression", "did you mean 'squared'"),
        ("squared", "multiclass", "use model.objective=softmax"),
        ("logistic", "regression", "use model.objective=squared"),
        ("softmax", "binary", "set task=multiclass too"),
    ],
)
def test_an_objective_for_another_task_is_refused(name: str, task: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        choose_objective(name, task)
