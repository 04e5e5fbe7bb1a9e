"""Least squares."""

import torch
from torch import Tensor
from typing_extensions import override

from onelayer.links import IDENTITY
from onelayer.model.objectives.base import Objective


class Squared(Objective):
    """``sum_o (y_o - z_o)^2``: the mean squared error for one output. Linear regression."""

    name = "squared"
    task = "regression"
    link = IDENTITY
    of_classes = False
    curvature = 2.0
    quadratic = True

    @override
    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        return (logits - target).square().sum(-1)

    @override
    def residual(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        return torch.sub(logits, target).mul_(2.0)

    @override
    def hessian(self, logits: Tensor, target: Tensor) -> Tensor:
        eye = torch.eye(logits.shape[-1], dtype=logits.dtype, device=logits.device)
        return (2.0 * eye).expand(*logits.shape, logits.shape[-1])

    @override
    def predict(self, logits: Tensor) -> Tensor:
        return logits
