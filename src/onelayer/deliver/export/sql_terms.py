"""Expressions in SQL, written as formulas."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """An expression in SQL, in parentheses where it needs them."""

    text: str

    def __add__(self, other: "Term | float") -> "Term":
        return Term(f"({self.text} + {literal(other)})")

    def __sub__(self, other: "Term | float") -> "Term":
        return Term(f"({self.text} - {literal(other)})")

    def __mul__(self, other: "Term | float") -> "Term":
        return Term(f"({self.text} * {literal(other)})")

    def __truediv__(self, other: "Term | float") -> "Term":
        return Term(f"({self.text} / {literal(other)})")

    def __radd__(self, other: float) -> "Term":
        return Term(f"({literal(other)} + {self.text})")

    def __rsub__(self, other: float) -> "Term":
        return Term(f"({literal(other)} - {self.text})")

    def __rmul__(self, other: float) -> "Term":
        return Term(f"({literal(other)} * {self.text})")

    def __rtruediv__(self, other: float) -> "Term":
        return Term(f"({literal(other)} / {self.text})")


class Functions:
    """What formulas need, in SQL."""

    def exp(self, x: Term) -> Term:
        """See `formulas.Operations`."""
        return Term(f"EXP({x.text})")

    def abs(self, x: Term) -> Term:
        """See `formulas.Operations`."""
        return Term(f"ABS({x.text})")

    def sqrt(self, x: Term) -> Term:
        """See `formulas.Operations`."""
        return Term(f"SQRT({x.text})")

    def tanh(self, x: Term) -> Term:
        """See `formulas.Operations`."""
        return Term(f"TANH({x.text})")

    def arctan(self, x: Term) -> Term:
        """See `formulas.Operations`."""
        return Term(f"ATAN({x.text})")

    def above(self, x: Term, bound: float) -> Term:
        """See `formulas.Operations`."""
        return Term(f"{x.text} > {literal(bound)}")

    def where(self, condition: Term, yes: Term | float, no: Term | float) -> Term:
        """See `formulas.Operations`."""
        return Term(f"CASE WHEN {condition.text} THEN {literal(yes)} ELSE {literal(no)} END")


def literal(value: Term | float) -> str:
    """Write a number with all its digits, and an exponent: without one it would be a decimal, and rounded."""
    if isinstance(value, Term):
        return value.text
    digits = repr(float(value))
    digits = digits if "e" in digits else f"{digits}e0"
    return f"({digits})" if digits.startswith("-") else digits
