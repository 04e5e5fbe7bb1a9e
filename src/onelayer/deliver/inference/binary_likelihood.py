"""The likelihood of a binary target under each link: minus the loss that training minimises, in numpy."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from onelayer.deliver.inference.rows import Array
from onelayer.links import LINKS
from onelayer.model.objectives import Objective
from onelayer.model.objectives.linked import Linked

LARGEST = np.finfo(np.float64).max


class BinaryLikelihood:
    """The log-likelihood of y in [0, 1] as a function of the logit z, (rows,) each.

    Args:
        objective: its loss is minus that.

    Attributes:
        concave: whether the log-likelihood of each y is.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.concave = objective.convex

    def log_mean(self, z: Array) -> Array:
        """Return the logarithm of the probability of a one."""
        return -_of(self._objective.loss, z, np.ones_like(z))

    def log_rest(self, z: Array) -> Array:
        """Return that of a zero."""
        return -_of(self._objective.loss, z, np.zeros_like(z))

    def score(self, z: Array, y: Array) -> Array:
        """Return the derivative of the log-likelihood by z."""
        return -_of(self._objective.residual, z, y)

    def expected(self, z: Array) -> Array:
        """Return the expected information on z (McCullagh & Nelder, 1989, 2.5)."""
        return _of(self._objective.information, z, np.zeros_like(z))

    def observed(self, z: Array, y: Array) -> Array:
        """Return the observed information on z, minus the second derivative of the log-likelihood."""
        return _of(self._objective.hessian, z, y)


def _of(function: Callable[[Tensor, Tensor], Tensor], z: Array, y: Array) -> Array:
    logits, target = torch.from_numpy(z)[None, :, None], torch.from_numpy(y)[:, None]
    # the loss of cloglog overflows; a finite one can still be compared
    values: Array = np.clip(function(logits, target).flatten().numpy(), -LARGEST, LARGEST)
    return values


# by the name of the link
LIKELIHOODS = {name: BinaryLikelihood(Linked(link)) for name, link in LINKS.items()}
