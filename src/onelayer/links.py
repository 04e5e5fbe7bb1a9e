"""From logits to what they say of each class: probabilities and their logarithms, right in both tails.

Delivered models and estimators predict with these, so this imports numpy and nothing else; the losses that go with them
are in `model/objectives/links.py`. The probability of the second class of two, by its logit:

    logit          1 / (1 + exp(-z))
    probit         Phi(z), the standard normal distribution function
    cauchit        1/2 + arctan(z) / pi
    cloglog        1 - exp(-exp(z))
    tanh           (1 + tanh z) / 2
    gudermannian   1/2 + (2/pi) arctan(tanh(z/2))
    algebraic      (1 + z / sqrt(1 + z^2)) / 2
    softsign       (1 + z / (1 + |z|)) / 2
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Function = Callable[[Floats], Floats]
# beyond: no digit is left between a probability of cloglog and 1; exp(z) is no longer finite in float64
CLOGLOG_ENDS, LARGEST = 10.0, 709.0
# where a tail is so near its expansion that this has more digits than the formula
CLOGLOG_TAIL, GUDERMANNIAN_TAIL = -6.0, 40.0


def probabilities(link: str, logits: Floats) -> Floats:
    """Return the probability of each class, (..., classes), in the precision of the logits.

    That of the first of two classes is no difference from 1, so that small ones keep their digits on both sides.

    Args:
        link: one of `LINKS`, or softmax.
        logits: (..., 1), or of softmax (..., classes); NaN stays NaN.
    """
    z = np.asarray(logits)
    if link == "softmax":
        powers = np.exp(z - z.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
    second, first = _OUTCOMES[link]
    return np.concatenate([first.probability(-z), second.probability(z)], axis=-1)


def log_probabilities(link: str, logits: Floats) -> NDArray[np.float64]:
    """Return the logarithm of the probability of each class, (..., classes).

    It is finite for every finite logit, also where the probability itself is 0 in float64.

    Args:
        link: one of `LINKS`, or softmax.
        logits: (..., 1), or of softmax (..., classes); NaN stays NaN.
    """
    z = np.asarray(logits).astype(np.float64)
    with np.errstate(divide="ignore"):  # of an infinite logit
        if link == "softmax":
            away = z - z.max(axis=-1, keepdims=True)
            return np.asarray(away - np.log(np.exp(away).sum(axis=-1, keepdims=True)))
        second, first = _OUTCOMES[link]
        return np.concatenate([first.log(-z), second.log(z)], axis=-1)


def inverse(link: str, z: Floats) -> Floats:
    """Return the probability of the second class, of the shape and precision of the logits.

    Small probabilities keep their digits however far a logit lies from zero; NaN stays NaN.

    Args:
        link: one of `LINKS`.
        z: logits of any shape, float32 or float64.
    """
    return np.asarray(_OUTCOMES[link][0].probability(np.asarray(z)))


class _Outcome(NamedTuple):
    """The probability of a class as a rising function of its argument, and the logarithm of that."""

    probability: Function
    log: Function


def _symmetric(tail: Function, log_tail: Function) -> tuple[_Outcome, _Outcome]:
    """Make both outcomes out of the probability at ``-|z|``, given ``|z|``, and of its logarithm."""

    def probability(z: Floats) -> Floats:
        small = tail(np.abs(z))
        return np.where(z < 0, small, 1 - small)

    def log(z: Floats) -> Floats:
        away = np.abs(z)
        return np.where(z < 0, log_tail(away), np.log1p(-tail(away)))

    return (_Outcome(probability, log),) * 2


def _logit_tail(a: Floats) -> Floats:
    odds: Floats = np.exp(-a)
    return odds / (1 + odds)


def _logit_log(a: Floats) -> Floats:
    return -a - np.log1p(np.exp(-a))


def _probit_tail(a: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(-a))


def _probit_log(a: Floats) -> Floats:
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr(-a))


def _tanh_tail(a: Floats) -> Floats:
    return _logit_tail(a + a)


def _tanh_log(a: Floats) -> Floats:
    return _logit_log(a + a)


def _cauchit_tail(a: Floats) -> Floats:
    return np.arctan2(1, a) / np.pi


def _cauchit_log(a: Floats) -> Floats:
    return np.log(_cauchit_tail(a))


def _gudermannian_tail(a: Floats) -> Floats:
    return 2 / np.pi * np.arctan(np.exp(-a))


def _gudermannian_log(a: Floats) -> Floats:
    near = np.log(_gudermannian_tail(np.minimum(a, GUDERMANNIAN_TAIL)))
    return np.where(a > GUDERMANNIAN_TAIL, np.log(2 / np.pi) - a, near)


def _algebraic_tail(a: Floats) -> Floats:
    root = np.hypot(1, a)
    return 0.5 / root / (root + a)


def _algebraic_log(a: Floats) -> Floats:
    return np.asarray(-np.log(2) - np.log(np.hypot(1, a)) - np.arcsinh(a))


def _softsign_tail(a: Floats) -> Floats:
    return 0.5 / (1 + a)


def _softsign_log(a: Floats) -> Floats:
    return np.asarray(-np.log(2) - np.log1p(a))


def _cloglog(z: Floats) -> Floats:
    return -np.expm1(-np.exp(np.minimum(z, CLOGLOG_ENDS)))


def _cloglog_log(z: Floats) -> Floats:
    small = np.exp(np.minimum(z, CLOGLOG_TAIL))
    tail = z - small * (1 / 2 - small / 24)  # of log((1 - exp(-u)) / u) around 0
    u = np.exp(np.clip(z, CLOGLOG_TAIL, CLOGLOG_ENDS))
    rest = np.where(z < 0, np.log(-np.expm1(-u)), np.log1p(-np.exp(-u)))
    return np.where(z < CLOGLOG_TAIL, tail, rest)


def _not_cloglog(t: Floats) -> Floats:
    return np.exp(-np.exp(np.minimum(-t, CLOGLOG_ENDS)))


def _not_cloglog_log(t: Floats) -> Floats:
    return -np.exp(np.minimum(-t, LARGEST))


# of each link the second class by z, and the first one by -z
_OUTCOMES: Mapping[str, tuple[_Outcome, _Outcome]] = {
    "logit": _symmetric(_logit_tail, _logit_log),
    "probit": _symmetric(_probit_tail, _probit_log),
    "cauchit": _symmetric(_cauchit_tail, _cauchit_log),
    "cloglog": (_Outcome(_cloglog, _cloglog_log), _Outcome(_not_cloglog, _not_cloglog_log)),
    "tanh": _symmetric(_tanh_tail, _tanh_log),
    "gudermannian": _symmetric(_gudermannian_tail, _gudermannian_log),
    "algebraic": _symmetric(_algebraic_tail, _algebraic_log),
    "softsign": _symmetric(_softsign_tail, _softsign_log),
}
LINKS = tuple(_OUTCOMES)
