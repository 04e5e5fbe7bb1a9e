"""What counts as a difference between an export and what `predict` says."""

import numpy as np
import pytest

from onelayer.data.encode import Encoder
from onelayer.deliver.export.parity import ALLOWED, largest_difference
from onelayer.deliver.model import Predictions
from onelayer.errors import UserError
from tests.deliver.exports import model_of


@pytest.mark.parametrize("dtype", ALLOWED)
def test_a_difference_is_relative_to_numbers_and_their_spread(dtype: str) -> None:
    model = model_of(Encoder.plain(("x",)), None, "identity", dtype)  # whose spread is 3
    wanted = np.array([0.0, 1000.0])
    allowed = ALLOWED[dtype]
    for row, size in enumerate((3.0, 1000.0)):
        for factor in (0.5, 2.0, np.nan):
            value = wanted.copy()
            value[row] += factor * allowed * size
            found = Predictions(value, None)
            if factor == 0.5:
                assert largest_difference(found, Predictions(wanted, None), model, "m") == pytest.approx(
                    allowed / 2, 1e-3
                )
                continue
            with pytest.raises(UserError, match=f"it differs from predict by (2e-|inf).* in row {row + 1} "):
                largest_difference(found, Predictions(wanted, None), model, "m")


def test_another_class_is_a_difference_unless_two_are_as_likely() -> None:
    model = model_of(Encoder.plain(("x",)), ("no", "yes"), "logit")
    sure, tied = np.array([[0.4, 0.6]]), np.array([[0.5, 0.5]])
    no, yes = np.array(["no"]), np.array(["yes"])
    assert largest_difference(Predictions(yes, tied), Predictions(no, tied), model, "m") == 0
    with pytest.raises(UserError, match="it says 'no' where predict says 'yes', in row 1"):
        largest_difference(Predictions(no, sure), Predictions(yes, sure), model, "m")
