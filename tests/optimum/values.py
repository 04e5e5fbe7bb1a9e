"""The objective, by its definition."""

import torch
from torch import Tensor

from onelayer.linalg import logits_of, total
from onelayer.protocols import Loss, Part


def value(theta: Tensor, part: Part, objective: Loss, l2: Tensor | float) -> Tensor:
    """Return the objective of (runs, outputs, columns), (runs,)."""
    losses = [total(objective.loss(logits_of(theta, rows.x), rows.y), rows.weight) for rows in part.chunks()]
    penalty = 0.5 * l2 * theta[..., : part.n_features].square().sum((1, 2))
    return torch.stack(losses).sum(0) / len(part) + penalty
