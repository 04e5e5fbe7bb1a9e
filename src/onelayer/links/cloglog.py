"""The complementary log-log link, of the distribution of the smallest of many (Gumbel).

Numpy's logarithms stay apart from torch's: they hold exponents within range, since numpy warns of an overflow, and in
the tail they stop at another term, which shows in the last digits.
"""

import math
from typing import TYPE_CHECKING

from typing_extensions import override

from onelayer.links.base import BinaryLink, Outcome
from onelayer.links.operations import EXPONENT, Operations, Value

if TYPE_CHECKING:
    from torch import Tensor

    from onelayer.links.base import Doubles, Floats

# beyond, no digit is left between a probability and 1; exp(t) is no longer finite; exp(EXPORT_ENDS) is within EXPONENT
ENDS, LARGEST, EXPORT_ENDS = 10.0, 709.0, 6.55
# below, an expansion around exp(t) = 0 has more digits than the formula: of the logarithm; of its second derivative
TAIL, BEND_TAIL = -6.0, -3.0
NO_TAIL = -40.0  # exp of it is no longer felt beside 1


class Smallest(Outcome):
    """``F(t) = 1 - exp(-exp(t))``."""

    @override
    def probability(self, t: "Floats") -> "Floats":
        import numpy as np

        return -np.expm1(-np.exp(np.minimum(t, ENDS)))

    @override
    def log_probability(self, t: "Doubles") -> "Doubles":
        import numpy as np

        small = np.exp(np.minimum(t, TAIL))
        tail = t - small * (1 / 2 - small / 24)  # of log((1 - exp(-u)) / u) around 0
        u = np.exp(np.clip(t, TAIL, ENDS))
        rest = np.where(t < 0, np.log(-np.expm1(-u)), np.log1p(-np.exp(-u)))
        return np.where(t < TAIL, tail, rest)

    @override
    def log_cdf(self, t: "Tensor") -> "Tensor":
        import torch

        u = t.exp()
        near_one = torch.log1p(-torch.exp(-u))
        # log((1 - exp(-u)) / u) around 0
        tail = t - u * (1 / 2 - u * (1 / 24 - u.square() / 2880))
        return torch.where(t < TAIL, tail, torch.where(t < 0, (-torch.expm1(-u)).log(), near_one))

    @override
    def d_log(self, t: "Tensor") -> "Tensor":
        import torch

        u = t.exp()
        return torch.where(t < NO_TAIL, torch.ones_like(t), torch.exp(t - u) / -torch.expm1(-u))

    @override
    def neg_d2_log(self, t: "Tensor", d_log: "Tensor") -> "Tensor":
        import torch

        # h = u / (exp(u) - 1), of which Bernoulli's numbers are the coefficients; beyond u = 1e4 h is 0
        u = t.exp().clamp(max=1e4)
        tail = u * (1 / 2 + u * (1 / 12 - u.square() * (1 / 720 - u.square() / 30240)))
        return d_log * torch.where(t < BEND_TAIL, tail, d_log - 1 + u)


class Largest(Outcome):
    """``F(t) = exp(-exp(-t))``."""

    @override
    def probability(self, t: "Floats") -> "Floats":
        import numpy as np

        return np.exp(-np.exp(np.minimum(-t, ENDS)))

    @override
    def log_probability(self, t: "Doubles") -> "Doubles":
        import numpy as np

        return -np.exp(np.minimum(-t, LARGEST))

    @override
    def log_cdf(self, t: "Tensor") -> "Tensor":
        return -self.d_log(t)

    @override
    def d_log(self, t: "Tensor") -> "Tensor":
        return (-t).exp()

    @override
    def neg_d2_log(self, t: "Tensor", d_log: "Tensor") -> "Tensor":
        return d_log


class Cloglog(BinaryLink):
    """``1 - exp(-exp(z))``."""

    name, formula = "cloglog", "1 − exp(−exp(z))"
    curvature, decision_threshold = math.inf, math.log(math.log(2))
    first, second = Largest(), Smallest()

    @override
    def export(self, z: Value, ops: Operations) -> tuple[Value, Value]:
        # 1 - exp(-t) as tanh(t/2) (1 + exp(-t)), which keeps the digits of a small t
        t = ops.exp(-1.0 * ops.at_most(-1.0 * ops.at_most(z, EXPORT_ENDS), EXPONENT))
        first = ops.exp(-1.0 * t)
        return first, ops.tanh(0.5 * t) * (1.0 + first)
