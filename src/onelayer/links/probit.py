"""The link of the normal distribution."""

from math import pi, sqrt
from typing import TYPE_CHECKING

from typing_extensions import override

from onelayer.links.base import SymmetricLink
from onelayer.links.operations import Operations, Ratio, Value, ratio

if TYPE_CHECKING:
    from torch import Tensor

    from onelayer.links.base import Doubles, Floats

# Cody, Rational Chebyshev approximations for the error function, 1969, as in pnorm of R
CENTER: Ratio = (
    (
        *(0.065682337918207449113, 2.2352520354606839287, 161.02823106855587881, 1067.6894854603709582),
        18154.981253343561249,
    ),
    (1.0, 47.20258190468824187, 976.09855173777669322, 10260.932208618978205, 45507.789335026729956),
)
MIDDLE: Ratio = (
    (
        *(1.0765576773720192317e-8, 0.39894151208813466764, 8.8831497943883759412, 93.506656132177855979),
        *(597.27027639480026226, 2494.5375852903726711, 6848.1904505362823326, 11602.651437647350124),
        9842.7148383839780218,
    ),
    (
        *(1.0, 22.266688044328115691, 235.38790178262499861, 1519.377599407554805, 6485.558298266760755),
        *(18615.571640885098091, 34900.952721145977266, 38912.003286093271411, 19685.429676859990727),
    ),
)
FAR: Ratio = (
    (
        *(0.02307344176494017303, 0.21589853405795699, 0.1274011611602473639, 0.022235277870649807),
        *(0.001421619193227893466, 2.9112874951168792e-5),
    ),
    (
        *(1.0, 1.28426009614491121, 0.468238212480865118, 0.0659881378689285515),
        *(0.00378239633202758244, 7.29751555083966205e-5),
    ),
)
CENTER_ENDS, MIDDLE_ENDS, FAR_ENDS = 0.67448975, sqrt(32), 37.0
SERIES_ENDS = -50.0  # below, Mills' ratio is so near its asymptotic series that this has more digits


class Probit(SymmetricLink):
    """``Phi(z)``, the standard normal distribution function; numpy's is scipy's, exports have none."""

    name, formula = "probit", "Φ(z), the standard normal distribution function"
    curvature = 1.0

    @override
    def tail(self, a: Value, ops: Operations) -> Value:
        a = ops.at_most(a, FAR_ENDS)
        # each formula is evaluated everywhere, so none may divide by 0
        inverse = 1.0 / ops.where(ops.above(a, 1.0), a * a, 1.0)
        root = ops.where(ops.above(a, 1.0), a, 1.0)
        far = (1 / sqrt(2 * pi) - inverse * ratio(FAR, inverse)) / root
        rest = ops.exp(-0.5 * (a * a)) * ops.where(ops.above(a, MIDDLE_ENDS), far, ratio(MIDDLE, a))
        return ops.where(ops.above(a, CENTER_ENDS), rest, 0.5 - a * ratio(CENTER, a * a))

    @override
    def numpy_tail(self, a: "Floats") -> "Floats":
        import numpy as np
        from scipy.special import ndtr

        return np.asarray(ndtr(-a))

    @override
    def log_probability(self, t: "Doubles") -> "Doubles":
        import numpy as np
        from scipy.special import log_ndtr

        away = np.abs(t)
        return np.where(t < 0, log_ndtr(-away), np.log1p(-self.numpy_tail(away)))

    @override
    def log_cdf(self, t: "Tensor") -> "Tensor":
        import torch

        result: Tensor = torch.special.log_ndtr(t)
        return result

    @override
    def d_log(self, t: "Tensor") -> "Tensor":
        import torch

        mills: Tensor = torch.special.erfcx(t * -sqrt(0.5))
        return sqrt(2 / pi) * mills.reciprocal()

    @override
    def neg_d2_log(self, t: "Tensor", d_log: "Tensor") -> "Tensor":
        import torch

        # of the asymptotic series of Mills' ratio (Abramowitz & Stegun 26.2.12)
        w = t.square().reciprocal()
        tail = 1 - w * (1 - w * (6 - w * (50 - w * 518)))
        return torch.where(t < SERIES_ENDS, tail, torch.where(d_log > 0, d_log * (t + d_log), d_log))
