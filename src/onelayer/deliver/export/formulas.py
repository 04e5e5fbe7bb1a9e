"""Inverse links out of a few operations, so that one text serves ONNX, SQL, torch and numpy.

An ONNX runtime has no `erf` and no `arctan` in double precision, and a database no `erf` at all. Whoever evaluates
these formulas may raise an error where a number over- or underflows (PostgreSQL does), so exponents are held within
700 and squares within 1e300; what that changes is below 1e-290.
"""

from collections.abc import Callable, Mapping, Sequence
from math import pi, sqrt
from typing import Any, Protocol

# x, and what an operation makes of it: has + - * / with its like and with numbers
Value = Any
EXPONENT, ROOT = 700.0, 1e150
CLOGLOG_ENDS = 6.55  # exp of it is within EXPONENT

# Cody, Rational Chebyshev approximations for the error function, 1969, as in pnorm of R: the highest power first
CENTER = (
    (
        *(0.065682337918207449113, 2.2352520354606839287, 161.02823106855587881, 1067.6894854603709582),
        18154.981253343561249,
    ),
    (1.0, 47.20258190468824187, 976.09855173777669322, 10260.932208618978205, 45507.789335026729956),
)
MIDDLE = (
    (
        *(1.0765576773720192317e-8, 0.39894151208813466764, 8.8831497943883759412, 93.506656132177855979),
        *(597.27027639480026226, 2494.5375852903726711, 6848.1904505362823326, 11602.651437647350124),
        9842.7148383839780218,
    ),
    (
        *(1.0, 22.266688044328115691, 235.38790178262499861, 1519.377599407554805, 6485.558298266760755),
        *(18615.571640885098091, 34900.952721145977266, 38912.003286093271411, 19685.429676859990727),
    ),
)
FAR = (
    (
        *(0.02307344176494017303, 0.21589853405795699, 0.1274011611602473639, 0.022235277870649807),
        *(0.001421619193227893466, 2.9112874951168792e-5),
    ),
    (
        *(1.0, 1.28426009614491121, 0.468238212480865118, 0.0659881378689285515),
        *(0.00378239633202758244, 7.29751555083966205e-5),
    ),
)
CENTER_ENDS, MIDDLE_ENDS, FAR_ENDS = 0.67448975, sqrt(32), 37.0
# Moshier, Cephes Mathematical Library, atan.c
ARCTAN = (
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


class Operations(Protocol):
    """What a target can do; NaN, or NULL, goes through all of it but a comparison."""

    def exp(self, x: Value) -> Value:
        """Return e to the power of x."""

    def abs(self, x: Value) -> Value:
        """Return x without its sign."""

    def sqrt(self, x: Value) -> Value:
        """Return the square root."""

    def tanh(self, x: Value) -> Value:
        """Return the hyperbolic tangent."""

    def arctan(self, x: Value) -> Value:
        """Return the arc tangent of x from 0 to 1."""

    def above(self, x: Value, bound: float) -> Value:
        """Return whether x is greater than a number; not so where it is missing."""

    def where(self, condition: Value, yes: Value, no: Value) -> Value:
        """Return one of two values; `no` where the condition is missing."""


def probabilities(link: str, z: Value, ops: Operations) -> tuple[Value, Value]:
    """Return the probabilities of the first and the second class, as `onelayer.links.probabilities` does.

    Args:
        link: one of `onelayer.links.LINKS`.
        z: logits.
        ops: how to compute with them.
    """
    if link == "cloglog":
        return _cloglog(z, ops)
    tail = TAILS[link](ops.abs(z), ops)
    # where z is missing, so are both: its tail is missing too
    first, second = (ops.where(ops.above(side, 0.0), tail, 1.0 - tail) for side in (z, -1.0 * z))
    return first, second


def arctan(x: Value, ops: Operations) -> Value:
    """Return arctan of x from 0 to 1, within 3e-16, for targets that have none in double precision."""
    far = ops.above(x, ARCTAN_ENDS)
    reduced = ops.where(far, (x - 1.0) / (x + 1.0), x)
    square = reduced * reduced
    near = reduced + reduced * (square * _ratio(ARCTAN, square))
    return ops.where(far, pi / 4 + near, near)


def _ratio(of: tuple[Sequence[float], Sequence[float]], x: Value) -> Value:
    above, below = (_polynomial(one, x) for one in of)
    return above / below


def _polynomial(coefficients: Sequence[float], x: Value) -> Value:
    """Evaluate by Horner's rule."""
    found = coefficients[0] * x + coefficients[1] if coefficients[0] != 1 else x + coefficients[1]
    for one in coefficients[2:]:
        found = found * x + one
    return found


def _at_most(x: Value, bound: float, ops: Operations) -> Value:
    return ops.where(ops.above(x, bound), bound, x)


def _logit(a: Value, ops: Operations) -> Value:
    odds = ops.exp(-1.0 * _at_most(a, EXPONENT, ops))
    return odds / (1.0 + odds)


def _tanh(a: Value, ops: Operations) -> Value:
    return _logit(2.0 * a, ops)


def _probit(a: Value, ops: Operations) -> Value:
    a = _at_most(a, FAR_ENDS, ops)
    # each formula is evaluated everywhere, so none may divide by 0
    inverse = 1.0 / ops.where(ops.above(a, 1.0), a * a, 1.0)
    root = ops.where(ops.above(a, 1.0), a, 1.0)
    far = (1 / sqrt(2 * pi) - inverse * _ratio(FAR, inverse)) / root
    rest = ops.exp(-0.5 * (a * a)) * ops.where(ops.above(a, MIDDLE_ENDS), far, _ratio(MIDDLE, a))
    return ops.where(ops.above(a, CENTER_ENDS), rest, 0.5 - a * _ratio(CENTER, a * a))


def _cauchit(a: Value, ops: Operations) -> Value:
    far = ops.above(a, 1.0)
    turned = ops.arctan(ops.where(far, 1.0 / ops.where(far, a, 1.0), a)) / pi
    return ops.where(far, turned, 0.5 - turned)


def _gudermannian(a: Value, ops: Operations) -> Value:
    return 2 / pi * ops.arctan(ops.exp(-1.0 * _at_most(a, EXPONENT, ops)))


def _algebraic(a: Value, ops: Operations) -> Value:
    a = _at_most(a, ROOT, ops)
    root = ops.sqrt(1.0 + a * a)
    return 0.5 / root / (root + a)


def _softsign(a: Value, ops: Operations) -> Value:
    return 0.5 / (1.0 + a)


def _cloglog(z: Value, ops: Operations) -> tuple[Value, Value]:
    """Return exp(-t), and 1 - exp(-t) as tanh(t/2) (1 + exp(-t)), which keeps the digits of a small t."""
    t = ops.exp(-1.0 * _at_most(-1.0 * _at_most(z, CLOGLOG_ENDS, ops), EXPONENT, ops))
    first = ops.exp(-1.0 * t)
    return first, ops.tanh(0.5 * t) * (1.0 + first)


# the probability at -a
TAILS: Mapping[str, Callable[[Value, Operations], Value]] = {
    "logit": _logit,
    "probit": _probit,
    "cauchit": _cauchit,
    "tanh": _tanh,
    "gudermannian": _gudermannian,
    "algebraic": _algebraic,
    "softsign": _softsign,
}
