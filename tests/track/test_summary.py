"""What is said of a run before it starts."""

import numpy as np
import pytest

from onelayer.config import RunSpec
from onelayer.data.preprocess import NO_CONSTANT
from onelayer.data.table import Table
from onelayer.track.summary import announced
from tests.conftest import composed, data_of

X = np.random.default_rng(0).normal(5, 1, (40, 2))


@pytest.mark.parametrize(
    ("bias", "normalize", "told"),
    [(False, "standard", True), (False, "none", False), (True, "standard", False)],
)
def test_without_bias_what_scaling_shifts_is_said(bias: bool, normalize: str, told: bool) -> None:
    """The model is one through the means then, and not through zero as it may seem."""
    spec = RunSpec.from_config(composed(f"model.bias={str(bias).lower()}", f"data.normalize={normalize}"))
    lines = announced(spec, data_of(Table(X, X.sum(1), ("a", "b")), normalize=normalize), "squared", 0.1)
    assert (f"  {NO_CONSTANT}" in lines) == told
