"""Inverse links against textbook formulas in 50 digits."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any, get_args

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from onelayer.config import ModelSpec
from onelayer.links import LINKS, SOFTMAX
from onelayer.model.objectives import BINARY

Z = [0.0, 1e-3, 0.7, 3.0, 4.95, 5.05, 5.95, 6.05, 20.0, 39.0, 41.0, 49.9, 50.1, 745.5, 1e3, 1e6]
BOTH = [*Z, *(-z for z in Z[1:])]
EXACT: dict[str, Callable[[Any], Any]] = {
    "logit": lambda z: 1 / (1 + mpmath.exp(-z)),
    "probit": lambda z: mpmath.erfc(-z / mpmath.sqrt(2)) / 2,
    "cauchit": lambda z: 0.5 + mpmath.atan(z) / mpmath.pi,
    "cloglog": lambda z: -mpmath.expm1(-mpmath.exp(z)),
    "tanh": lambda z: 1 / (1 + mpmath.exp(-2 * z)),
    "gudermannian": lambda z: 2 / mpmath.pi * mpmath.atan(mpmath.exp(z)),
    "algebraic": lambda z: (1 + z / mpmath.sqrt(1 + z**2)) / 2,
    "softsign": lambda z: (1 + z / (1 + abs(z))) / 2,
}
# of the first class; all links but one are symmetric
FIRST: dict[str, Callable[[Any], Any]] = {
    "cloglog": lambda z: mpmath.exp(-mpmath.exp(z)),
    **{link: lambda z, link=link: EXACT[link](-z) for link in EXACT if link != "cloglog"},  # type: ignore[misc]
}
Floats = NDArray[np.floating[Any]]
every_link = pytest.mark.parametrize("link", LINKS)


def test_the_names_are_those_of_the_configuration_and_of_the_losses() -> None:
    assert get_args(ModelSpec.model_fields["link"].annotation) == tuple(LINKS)
    assert set(BINARY) == set(LINKS) == set(EXACT)


@every_link
@pytest.mark.parametrize(("dtype", "rtol", "atol"), [(np.float64, 1e-13, 1e-300), (np.float32, 2e-6, 1e-37)])
def test_probabilities_are_right_in_both_tails(link: str, dtype: type, rtol: float, atol: float) -> None:
    logits: Floats = np.array(BOTH, dtype)[:, None]
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        found = LINKS[link].inverse(logits)
    assert found.shape == logits.shape
    assert found.dtype == dtype
    with mpmath.workdps(50):
        # beyond 100 cloglog's exponential of an exponential would fill the memory
        exact = [float(EXACT[link](mpmath.mpf(min(z, 100) if link == "cloglog" else z))) for z in logits[:, 0].tolist()]
    np.testing.assert_allclose(found[:, 0], exact, rtol=rtol, atol=atol)


@every_link
@pytest.mark.parametrize(("dtype", "rtol", "atol"), [(np.float64, 1e-12, 1e-300), (np.float32, 2e-5, 1e-37)])
def test_neither_class_has_a_probability_that_is_a_difference_from_one(
    link: str, dtype: type, rtol: float, atol: float
) -> None:
    logits: Floats = np.array(BOTH, dtype)[:, None]
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        found = LINKS[link].probabilities(logits)
    assert found.shape == (len(BOTH), 2)
    assert found.dtype == dtype
    with mpmath.workdps(50):
        exact = [[float(of(mpmath.mpf(z))) for of in (FIRST[link], EXACT[link])] for z in capped(link, logits)]
    np.testing.assert_allclose(found, exact, rtol=rtol, atol=atol)


@every_link
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_logarithms_are_those_of_the_probabilities_where_these_are_zero_too(link: str, dtype: type) -> None:
    logits: Floats = np.array(BOTH, dtype)[:, None]
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        found = LINKS[link].log_probabilities(logits)
    assert found.shape == (len(BOTH), 2)
    assert found.dtype == np.float64
    assert np.isfinite(found).all()
    with mpmath.workdps(50):
        exact = [
            [float(mpmath.log(of(mpmath.mpf(z)))) for of in (FIRST[link], EXACT[link])] for z in capped(link, logits)
        ]
    there = np.array(capped(link, logits)) == logits[:, 0]
    np.testing.assert_allclose(found[there], np.array(exact)[there], rtol=1e-12, atol=1e-49)


def capped(link: str, logits: Floats) -> list[float]:
    """Beyond 100 cloglog's exponential of an exponential would fill the memory."""
    return [min(z, 100.0) if link == "cloglog" else z for z in logits[:, 0].tolist()]


def test_softmax_of_two_is_the_logit_of_their_difference() -> None:
    z = np.array(BOTH)
    two = np.stack([np.full_like(z, 3.0), z + 3], axis=1)
    logit, difference = LINKS["logit"], two[:, 1:] - two[:, :1]
    for found, expected in (
        (SOFTMAX.probabilities(two), logit.probabilities(difference)),
        (SOFTMAX.log_probabilities(two), logit.log_probabilities(difference)),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


@every_link
def test_what_lies_at_the_ends_and_what_is_no_number(link: str) -> None:
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        z = np.array([-np.inf, -1e38, 0.0, 1e38, np.inf, np.nan], np.float32)
        found = LINKS[link].inverse(z)
    half = -np.expm1(-1) if link == "cloglog" else 0.5
    np.testing.assert_allclose(found, [0, 0, half, 1, 1, np.nan], rtol=1e-7, atol=1e-38)


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, onelayer.links; print(sorted({'torch', 'numpy', 'scipy', 'hydra'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
