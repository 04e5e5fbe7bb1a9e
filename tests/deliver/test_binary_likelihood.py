"""Inverse links against mpmath and five-point stencils."""

from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from onelayer.deliver.inference.binary_likelihood import LIKELIHOODS
from onelayer.deliver.inference.rows import Array

KNOWN = ("logit", "probit", "cauchit", "cloglog")


def exact(link: str, z: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """m, 1 - m, m'."""
    if link == "logit":
        m, rest = 1 / (1 + mpmath.exp(-z)), 1 / (1 + mpmath.exp(z))
        return m, rest, m * rest
    if link == "probit":
        return mpmath.ncdf(z), mpmath.ncdf(-z), mpmath.npdf(z)
    if link == "cauchit":
        return 0.5 + mpmath.atan(z) / mpmath.pi, 0.5 - mpmath.atan(z) / mpmath.pi, 1 / mpmath.pi / (1 + z * z)
    rest = mpmath.exp(-mpmath.exp(z))
    return -mpmath.expm1(-mpmath.exp(z)), rest, mpmath.exp(z) * rest


@pytest.mark.parametrize("link", KNOWN)
def test_tails(link: str) -> None:
    """Log-probabilities and hazards keep their digits where a probability would be 0 or 1."""
    top = 20.0 if link == "cloglog" else 1e3
    points = [-1e3, -600.0, -40.0, -8.0, -1.0, -1e-3, 0.0, 0.5, 3.0, *(z for z in (8.0, 30.0, 1e3) if z < top), top]
    with mpmath.workdps(400):
        rows = [exact(link, mpmath.mpf(z)) for z in points]
        expected = {
            "log_mean": [float(mpmath.log(m) if m < 0.5 else mpmath.log1p(-rest)) for m, rest, _ in rows],
            "log_rest": [float(mpmath.log(rest) if rest < 0.5 else mpmath.log1p(-m)) for m, rest, _ in rows],
            "rise": [float(slope / m) for m, _, slope in rows],
            "fall": [float(slope / rest) for _, rest, slope in rows],
        }
    functions: dict[str, Callable[[Array], Array]] = {
        "log_mean": LIKELIHOODS[link].log_mean,
        "log_rest": LIKELIHOODS[link].log_rest,
        "rise": lambda z: LIKELIHOODS[link].score(z, np.ones_like(z)),
        "fall": lambda z: -LIKELIHOODS[link].score(z, np.zeros_like(z)),
    }
    for name, values in expected.items():
        found = functions[name](np.array(points))
        np.testing.assert_allclose(found, values, rtol=2e-13, atol=1e-300, err_msg=name)
    assert (LIKELIHOODS[link].expected(np.array(points)) <= 1).all()
    far = np.array([-1e8, 1e8])
    assert all(np.isfinite(function(far)).all() for function in functions.values())


@pytest.mark.parametrize("link", LIKELIHOODS)
def test_derivatives(link: str) -> None:
    """The score and the observed information are derivatives; the expected one is the mean of the observed."""
    functions, z, h = LIKELIHOODS[link], np.array([-2.9, -1.1, -0.3, 0.4, 1.3]), 1e-3
    mean = np.exp(functions.log_mean(z))

    def slope(y: float, at: Array) -> Array:
        def f(shift: float) -> Array:
            return y * functions.log_mean(at + shift) + (1 - y) * functions.log_rest(at + shift)

        return (f(-2 * h) - 8 * f(-h) + 8 * f(h) - f(2 * h)) / (12 * h)

    for y in (0.0, 0.3, 1.0):
        np.testing.assert_allclose(functions.score(z, np.full(5, y)), slope(y, z), rtol=1e-9, atol=1e-11)
        second = [functions.score(z + k * h, np.full(5, y)) for k in (-2, -1, 1, 2)]
        stencil = -(second[0] - 8 * second[1] + 8 * second[2] - second[3]) / (12 * h)
        np.testing.assert_allclose(functions.observed(z, np.full(5, y)), stencil, rtol=1e-7, atol=1e-8)
    averaged = mean * functions.observed(z, np.ones(5)) + (1 - mean) * functions.observed(z, np.zeros(5))
    np.testing.assert_allclose(functions.expected(z), averaged, rtol=1e-8)
