"""Sparse rows give what the same rows give when their zeros are filled in."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from torch import Tensor

from onelayer.data.blocks import Block, choose, csr, neighbours
from onelayer.data.parts import Part
from onelayer.linalg import dense, logits_of, pullback
from onelayer.model.linear import StackedLinear
from onelayer.model.objectives import OBJECTIVES
from onelayer.model.optimizers import OptimizerSettings
from onelayer.optimum.moments import Moments
from onelayer.optimum.reference import LIMIT, Solver
from onelayer.optimum.truth import Truth
from tests.model.problems import stack_on
from tests.optimum.test_reference import OUTPUTS, TARGETS

rng = np.random.default_rng(0)
FILLED = torch.from_numpy(rng.normal(size=(80, 6)) * (rng.random((80, 6)) < 0.4))
every_objective = pytest.mark.parametrize("name", OBJECTIVES)


def sparse(x: csr_array) -> Tensor:
    return csr(torch.from_numpy(x.indptr), torch.from_numpy(x.indices), torch.from_numpy(x.data), x.shape[1])


def filled(x: Tensor) -> Tensor:
    return dense(x, slice(0, x.shape[0]))


SPARSE = sparse(csr_array(FILLED.numpy()))


@given(rows=st.lists(st.integers(0, 79), min_size=1, max_size=30), start=st.integers(0, 79))
def test_rows_are_cut_as_dense_ones_are(rows: list[int], start: int) -> None:
    assert filled(choose(SPARSE, torch.tensor(rows))).equal(FILLED[rows])
    part = slice(start, 80)
    assert filled(neighbours(SPARSE, part)).equal(FILLED[part])


@pytest.mark.parametrize("bias", [True, False])
def test_logits_and_gradients(bias: bool) -> None:
    linear = StackedLinear(3, 6, 2, bias=bias, dtype=torch.float64, by_column=True)
    linear.start([0, 1, 2], ["torch"] * 3, [0.01] * 3)
    theta, grad = linear.theta.data, torch.zeros_like(linear.theta.data)
    plain, other = theta.contiguous(), torch.zeros(theta.shape, dtype=torch.float64)
    torch.testing.assert_close(logits_of(theta, SPARSE), logits_of(plain, FILLED))
    residual = torch.randn(3, 80, 2, dtype=torch.float64)
    pullback(SPARSE, residual, grad)
    pullback(FILLED, residual, other)
    torch.testing.assert_close(grad.contiguous(), other)


@every_objective
@pytest.mark.parametrize("optim", ["SGD", "Adam", "LBFGS"])
@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize("l2", [[0.1, 0.0, 0.2], [0.0, 0.0, 0.0]])
def test_a_stack_trains_alike(name: str, optim: str, shuffled: bool, l2: list[float]) -> None:
    order = torch.randperm(80, generator=torch.Generator().manual_seed(0)) if shuffled else None

    def trained(x: Tensor) -> Tensor:
        settings = [OptimizerSettings.of(optim, lr, {}) for lr in (0.1, 0.01, 0.001)]
        block = Block(x, TARGETS[name], order, 80 if settings[0].adapter.full_batch else 32)
        module = stack_on(block, OBJECTIVES[name], settings, l2, outputs=OUTPUTS[name])
        assert module.linear.by_column == (x.is_sparse_csr and settings[0].adapter.any_layout)
        for epoch in range(3):
            module.training_step(block, 0)
            if epoch == 1:
                module.keep([0, 2])
        return module.linear.theta.contiguous()

    torch.testing.assert_close(trained(SPARSE), trained(FILLED), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["squared", "softmax"])
@pytest.mark.parametrize("l2", [[0.0, 0.0, 0.0], [0.1, 0.0, 0.2]])
def test_a_step_that_moves_the_columns_of_a_batch_is_the_step_that_moves_all(
    name: str, bias: bool, l2: list[float]
) -> None:
    plain = [OptimizerSettings.of("SGD", lr, {}) for lr in (0.1, 0.02, 0.3)]

    def trained(settings: list[OptimizerSettings], l2: list[float]) -> Tensor:
        block = Block(SPARSE, TARGETS[name], None, 3)
        module = stack_on(block, OBJECTIVES[name], settings, l2, outputs=OUTPUTS[name], bias=bias)
        assert module.steps_locally == (settings[-1].name == "SGD")
        for _ in range(3):
            module.training_step(block, 0)
        return module.linear.theta.contiguous()

    def agree(found: Tensor, expected: Tensor) -> None:
        # 80 steps, none of which makes an error larger, each of sums of a few terms
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)

    together = trained(plain, l2)
    agree(together, trained([*plain, OptimizerSettings.of("Adam", 0.1, {})], [*l2, 0.0])[:3])
    for run in range(3):
        agree(together[run : run + 1], trained(plain[run : run + 1], l2[run : run + 1]))


@every_objective
def test_the_reference_and_the_gap(name: str) -> None:
    one, other = (Solver(Part(x, TARGETS[name]), OBJECTIVES[name], n_outputs=OUTPUTS[name]) for x in (SPARSE, FILLED))
    found, expected = one.solve(0.1), other.solve(0.1)
    assert found.theta is not None
    assert expected.theta is not None
    torch.testing.assert_close(found.theta, expected.theta)
    theta = torch.randn(1, OUTPUTS[name], 7, dtype=torch.float64)
    torch.testing.assert_close(Truth(one, [0.1]).measure(theta), Truth(other, [0.1]).measure(theta))


@pytest.mark.parametrize("bias", [True, False])
def test_the_largest_curvature_of_many_features_comes_from_products_alone(bias: bool) -> None:
    rows, columns = 40, 30_000
    assert rows * columns**2 > LIMIT
    at = rng.integers(0, columns, (rows, 20))
    values = np.ones(at.size)
    wide = csr_array((values, at.ravel(), np.arange(0, at.size + 1, 20)), shape=(rows, columns))
    x = sparse(wide)
    part = Part(x, torch.zeros(rows, 1, dtype=torch.float64))
    (lr,) = Solver(part, OBJECTIVES["logistic"], bias=bias).auto_lr([0.0])
    gram = wide @ wide.T
    gram = (gram.toarray() + (1.0 if bias else 0.0)) / rows
    np.testing.assert_allclose(1 / lr, 0.25 * np.linalg.eigvalsh(gram)[-1], rtol=1e-8)


def test_moments() -> None:
    y = TARGETS["squared"]
    found, expected = Moments.of(Part(SPARSE, y)), Moments.of(Part(FILLED, y))
    np.testing.assert_allclose(found.triangle.T @ found.triangle, expected.triangle.T @ expected.triangle, rtol=1e-12)
