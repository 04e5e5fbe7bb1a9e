"""A small problem of each objective, and optimizers as `optim=` gives them."""

from typing import Any

import torch
from torch import Tensor

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
