"""A column as its values show it, before anybody decides what it is for."""

from dataclasses import dataclass
from math import isinf
from typing import Any, Literal

from onelayer.data.tables.notation import PLAIN, Notation

Kind = Literal["number", "boolean", "text", "date", "timestamp", "other"]
SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
INTEGERS = (*SIGNED, *(f"U{one}" for one in SIGNED))
FLOATS = ("FLOAT", "DOUBLE")
EXACT = 2**53  # from here on float64 leaves integers out


@dataclass(frozen=True)
class Measured:
    """A column as it is.

    Attributes:
        name: of the column.
        type: duckdb's.
        kind: what it holds; text in which every value reads as a number or a truth is of that kind.
        value: SQL of its value, by kind: DOUBLE, BOOLEAN, VARCHAR without spaces around it, DATE, TIMESTAMP.
        rows: of the table.
        present: values that are not missing.
        text: SQL of the text that was read as something else; None of other types.
        distinct: different values of text and of what may be an identifier; None: not counted.
        low: the least number, truth or date; None where nothing is present.
        high: the greatest.
        notes: what was mended.
        guesses: why it is of this kind, for those who have not said what it is.
        notation: how its text is written.
        problem: what keeps a text from being read as the user asks; empty: nothing is known of.
    """

    name: str
    type: str
    kind: Kind
    value: str
    rows: int
    present: int
    text: str | None = None
    distinct: int | None = None
    low: Any = None
    high: Any = None
    notes: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()
    notation: Notation = PLAIN
    problem: str = ""

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - self.present

    @property
    def is_integer(self) -> bool:
        """Whether duckdb holds it as an integer."""
        return self.type in INTEGERS

    @property
    def is_infinite(self) -> bool:
        """Whether one of its numbers is."""
        return self.kind == "number" and self.present > 0 and (isinf(self.low) or isinf(self.high))


def kind_of(type_name: str) -> Kind:
    """Return what a type of duckdb holds; lists, structures and the like are other."""
    if type_name.endswith("]"):
        return "other"
    if type_name in (*INTEGERS, *FLOATS) or type_name.startswith("DECIMAL"):
        return "number"
    if type_name in ("VARCHAR", "UUID") or type_name.startswith("ENUM("):
        return "text"
    if type_name.startswith("TIMESTAMP"):
        return "timestamp"
    return "boolean" if type_name == "BOOLEAN" else "date" if type_name == "DATE" else "other"
