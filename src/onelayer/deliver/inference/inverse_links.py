"""What the likelihood of a binary target asks of an inverse link, stable in both tails."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import erfcx, expit, log_ndtr

from onelayer.deliver.inference.rows import Array

Function = Callable[[Array], Array]
TINY = 1e-300


@dataclass(frozen=True)
class Link:
    """With m(z) the probability of a one.

    Attributes:
        log_mean: log m.
        log_rest: log (1 - m).
        rise: m' / m.
        fall: m' / (1 - m).
        bend: m'' / m'.
    """

    log_mean: Function
    log_rest: Function
    rise: Function
    fall: Function
    bend: Function

    @classmethod
    def given(cls, mean: Function, derivative: Function, rest: Function | None = None) -> "Link":
        """Make one of m and m'; without `rest`, which is 1 - m, the upper tail ends where m is 1 in float64."""

        def rest_of(z: Array) -> Array:
            return 1 - mean(z) if rest is None else rest(z)

        def bend(z: Array) -> Array:
            h = 1e-5 * np.maximum(1, np.abs(z))
            return (derivative(z + h) - derivative(z - h)) / (2 * h * np.maximum(derivative(z), TINY))

        return cls(
            log_mean=lambda z: _log(mean(z), rest_of(z)),
            log_rest=lambda z: _log(rest_of(z), mean(z)),
            rise=lambda z: derivative(z) / np.maximum(mean(z), TINY),
            fall=lambda z: derivative(z) / np.maximum(rest_of(z), TINY),
            bend=bend,
        )

    def score(self, z: Array, y: Array) -> Array:
        """Return the derivative of the log-likelihood by z, of y in [0, 1]."""
        return y * self.rise(z) - (1 - y) * self.fall(z)

    def expected(self, z: Array) -> Array:
        """Return the expected information on z, m'^2 / (m (1 - m)) (McCullagh & Nelder, 1989, 2.5)."""
        return self.rise(z) * self.fall(z)

    def observed(self, z: Array, y: Array) -> Array:
        """Return the observed information on z, minus the second derivative of the log-likelihood."""
        rise, fall, bend = self.rise(z), self.fall(z), self.bend(z)
        return y * rise * (rise - bend) + (1 - y) * fall * (fall + bend)


def _log(p: Array, rest: Array) -> Array:
    """Return log p, by 1 - p where that is the smaller."""
    return np.where(p < 0.5, np.log(np.maximum(p, TINY)), np.log1p(-np.minimum(rest, 0.5)))


def _power(z: Array) -> Array:
    return np.exp(np.minimum(z, 700.0))


def _log_cloglog(z: Array) -> Array:
    power = _power(z)
    small = np.log(-np.expm1(-np.clip(power, TINY, 1.0)))
    return np.where(z < -37, z, np.where(power < 1, small, np.log1p(-np.exp(-np.maximum(power, 1.0)))))


def _rise_cloglog(z: Array) -> Array:
    power = np.clip(_power(z), TINY, 700.0)
    return np.where(z < -37, 1.0, np.where(power < 700, power / np.expm1(power), 0.0))


def _cauchit(z: Array) -> Array:
    return np.arctan2(1.0, -z) / np.pi


def _probit_rise(z: Array) -> Array:
    return np.asarray(np.sqrt(2 / np.pi) / erfcx(-z / np.sqrt(2)))


LINKS: dict[str, Link] = {
    "logit": Link(
        log_mean=lambda z: -np.logaddexp(0, -z),
        log_rest=lambda z: -np.logaddexp(0, z),
        rise=lambda z: expit(-z),
        fall=expit,
        bend=lambda z: -np.tanh(z / 2),
    ),
    "probit": Link(
        log_mean=log_ndtr,
        log_rest=lambda z: log_ndtr(-z),
        rise=_probit_rise,
        fall=lambda z: _probit_rise(-z),
        bend=lambda z: -z,
    ),
    "cauchit": replace(
        Link.given(_cauchit, lambda z: 1 / (np.pi * (1 + z * z)), lambda z: _cauchit(-z)),
        bend=lambda z: -2 * z / (1 + z * z),
    ),
    "cloglog": Link(
        log_mean=_log_cloglog,
        log_rest=lambda z: -_power(z),
        rise=_rise_cloglog,
        fall=_power,
        bend=lambda z: 1 - _power(z),
    ),
}
