"""What the log-loss needs of each link, right to the last digits in both tails.

With F the inverse link and f its derivative, the loss of y = 1 and its derivatives by the logit are

    -log F(z)        -h(z) = -f/F        k(z) = h(z) * (h(z) - f'/f)

A symmetric link has 1 - F(z) = F(-z), so that y = 0 needs nothing more; for another one the same three are written for
1 - F as a function of -z. Nothing here takes the logarithm of a rounded probability.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]
# where a tail is so near its expansion that this has more digits than the formula
PROBIT_TAIL, CLOGLOG_TAIL, GUDERMANNIAN_TAIL = -50.0, -3.0, -5.0
NO_TAIL = -40.0  # exp of it is no longer felt beside 1


@dataclass(frozen=True)
class Side:
    """One outcome's probability as a rising function of its argument.

    Attributes:
        log: its logarithm.
        slope: the first derivative of that, never negative.
        bend: the second one with its sign turned: negative where the loss is not convex. May use the slope, which it
            is given as its second argument.
    """

    log: Function
    slope: Function
    bend: Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Link:
    """A link.

    Attributes:
        up: the probability of 1, by z.
        down: the probability of 0, by -z.
        curvature: the largest second derivative of the loss, over both outcomes and all logits.
        convex: whether no second derivative of the loss is negative.
        even: the logit at which both outcomes are as probable.
    """

    up: Side
    down: Side
    curvature: float
    convex: bool = True
    even: float = 0.0


def _of_tails(z: Tensor, low: Tensor, tail: Tensor) -> Tensor:
    """Return log F: `low` below zero, else log(1 - tail) with the tail F(-|z|)."""
    return torch.where(z < 0, low, torch.log1p(-tail))


def _probit_slope(z: Tensor) -> Tensor:
    mills: Tensor = torch.special.erfcx(z * -math.sqrt(0.5))
    return math.sqrt(2 / math.pi) * mills.reciprocal()


def _probit_bend(z: Tensor, h: Tensor) -> Tensor:
    # of the asymptotic series of Mills' ratio (Abramowitz & Stegun 26.2.12)
    w = z.square().reciprocal()
    tail = 1 - w * (1 - w * (6 - w * (50 - w * 518)))
    return torch.where(z < PROBIT_TAIL, tail, torch.where(h > 0, h * (z + h), h))


def _cauchit_log(z: Tensor) -> Tensor:
    one = torch.ones_like(z)
    tail = torch.atan2(one, z.abs()) / math.pi
    return _of_tails(z, tail.log(), tail)


def _cauchit_slope(z: Tensor) -> Tensor:
    one = torch.ones_like(z)
    root = torch.hypot(one, z)
    return (root * torch.atan2(one, -z)).reciprocal() / root


def _cauchit_bend(z: Tensor, h: Tensor) -> Tensor:
    root = torch.hypot(torch.ones_like(z), z)
    return h * (h + 2 * (z / root) / root)


def _cloglog_log(z: Tensor) -> Tensor:
    u = z.exp()
    near_one = torch.log1p(-torch.exp(-u))
    # log((1 - exp(-u)) / u) around 0
    tail = z - u * (1 / 2 - u * (1 / 24 - u.square() / 2880))
    return torch.where(z < 2 * CLOGLOG_TAIL, tail, torch.where(z < 0, (-torch.expm1(-u)).log(), near_one))


def _cloglog_slope(z: Tensor) -> Tensor:
    u = z.exp()
    return torch.where(z < NO_TAIL, torch.ones_like(z), torch.exp(z - u) / -torch.expm1(-u))


def _cloglog_bend(z: Tensor, h: Tensor) -> Tensor:
    # h = u / (exp(u) - 1), of which Bernoulli's numbers are the coefficients; beyond u = 1e4 h is 0
    u = z.exp().clamp(max=1e4)
    tail = u * (1 / 2 + u * (1 / 12 - u.square() * (1 / 720 - u.square() / 30240)))
    return h * torch.where(z < CLOGLOG_TAIL, tail, h - 1 + u)


def _gudermannian_log(z: Tensor) -> Tensor:
    tail = 2 / math.pi * torch.atan(torch.exp(-z.abs()))
    return _of_tails(z, torch.where(z < NO_TAIL, z + math.log(2 / math.pi), tail.log()), tail)


def _gudermannian_slope(z: Tensor) -> Tensor:
    e = torch.exp(-z.abs())
    low = e / ((1 + e.square()) * torch.atan(e))
    high = e / ((1 + e.square()) * (math.pi / 2 - torch.atan(e)))
    return torch.where(z < NO_TAIL, torch.ones_like(z), torch.where(z < 0, low, high))


def _gudermannian_bend(z: Tensor, h: Tensor) -> Tensor:
    # h (1 + e^2) - 1 + e^2 with h = e / ((1 + e^2) arctan e), around e = 0
    w = torch.exp(2 * z.clamp(max=0.0))
    tail = w * (4 / 3 - w * (4 / 45 - w * 44 / 945)) / (1 + w)
    return h * torch.where(z < GUDERMANNIAN_TAIL, tail, h + z.tanh())


def _algebraic_log(z: Tensor) -> Tensor:
    a = z.abs()
    root = torch.hypot(torch.ones_like(z), z)
    return _of_tails(z, -(math.log(2) + root.log() + torch.asinh(a)), 0.5 / root / (root + a))


def _algebraic_slope(z: Tensor) -> Tensor:
    a = z.abs()
    root = torch.hypot(torch.ones_like(z), z)
    high = 0.5 / root / root / root / (1 - 0.5 / root / (root + a))
    return torch.where(z < 0, (root + a) / root / root, high)


def _algebraic_bend(z: Tensor, h: Tensor) -> Tensor:
    root = torch.hypot(torch.ones_like(z), z)
    return h * (h + 3 * (z / root) / root)


def _softsign_log(z: Tensor) -> Tensor:
    a = 1 + z.abs()
    return _of_tails(z, -(math.log(2) + torch.log1p(z.abs())), 0.5 / a)


def _softsign_slope(z: Tensor) -> Tensor:
    a = 1 + z.abs()
    return torch.where(z < 0, a.reciprocal(), (a * (2 * a - 1)).reciprocal())


def _softsign_bend(z: Tensor, h: Tensor) -> Tensor:
    # it jumps at 0, where the mean of both sides stands
    return h * (h + 2 * z.sign() / (1 + z.abs()))


def _symmetric(side: Side, curvature: float, convex: bool = True) -> Link:
    return Link(side, side, curvature, convex)


def _exp(t: Tensor) -> Tensor:
    return torch.exp(-t)


TABLE: Mapping[str, Link] = {
    "logit": _symmetric(
        Side(torch.nn.functional.logsigmoid, lambda z: torch.sigmoid(-z), lambda z, h: h * torch.sigmoid(z)), 0.25
    ),
    "probit": _symmetric(Side(torch.special.log_ndtr, _probit_slope, _probit_bend), 1.0),
    "cauchit": _symmetric(Side(_cauchit_log, _cauchit_slope, _cauchit_bend), 0.51413479584438558, convex=False),
    "cloglog": Link(
        up=Side(_cloglog_log, _cloglog_slope, _cloglog_bend),
        down=Side(lambda t: -_exp(t), _exp, lambda t, h: h),
        curvature=math.inf,
        even=math.log(math.log(2)),
    ),
    "tanh": _symmetric(
        Side(
            lambda z: torch.nn.functional.logsigmoid(2 * z),
            lambda z: 2 * torch.sigmoid(-2 * z),
            lambda z, h: 2 * h * torch.sigmoid(2 * z),
        ),
        1.0,
    ),
    "gudermannian": _symmetric(Side(_gudermannian_log, _gudermannian_slope, _gudermannian_bend), 0.41638288020219234),
    "algebraic": _symmetric(Side(_algebraic_log, _algebraic_slope, _algebraic_bend), 1.08041600089673563, convex=False),
    "softsign": _symmetric(Side(_softsign_log, _softsign_slope, _softsign_bend), 3.0, convex=False),
}
