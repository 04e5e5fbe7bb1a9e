"""A small problem of each objective, optimizers as `optim=` gives them, and the loop of any tutorial."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from onelayer.model.rows import Block
from tests.conftest import composed

WITHOUT_LINE_SEARCH = "lbfgs optim.line_search_fn=null"
FULL_BATCH = ("lbfgs", "rprop", WITHOUT_LINE_SEARCH)
ROWS, FEATURES, BATCH = 128, 4, 16


def configured(optim: str) -> tuple[str, float, dict[str, Any]]:
    """Class, learning rate and arguments as `optim=` gives them."""
    args = composed(*f"optim={optim}".split())["optim"]
    return args.pop("name"), args.pop("lr"), args


def problem(objective: str, dtype: torch.dtype) -> tuple[Tensor, Tensor, int]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(ROWS, FEATURES, generator=generator, dtype=torch.float64)
    outputs = 3 if objective == "softmax" else 1
    truth = torch.randn(FEATURES, outputs, generator=generator, dtype=torch.float64)
    noisy = x @ truth + torch.randn(ROWS, outputs, generator=generator, dtype=torch.float64)
    if objective == "softmax":
        return x.to(dtype), noisy.argmax(1), outputs
    return x.to(dtype), (noisy if objective == "squared" else (noisy > 0).double()).to(dtype), outputs


def train_in_plain_torch(
    optimizer: Any,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    block: Block,
    epochs: int,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
) -> None:
    """Autograd and torch.optim, a minibatch at a time; `loss_of` maps x and y to the objective."""
    for _ in range(epochs):
        for x, y, _ in block.batches():

            def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
                optimizer.zero_grad()
                loss = loss_of(x, y)
                torch.autograd.backward(loss)
                return loss

            if isinstance(optimizer, torch.optim.LBFGS):
                optimizer.step(closure)  # type: ignore[no-untyped-call]
            else:
                closure()
                optimizer.step()
            if scheduler is not None:
                scheduler.step()
