"""The stack is as many torch.nn.Linear layers, and its gradient is autograd's."""

import pytest
import torch

from onelayer.linalg import logits_of, pullback
from onelayer.model.linear import StackedLinear

shapes = pytest.mark.parametrize("outputs", [1, 3])
biased = pytest.mark.parametrize("bias", [True, False])


@shapes
@biased
def test_torch_start_is_that_of_nn_linear_whatever_else_is_in_the_stack(outputs: int, bias: bool) -> None:
    stack = StackedLinear(3, 5, outputs, bias=bias)
    stack.start([7, 0, 7], ["torch"] * 3, [0.01] * 3)
    for run, seed in enumerate([7, 0, 7]):
        torch.manual_seed(seed)
        layer = torch.nn.Linear(5, outputs, bias=bias)
        assert stack.weight[run].equal(layer.weight)
        if bias:
            assert stack.bias is not None
            assert stack.bias[run].equal(layer.bias)


def test_normal_start_has_the_spread_asked_for_and_no_bias() -> None:
    stack = StackedLinear(2, 20_000, 1)
    stack.start([0, 1], ["normal", "normal"], [0.01, 2.0])
    assert stack.bias is not None
    assert (stack.bias == 0).all()
    torch.testing.assert_close(stack.weight.std(-1).flatten(), torch.tensor([0.01, 2.0]), rtol=0.03, atol=0)


@shapes
@biased
def test_logits_are_those_of_separate_layers(outputs: int, bias: bool) -> None:
    stack = StackedLinear(4, 5, outputs, bias=bias, dtype=torch.float64)
    stack.start(range(4), ["torch"] * 4, [0.01] * 4)
    x = torch.randn(6, 5, dtype=torch.float64)
    for run in range(4):
        constant = None if stack.bias is None else stack.bias[run]
        torch.testing.assert_close(stack(x)[run], torch.nn.functional.linear(x, stack.weight[run], constant))


@shapes
@biased
def test_pullback_is_autograd(outputs: int, bias: bool) -> None:
    theta = torch.randn(4, outputs, 5 + bias, dtype=torch.float64, requires_grad=True)
    x, cotangent = torch.randn(6, 5, dtype=torch.float64), torch.randn(4, 6, outputs, dtype=torch.float64)
    (expected,) = torch.autograd.grad(logits_of(theta, x), theta, cotangent)
    found = torch.empty_like(expected)
    pullback(x, cotangent, found)
    torch.testing.assert_close(found, expected)


def test_x_of_another_width_raises() -> None:
    with pytest.raises(ValueError, match=r"x of shape \(2, 3\) against weights for 6 columns"):
        StackedLinear(1, 5, 1)(torch.zeros(2, 3))
