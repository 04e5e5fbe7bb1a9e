"""A stack with a hidden layer is as many torch.nn.Sequential, and its gradient is autograd's."""

from functools import partial
from typing import Any

import pytest
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from onelayer.data.blocks import Block, csr
from onelayer.data.parts import Part
from onelayer.model import two_layers
from onelayer.model.linear import StackedLinear
from onelayer.model.metrics import Tally
from onelayer.model.objectives import BINARY, OBJECTIVES
from onelayer.model.optimizers import OptimizerSettings, check_optimizer
from onelayer.model.two_layers import TwoLayers
from onelayer.optimum.reference import Solver
from onelayer.optimum.truth import Truth
from tests.conftest import OPTIMIZERS
from tests.model.problems import (
    BATCH,
    FEATURES,
    ROWS,
    adapter,
    batch_of,
    configured,
    problem,
    stack_on,
    train_in_plain_torch,
)
from tests.model.test_stack import LOSSES

HIDDEN = 5
doubles = partial(torch.randn, dtype=torch.float64)
biased = pytest.mark.parametrize("bias", [True, False])
shapes = pytest.mark.parametrize("outputs", [1, 3])
EVERY = {**OBJECTIVES, **{f"binary {link}": objective for link, objective in BINARY.items()}}


def sequential(seed: int, outputs: int, *, bias: bool = True, dtype: torch.dtype = torch.float64) -> nn.Sequential:
    """What any tutorial writes."""
    torch.manual_seed(seed)
    first = nn.Linear(FEATURES, HIDDEN, bias=bias, dtype=dtype)
    return nn.Sequential(first, nn.ReLU(), nn.Linear(HIDDEN, outputs, bias=bias, dtype=dtype))


def stack_of(seeds: list[int], outputs: int, *, bias: bool = True, dtype: torch.dtype = torch.float64) -> StackedLinear:
    stack = StackedLinear(len(seeds), FEATURES, outputs, bias=bias, hidden=HIDDEN, dtype=dtype)
    stack.start(seeds, ["torch"] * len(seeds), [0.01] * len(seeds))
    return stack


@shapes
@biased
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torch_start_is_that_of_sequential_whatever_else_is_in_the_stack(
    outputs: int, bias: bool, dtype: torch.dtype
) -> None:
    stack = stack_of([7, 0, 7], outputs, bias=bias, dtype=dtype)
    for theta, seed in zip(stack.theta.data, [7, 0, 7], strict=True):
        expected = parameters_to_vector(sequential(seed, outputs, bias=bias, dtype=dtype).parameters())
        assert theta[0].equal(expected.detach())


def test_normal_start_has_the_spread_asked_for_and_no_bias() -> None:
    stack = StackedLinear(2, 300, 40, hidden=200)
    stack.start([0, 1], ["normal", "normal"], [0.01, 2.0])
    for layer in stack.architecture.layers(stack.theta.data):
        assert layer.bias is not None
        assert (layer.bias == 0).all()
        torch.testing.assert_close(layer.weight.std((1, 2)), torch.tensor([0.01, 2.0]), rtol=0.03, atol=0)


@shapes
@biased
def test_logits_and_gradient_are_those_of_sequential(outputs: int, bias: bool) -> None:
    stack = stack_of([0, 1, 2, 3], outputs, bias=bias)
    form, theta = stack.architecture, stack.theta.data
    x, residual = doubles(30, FEATURES), doubles(4, 30, outputs)
    hidden = form.layers(theta)[0]
    hidden.weight[:, 0] = 0.0
    if hidden.bias is not None:
        hidden.bias[:, 0] = 0.0  # this unit is then at 0 exactly, where torch's ReLU has the slope 0
    logits, kept = form.forward(theta, x)
    found = torch.full_like(theta, torch.nan)
    form.pullback(theta, x, kept, residual, found)
    for run in range(4):
        network = sequential(run, outputs, bias=bias)
        vector_to_parameters(theta[run, 0], network.parameters())
        torch.testing.assert_close(logits[run], network(x).detach())
        gradient = torch.autograd.grad(network(x), list(network.parameters()), residual[run])
        torch.testing.assert_close(found[run, 0], parameters_to_vector(gradient))


