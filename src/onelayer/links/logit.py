"""The links of the logistic distribution."""

from typing import TYPE_CHECKING

from typing_extensions import override

from onelayer.links.base import SymmetricLink
from onelayer.links.operations import Operations, Value

if TYPE_CHECKING:
    from torch import Tensor

    from onelayer.links.base import Doubles


class Logit(SymmetricLink):
    """``1 / (1 + exp(-z))``, the canonical link; trained by `objectives.Logistic`, as torch's own loss is faster."""

    name, formula = "logit", "1 / (1 + exp(−z))"
    kind = "logistic"
    is_log_odds, sklearn_factor = True, 1.0
    curvature = 0.25

    @override
    def tail(self, a: Value, ops: Operations) -> Value:
        odds = ops.decay(a)
        return odds / (1.0 + odds)

    @override
    def log_probability(self, t: "Doubles") -> "Doubles":
        import numpy as np

        away = np.abs(t)
        return np.where(t < 0, -away - np.log1p(np.exp(-away)), np.log1p(-self.numpy_tail(away)))

    @override
    def log_cdf(self, t: "Tensor") -> "Tensor":
        import torch

        return torch.nn.functional.logsigmoid(t)

    @override
    def d_log(self, t: "Tensor") -> "Tensor":
        return (-t).sigmoid()

    @override
    def neg_d2_log(self, t: "Tensor", d_log: "Tensor") -> "Tensor":
        return d_log * t.sigmoid()


class Tanh(SymmetricLink):
    """``(1 + tanh z) / 2``, the logit of twice as much."""

    name, formula = "tanh", "(1 + tanh z) / 2"
    sklearn_factor = 2.0
    curvature = 1.0
    _logit = Logit()

    @override
    def tail(self, a: Value, ops: Operations) -> Value:
        return self._logit.tail(2.0 * a, ops)

    @override
    def log_probability(self, t: "Doubles") -> "Doubles":
        return self._logit.log_probability(2.0 * t)

    @override
    def log_cdf(self, t: "Tensor") -> "Tensor":
        return self._logit.log_cdf(2 * t)

    @override
    def d_log(self, t: "Tensor") -> "Tensor":
        return 2 * (-2 * t).sigmoid()

    @override
    def neg_d2_log(self, t: "Tensor", d_log: "Tensor") -> "Tensor":
        return 2 * d_log * (2 * t).sigmoid()
