"""Binary cross-entropy on logits."""

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from onelayer.links import LINKS
from onelayer.model.objectives.base import Objective


class Logistic(Objective):
    """``log(1 + exp(z)) - y z`` for y in [0, 1]. Logistic regression."""

    name = "logistic"
    task = "binary"
    link = LINKS["logit"]
    curvature = 0.25
    self_concordant = True

    @override
    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        loss = functional.binary_cross_entropy_with_logits(logits, target.expand_as(logits), reduction="none")
        return loss.sum(-1)

    @override
    def residual(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        return torch.sigmoid(logits).sub_(target)

    @override
    def hessian(self, logits: Tensor, target: Tensor) -> Tensor:
        # sigmoid(z) * sigmoid(-z) keeps its digits where 1 - sigmoid(z) has none left
        return torch.diag_embed(torch.sigmoid(logits) * torch.sigmoid(-logits))

    @override
    def predict(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits)