@pytest.mark.parametrize("name", EVERY)
def test_the_gradient_of_the_objective_is_that_of_finite_differences(name: str) -> None:
    """By the stencil of five points, a step on both sides of which no unit changes its mind."""
    objective, step = EVERY[name], 1e-4
    kind = {"multiclass": "softmax", "binary": "logistic", "regression": "squared"}[objective.task]
    x, y, outputs = problem(kind, torch.float64)
    settings, l2 = [OptimizerSettings.of("SGD", 1.0, {})], 0.3
    block = Block(x[:20], y[:20], None, 20)
    module = stack_on(block, objective, settings, l2, outputs=outputs, seeds=3, init="torch", hidden=HIDDEN)
    stack = module.linear
    start = stack.theta.data.clone()
    module.training_step(block, 0)
    gradient = (start - stack.theta.data)[0, 0]  # of a step at lr 1

    def value(theta: Tensor) -> Tensor:
        first, second = stack.architecture.layers(theta)
        assert first.bias is not None
        assert second.bias is not None
        logits = (x[:20] @ first.weight[0].T + first.bias[0]).relu() @ second.weight[0].T + second.bias[0]
        charge = first.weight.square().sum() + second.weight.square().sum()
        return objective.loss(logits[None], y[:20]).mean() + l2 / 2 * charge

    for place in range(start.shape[2]):
        away = torch.zeros_like(start)
        away[..., place] = step
        ahead, behind = (value(start + away) - value(start - away), value(start + 2 * away) - value(start - 2 * away))
        torch.testing.assert_close(gradient[place], (8 * ahead - behind) / (12 * step), rtol=1e-6, atol=1e-8)


@biased
def test_sparse_rows_give_what_dense_ones_give(bias: bool) -> None:
    filled = doubles(40, FEATURES) * (torch.rand(40, FEATURES) < 0.4)
    held = csr_array(filled.numpy())
    x = csr(torch.from_numpy(held.indptr), torch.from_numpy(held.indices), torch.from_numpy(held.data), FEATURES)
    stack = stack_of([0, 1, 2], 2, bias=bias)
    form, theta, residual = stack.architecture, stack.theta.data, doubles(3, 40, 2)
    grads = []
    for rows in (x, filled):
        logits, kept = form.forward(theta, rows)
        torch.testing.assert_close(logits, form.logits(theta, filled))
        grads.append(torch.full_like(theta, torch.nan))
        form.pullback(theta, rows, kept, residual, grads[-1])
    torch.testing.assert_close(*grads)


def test_many_rows_are_measured_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stack, x = stack_of([0, 1], 3), doubles(50, FEATURES)
    whole = stack(x)
    monkeypatch.setattr(two_layers, "CHUNK", 100)
    torch.testing.assert_close(stack(x), whole, rtol=1e-12, atol=1e-14)


def test_x_of_another_width_raises() -> None:
    with pytest.raises(ValueError, match=r"x of shape \(2, 3\) against weights for 4 columns"):
        stack_of([0], 1)(torch.zeros(2, 3).double())


def one_in_plain_torch(
    cls: str, lr: float, args: dict[str, Any], l2: float, seed: int, block: Block, objective: str, epochs: int
) -> Tensor:
    """The loop of any tutorial: autograd and torch.optim on a Sequential."""
    network = sequential(seed, 3 if objective == "softmax" else 1)
    optimizer = getattr(torch.optim, cls)(network.parameters(), lr=lr, **args)

    def objective_of(x: Tensor, y: Tensor) -> Tensor:
        charge = sum(one.square().sum() for one in network.parameters() if one.ndim == 2)
        loss: Tensor = LOSSES[objective](network(x), y) + l2 / 2 * charge
        return loss

    train_in_plain_torch(optimizer, objective_of, block, epochs)
    return parameters_to_vector(network.parameters()).detach()


