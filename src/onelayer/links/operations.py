"""The few operations that ONNX, SQL, torch and numpy share, so that one text of a formula serves all of them.

An ONNX runtime has no `erf` and no `arctan` in double precision, and a database no `erf` at all. Whoever evaluates
these formulas may raise an error where a number over- or underflows (PostgreSQL does), so exponents are held within
700 and squares within 1e300; what that changes is below 1e-290.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import pi
from typing import Any

from typing_extensions import override

# x, and what an operation makes of it: has + - * / with its like and with numbers
Value = Any
EXPONENT = 700.0
# above and below the line, the highest power first
Ratio = tuple[Sequence[float], Sequence[float]]
# Moshier, Cephes Mathematical Library, atan.c
ARCTAN: Ratio = (
    (
        *(-0.8750608600031904122785, -16.15753718733365076637, -75.00855792314704667340, -122.8866684490136173410),
        -64.85021904942025371773,
    ),
    (
        *(1.0, 24.85846490142306297962, 165.0270098316988542046, 432.8810604912902668951, 485.3903996359136964868),
        194.5506571482613964425,
    ),
)
ARCTAN_ENDS = 0.66


class Operations(ABC):
    """What a target can do; NaN, or NULL, goes through all of it but a comparison."""

    @abstractmethod
    def exp(self, x: Value) -> Value:
        """Return e to the power of x."""

    @abstractmethod
    def abs(self, x: Value) -> Value:
        """Return x without its sign."""

    @abstractmethod
    def sqrt(self, x: Value) -> Value:
        """Return the square root."""

    @abstractmethod
    def tanh(self, x: Value) -> Value:
        """Return the hyperbolic tangent."""

    @abstractmethod
    def above(self, x: Value, bound: float) -> Value:
        """Return whether x is greater than a number; not so where it is missing."""

    @abstractmethod
    def where(self, condition: Value, yes: Value, no: Value) -> Value:
        """Return one of two values; `no` where the condition is missing."""

    def arctan(self, x: Value) -> Value:
        """Return the arc tangent of x from 0 to 1, within 3e-16, by arithmetic where a target has no better one."""
        far = self.above(x, ARCTAN_ENDS)
        reduced = self.where(far, (x - 1.0) / (x + 1.0), x)
        square = reduced * reduced
        near = reduced + reduced * (square * ratio(ARCTAN, square))
        return self.where(far, pi / 4 + near, near)

    def at_most(self, x: Value, bound: float) -> Value:
        """Return x, but no more than a number."""
        return self.where(self.above(x, bound), bound, x)

    def decay(self, a: Value) -> Value:
        """Return exp(-a) for a >= 0, without underflow where that would be an error."""
        return self.exp(-1.0 * self.at_most(a, EXPONENT))


class ArrayOperations(Operations):
    """These operations by a library of arrays.

    Args:
        xp: numpy or torch.
    """

    def __init__(self, xp: Any) -> None:
        self._xp = xp

    @override
    def exp(self, x: Value) -> Value:
        return self._xp.exp(x)

    @override
    def abs(self, x: Value) -> Value:
        return self._xp.abs(x)

    @override
    def sqrt(self, x: Value) -> Value:
        return self._xp.sqrt(x)

    @override
    def tanh(self, x: Value) -> Value:
        return self._xp.tanh(x)

    @override
    def arctan(self, x: Value) -> Value:
        return self._xp.arctan(x)

    @override
    def above(self, x: Value, bound: float) -> Value:
        return x > bound

    @override
    def where(self, condition: Value, yes: Value, no: Value) -> Value:
        return self._xp.where(condition, yes, no)


class Unbounded(ArrayOperations):
    """Where over- and underflow are no errors, so that nothing is held within range."""

    @override
    def at_most(self, x: Value, bound: float) -> Value:
        return x

    @override
    def decay(self, a: Value) -> Value:
        return self._xp.exp(-a)


def ratio(of: Ratio, x: Value) -> Value:
    """Evaluate one polynomial over another."""
    above, below = (_polynomial(one, x) for one in of)
    return above / below


def _polynomial(coefficients: Sequence[float], x: Value) -> Value:
    """Evaluate by Horner's rule."""
    found = coefficients[0] * x + coefficients[1] if coefficients[0] != 1 else x + coefficients[1]
    for one in coefficients[2:]:
        found = found * x + one
    return found
