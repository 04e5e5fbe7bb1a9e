"""What a number keeps of its digits: which columns are constant but for rounding, and what a precision cannot hold."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SAME = 1e-14  # the range of a column, relative to its largest number, that is but rounding in float64


def constant(minimum: Array | float, maximum: Array | float) -> NDArray[np.bool_]:
    """Tell which columns are constant, but perhaps for the rounding of float64: 0.3 is also 0.1 + 0.2.

    By the range, in shares of the largest number, so that neither the units of a column nor the number of rows decide.
    scikit-learn's `StandardScaler` goes by the variance, with a bound that grows with the rows.

    Args:
        minimum, maximum: (columns,), of rows that count.
    """
    return np.asarray(maximum - minimum <= SAME * np.maximum(np.abs(minimum), np.abs(maximum)))


def unheld(minimum: Array, maximum: Array, eps: float, steps: int) -> NDArray[np.bool_]:
    """Tell which columns lie so far from zero that a precision tells too few of their numbers apart.

    Args:
        minimum, maximum: (columns,).
        eps: of the precision.
        steps: so many different numbers it must have between the smallest and the largest; a constant needs but one.
    """
    largest = np.maximum(np.abs(minimum), np.abs(maximum))
    return np.asarray(~constant(minimum, maximum) & (maximum - minimum < steps * eps * largest))
