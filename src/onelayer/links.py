"""Inverse links: from the logit of a binary model to the probability of its second class.

Delivered models predict with these, so this imports numpy and nothing else; the losses that go with them are in
`model/objectives/links.py`.

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
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def inverse(link: str, z: Floats) -> Floats:
    """Return the probability of the second class, of the shape and precision of the logits.

    Small probabilities keep their digits however far a logit lies from zero; NaN stays NaN.

    Args:
        link: one of `LINKS`.
        z: logits of any shape, float32 or float64.
    """
    return np.asarray(_INVERSES[link](np.asarray(z)))


def _symmetric(tail: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """Make an inverse link out of its tail, the probability at ``-|z|``, given ``|z|``."""

    def inverse_of(z: Floats) -> Floats:
        small = tail(np.abs(z))
        return np.where(z < 0, small, 1 - small)

    return inverse_of


def _probit(z: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(z))


def _cloglog(z: Floats) -> Floats:
    # beyond 10 there is no digit left between p and 1
    return -np.expm1(-np.exp(np.minimum(z, 10)))


def _logit_tail(a: Floats) -> Floats:
    odds: Floats = np.exp(-a)
    return odds / (1 + odds)


def _tanh_tail(a: Floats) -> Floats:
    return _logit_tail(a + a)


def _cauchit_tail(a: Floats) -> Floats:
    return np.arctan2(1, a) / np.pi


def _gudermannian_tail(a: Floats) -> Floats:
    return 2 / np.pi * np.arctan(np.exp(-a))


def _algebraic_tail(a: Floats) -> Floats:
    root = np.hypot(1, a)
    return 0.5 / root / (root + a)


def _softsign_tail(a: Floats) -> Floats:
    return 0.5 / (1 + a)


_INVERSES: Mapping[str, Callable[[Floats], Floats]] = {
    "logit": _symmetric(_logit_tail),
    "probit": _probit,
    "cauchit": _symmetric(_cauchit_tail),
    "cloglog": _cloglog,
    "tanh": _symmetric(_tanh_tail),
    "gudermannian": _symmetric(_gudermannian_tail),
    "algebraic": _symmetric(_algebraic_tail),
    "softsign": _symmetric(_softsign_tail),
}
LINKS = tuple(_INVERSES)
