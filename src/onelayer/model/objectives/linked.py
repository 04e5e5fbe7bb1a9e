"""Log-loss of a binary target under any link."""

import torch
from torch import Tensor
from typing_extensions import override

from onelayer.links import BinaryLink
from onelayer.model.objectives.base import Objective


class Linked(Objective):
    """``-(y log p + (1 - y) log(1 - p))`` for y in [0, 1], with p the inverse link of the logit.

    Args:
        link: its name is the name of the objective, too.
    """

    task = "binary"

    def __init__(self, link: BinaryLink) -> None:
        self.name, self.link = link.name, link
        self.curvature, self.convex = link.curvature, link.convex
        self.decision_threshold = link.decision_threshold
        self._first, self._second = link.first, link.second

    @override
    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        return _mean(target, -self._second.log_cdf(logits), -self._first.log_cdf(-logits)).sum(-1)

    @override
    def residual(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        return _mean(target, -self._second.d_log(logits), self._first.d_log(-logits))

    @override
    def hessian(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        second = self._second.neg_d2_log(logits, self._second.d_log(logits))
        first = self._first.neg_d2_log(-logits, self._first.d_log(-logits))
        return torch.diag_embed(_mean(target, second, first))

    @override
    def information(self, logits: Tensor, target: Tensor) -> Tensor:
        # f^2 / (p (1 - p)), the derivatives being f / p and f / (1 - p)
        return torch.diag_embed(self._second.d_log(logits) * self._first.d_log(-logits))

    @override
    def predict(self, logits: Tensor) -> Tensor:
        return self._second.log_cdf(logits).exp_()


def _mean(target: Tensor, one: Tensor, zero: Tensor) -> Tensor:
    """Return ``y * one + (1 - y) * zero``; what does not count may be infinite."""
    between = target * one + (1 - target) * zero
    return torch.where(target == 1, one, torch.where(target == 0, zero, between))
