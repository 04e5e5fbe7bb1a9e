"""What the adapters declare of torch's optimizers is so, and a class that none declares moves each run alone."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor

from onelayer.model.adapters import ADAPTERS, NeighbouringRuns, SeparateOptimizer, SharedOptimizer, adapter_of
from onelayer.model.linear import Linear

RATES = (0.1, 0.01)
FITTING = [cls for cls, adapter in ADAPTERS.items() if not adapter.refused]
by_class = pytest.mark.parametrize("cls", FITTING, ids=lambda cls: cls.__name__)


class SignDescent(torch.optim.Optimizer):
    """A class that torch does not have: steps of the same size in every direction, and a decay that reads weights."""

    def __init__(self, params: Any, lr: float = 0.1, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for param in group["params"]:
                param -= group["lr"] * (param.grad.sign() + group["weight_decay"] * param)


def test_every_class_of_torch_has_an_adapter() -> None:
    classes = [cls for cls in vars(torch.optim).values() if inspect.isclass(cls) and cls is not torch.optim.Optimizer]
    assert [cls.__name__ for cls in classes if issubclass(cls, torch.optim.Optimizer) and cls not in ADAPTERS] == []


def test_a_class_without_an_adapter_moves_each_run_alone() -> None:
    assert adapter_of(SignDescent) is SeparateOptimizer
    theta, grad = torch.ones(2, 1, 3), torch.tensor([[[2.0, -1.0, 0.0]], [[-3.0, 0.5, 1.0]]])
    runs = NeighbouringRuns(SignDescent, {}, RATES, (0.0, 0.5), theta, grad, Linear(2, 1, True))
    stack = adapter_of(SignDescent)(runs)
    assert not stack.step(torch.tensor(RATES)[:, None, None], [True, True], lambda run: torch.zeros(()))
    torch.testing.assert_close(theta, torch.tensor([[[0.9, 1.1, 1.0]], [[1.005, 0.985, 0.985]]]))


@by_class
def test_a_shared_step_is_linear_in_lr_and_does_not_read_the_weights(cls: type[torch.optim.Optimizer]) -> None:
    """That of the others is not, or does: else they could be shared."""
    expected = updates(cls, 0.0, [1.0] * 5)
    others = updates(cls, 0.0, [1e-3, 1.0, 1e-2, 1.0, 0.1]), updates(cls, 3.0, [1.0] * 5)
    linear = all(torch.allclose(expected, other, rtol=1e-9, atol=1e-12) for other in others)
    assert linear == issubclass(adapter_of(cls), SharedOptimizer)


@by_class
def test_rates_after_the_first_are_read_where_the_adapter_says_so(cls: type[torch.optim.Optimizer]) -> None:
    rates = [0.1] * 5, [0.1, 0.1, 0.05, 0.02, 0.01]
    moves = [updates(cls, 0.0, one) * torch.tensor(one)[:, None, None] for one in rates]
    assert moves[0].allclose(moves[1]) != adapter_of(cls).reads_schedule


@by_class
def test_only_gradient_descent_is_plain_and_steps_by_the_curvature(cls: type[torch.optim.Optimizer]) -> None:
    adapter = adapter_of(cls)
    assert adapter.steps_by_curvature == adapter.is_plain({}) == (cls is torch.optim.SGD)
    assert not adapter.is_plain({"momentum": 0.9})


def updates(cls: type[torch.optim.Optimizer], start: float, rates: list[float]) -> Tensor:
    """Return what each step on fixed gradients moves, divided by its learning rate, (steps, 2, 3)."""
    weights = torch.nn.Parameter(torch.full((2, 3), start, dtype=torch.float64))
    decay: dict[str, Any] = {"weight_decay": 0.0} if "weight_decay" in inspect.signature(cls).parameters else {}
    optimizer = cls([weights], lr=rates[0], **decay)  # type: ignore[call-arg]
    generator, moves = torch.Generator().manual_seed(0), []
    for rate in rates:
        gradient, before = torch.randn(2, 3, generator=generator, dtype=torch.float64), weights.detach().clone()

        def closure(gradient: Tensor = gradient) -> Tensor:
            weights.grad = gradient.clone()
            return (weights.detach() * gradient).sum()

        closure()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step(*[closure] if adapter_of(cls).needs_closure else [])  # type: ignore[arg-type]
        moves.append((weights.detach() - before) / rate)
    return torch.stack(moves)