@pytest.mark.parametrize(
    ("optim", "objective"),
    [(optim, "softmax") for optim in OPTIMIZERS] + [("adam", "squared"), ("sgd", "logistic")],
)
def test_a_stack_of_three_equals_three_loops_in_plain_torch(optim: str, objective: str) -> None:
    name, lr, args = configured(optim)
    if adapter(optim).needs_closure:
        args["max_iter"] = 5  # in a valley without a floor, its steps magnify the last digits of those before
    x, y, outputs = problem(objective, torch.float64)
    block = Block(x, y, None, batch_of(optim))
    epochs = {"lbfgs": 3, "rprop": 30}.get(optim, 4)
    decay = {"weight_decay": 0.1} if "weight_decay" in args else {}
    runs = [(lr, args, 0.0, 0), (0.3 * lr, args | decay, 0.1, 1), (0.1 * lr, args, 0.01, 2)]
    settings = [OptimizerSettings.of(name, rate, its) for rate, its, _, _ in runs]
    like: dict[str, Any] = {"outputs": outputs, "seeds": [run[3] for run in runs], "init": "torch", "hidden": HIDDEN}
    module = stack_on(block, OBJECTIVES[objective], settings, [run[2] for run in runs], **like)
    for _ in range(epochs):
        module.training_step(block, 0)
    for theta, (rate, its, l2, seed) in zip(module.linear.theta.data, runs, strict=True):
        checked = check_optimizer(name, rate, its)
        expected = one_in_plain_torch(name, rate, checked, l2, seed, block, objective, epochs)
        error = float((theta[0] - expected).abs().max() / expected.abs().max())
        assert error <= 1e-9, f"seed {seed}: {error:.1e}"


def test_one_runs_infinity_stays_its_own() -> None:
    x, y, _ = problem("squared", torch.float64)
    settings = [OptimizerSettings.of("SGD", lr, {}) for lr in (0.01, 1e9, 0.01)]
    block = Block(x, y, None, BATCH)
    module = stack_on(block, OBJECTIVES["squared"], settings, init="torch", hidden=HIDDEN)
    stack = module.linear
    for _ in range(20):
        module.training_step(block, 0)
    assert not stack.theta[1].isfinite().all()
    assert stack.theta[0].isfinite().all()
    torch.testing.assert_close(stack.theta[0], stack.theta[2], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("optim", ["adam", "adafactor", "lbfgs"])
def test_runs_that_stay_go_on_as_if_the_others_had_never_been_there(optim: str) -> None:
    name, lr, args = configured(optim)
    x, y, outputs = problem("softmax", torch.float64)
    block = Block(x, y, None, ROWS)
    thetas = []
    for seeds in ([0, 1, 2], [1]):
        settings = [OptimizerSettings.of(name, lr, args)] * len(seeds)
        like: dict[str, Any] = {"outputs": outputs, "seeds": seeds, "init": "torch", "hidden": HIDDEN}
        module = stack_on(block, OBJECTIVES["softmax"], settings, 0.1, **like)
        for epoch in range(4):
            module.training_step(block, 0)
            if epoch == 1 and len(seeds) > 1:
                module.keep([1])
        thetas.append(module.linear.theta.data)
    torch.testing.assert_close(*thetas, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("objective", ["squared", "softmax"])
def test_the_objective_is_measured_and_no_optimum_is_claimed(objective: str) -> None:
    x, y, outputs = problem(objective, torch.float64)
    stack, l2 = stack_of([0, 1], outputs), [0.0, 0.5]
    solved: dict[Any, Any] = {}
    solver = Solver(Part(x, y), OBJECTIVES[objective], n_outputs=outputs)
    truth = Truth(solver, l2, architecture=stack.architecture, solved=solved)
    assert solved == {}  # another stack, of one layer, has optima
    assert {one.note for one in truth.references} == {TwoLayers.unsolved}
    found = truth.measure(stack.theta.data)
    tally = Tally(["loss"], OBJECTIVES[objective], architecture=stack.architecture)
    tally.add(stack.theta.data, Block(x, y, None, ROWS))
    assert found["gap"].isnan().all()
    assert found["rel_gap"].isnan().all()
    for run in range(2):
        network = sequential(run, outputs)
        loss = LOSSES[objective](network(x), y).detach()
        charge = sum(one.detach().square().sum() for one in network.parameters() if one.ndim == 2)
        torch.testing.assert_close(found["loss"][run], loss)
        torch.testing.assert_close(tally.values()["loss"][run], loss)
        torch.testing.assert_close(found["objective"][run], loss + l2[run] / 2 * charge)
    at_zero = truth.measure(torch.zeros_like(stack.theta.data))
    torch.testing.assert_close(at_zero["objective"], truth.start.expand(2))
