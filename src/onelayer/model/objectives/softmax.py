"""Cross-entropy on the logits of several classes."""

import torch
from torch import Tensor
from typing_extensions import override

from onelayer.links import SOFTMAX
from onelayer.model.objectives.base import Objective


class Softmax(Objective):
    """``log sum_k exp(z_k) - z_y`` for a class y. Softmax (multinomial logistic) regression."""

    name = "softmax"
    task = "multiclass"
    link = SOFTMAX
    curvature = 0.5
    self_concordant = True

    @override
    def check(self, logits: Tensor, target: Tensor) -> None:
        if target.shape != logits.shape[1:2] or target.dtype != torch.int64:
            raise ValueError(
                f"softmax: target of shape {tuple(target.shape)} and {target.dtype} against outputs of shape "
                f"{tuple(logits.shape[1:])}; give the target as (rows,) class numbers in int64"
            )

    @override
    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        return logits.logsumexp(-1) - logits.gather(-1, _index(logits, target)).squeeze(-1)

    @override
    def residual(self, logits: Tensor, target: Tensor) -> Tensor:
        self.check(logits, target)
        probability = logits.softmax(-1)
        minus_one = probability.new_full((), -1.0).expand(*logits.shape[:2], 1)
        return probability.scatter_add_(-1, _index(logits, target), minus_one)

    @override
    def hessian(self, logits: Tensor, target: Tensor) -> Tensor:
        probability = logits.softmax(-1)
        return torch.diag_embed(probability) - probability.unsqueeze(-1) * probability.unsqueeze(-2)

    @override
    def predict(self, logits: Tensor) -> Tensor:
        return logits.softmax(-1)


def _index(logits: Tensor, target: Tensor) -> Tensor:
    return target[None, :, None].expand(logits.shape[0], -1, 1)
