"""Expressions in SQL, written as formulas."""

from dataclasses import dataclass

from typing_extensions import override

from onelayer.links.operations import Operations


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


class Functions(Operations):
    """What formulas need, in SQL."""

    @override
    def exp(self, x: Term) -> Term:
        return Term(f"EXP({x.text})")

    @override
    def abs(self, x: Term) -> Term:
        return Term(f"ABS({x.text})")

    @override
    def sqrt(self, x: Term) -> Term:
        return Term(f"SQRT({x.text})")

    @override
    def tanh(self, x: Term) -> Term:
        return Term(f"TANH({x.text})")

    @override
    def arctan(self, x: Term) -> Term:
        return Term(f"ATAN({x.text})")

    @override
    def above(self, x: Term, bound: float) -> Term:
        return Term(f"{x.text} > {literal(bound)}")

    @override
    def where(self, condition: Term, yes: Term | float, no: Term | float) -> Term:
        return Term(f"CASE WHEN {condition.text} THEN {literal(yes)} ELSE {literal(no)} END")


def literal(value: Term | float) -> str:
    """Write a number with all its digits, and an exponent: without one it would be a decimal, and rounded."""
    if isinstance(value, Term):
        return value.text
    digits = repr(float(value))
    digits = digits if "e" in digits else f"{digits}e0"
    return f"({digits})" if digits.startswith("-") else digits
