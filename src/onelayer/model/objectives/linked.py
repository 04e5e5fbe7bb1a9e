"""Log-loss of a binary target under any link."""

import torch
from torch import Tensor
from typing_extensions import override

from onelayer.model.objectives.base import Objective
from onelayer.model.objectives.links import Link


class Linked(Objective):
    """``-(y log p + (1 - y) log(1 - p))`` for y in [0, 1], with p the inverse link of the logit.

    Args:
        link: its name, which is the name of the objective too.
        formulas: of that link.
    """

    task = "binary"

    def __init__(self, link: str, formulas: Link) -> None:
        self.name = self.link = link
        self.curvature, self.convex, self.even = formulas.curvature, formulas.convex, formulas.even
        self._up, self._down = formulas.up, formulas.down

    @override
    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        return _mean(target, -self._up.log(logits), -self._down.log(-logits)).sum(-1)

    @override
    def residual(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        return _mean(target, -self._up.slope(logits), self._down.slope(-logits))

    @override
    def hessian(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        up = self._up.bend(logits, self._up.slope(logits))
        down = self._down.bend(-logits, self._down.slope(-logits))
        return torch.diag_embed(_mean(target, up, down))

    @override
    def information(self, logits: Tensor, target: Tensor) -> Tensor:
        # f^2 / (p (1 - p)), the slopes being f / p and f / (1 - p)
        return torch.diag_embed(self._up.slope(logits) * self._down.slope(-logits))

    @override
    def predict(self, logits: Tensor) -> Tensor:
        return self._up.log(logits).exp_()


def _mean(target: Tensor, one: Tensor, zero: Tensor) -> Tensor:
    """Return ``y * one + (1 - y) * zero``; what does not count may be infinite."""
    between = target * one + (1 - target) * zero
    return torch.where(target == 1, one, torch.where(target == 0, zero, between))
