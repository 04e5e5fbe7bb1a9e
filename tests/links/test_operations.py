"""The expressions that exports are written in, against the links themselves and mpmath."""

import mpmath
import numpy as np
import pytest

from onelayer.links import LINKS
from onelayer.links.operations import ArrayOperations, Operations


@pytest.mark.parametrize("link", LINKS)
def test_exports_are_the_links_without_over_or_underflow(link: str) -> None:
    z = np.concatenate([np.linspace(-37, 37, 20_001), [-1e300, -1e3, 1e3, 1e300, np.nan]])
    with np.errstate(all="raise"):
        found = np.stack(LINKS[link].export(z, ArrayOperations(np)), axis=1)
    with np.errstate(all="ignore"):
        wanted = LINKS[link].probabilities(z[:, None])
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-290)
    assert np.isnan(found[-1]).all()


def test_the_arc_tangent_has_the_digits_of_mpmath() -> None:
    x = np.linspace(0, 1, 501)
    wanted = [float(mpmath.atan(float(one))) for one in x]
    np.testing.assert_allclose(Operations.arctan(ArrayOperations(np), x), wanted, rtol=4e-16)
