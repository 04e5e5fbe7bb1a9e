"""How numbers and dates are written as text, and how such a text is read: the same in SQL and in Python.

A notation belongs to a column and travels with the model, so that what a text means never depends on its neighbours.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from onelayer.data.tables import sql
from onelayer.errors import UserError

NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(?i:inf|infinity|nan)"
ISO = (
    r"(\d{4})[-/](\d\d?)[-/](\d\d?)"
    r"(?:[ Tt]([01]?\d|2[0-3]):(\d\d)(?::(\d\d)(\.\d+)?)?(?:[Zz]|([+-]\d\d)(?::?(\d\d))?)?)?"
)
PADDING = " \t\r\n"  # around a text, which does not count
# a thousands separator that is a space may be one that does not break
SPACES = " \u00a0\u202f"
# what duckdb's strptime and Python's read alike; anything else in a format is taken as it stands
DIRECTIVES = {
    "Y": r"\d{4}", "y": r"\d\d", "m": r"\d\d?", "d": r"\d\d?", "H": r"\d\d?", "I": r"\d\d?", "M": r"\d\d", "S": r"\d\d",
    "p": r"(?i:AM|PM)", "b": r"(?i:[a-z]{3})", "B": r"(?i:[a-z]{3,9})", "f": r"\d{1,6}",
}  # fmt: skip


@dataclass(frozen=True)
class Notation:
    """How the texts of a column are written.

    Attributes:
        decimal: the decimal sign, a point or a comma.
        thousands: the sign between groups of three digits; none.
        unit: a sign such as % or $ before or after a number, which is left out.
        date: the format of a date, as strptime takes it, beside ISO, which is always read, such as 2026-01-31 or
            2026-01-31 18:05:00+02; none: ISO alone.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    date: str = ""

    def __post_init__(self) -> None:
        if self.decimal not in (".", ",") or self.thousands not in ("", ".", ",", " ", "'", "_"):
            raise UserError(f"no numbers are written with decimal={self.decimal!r} and thousands={self.thousands!r}")
        if self.decimal == self.thousands:
            raise UserError(f"{self.decimal!r} cannot be both the decimal sign and what parts thousands")
        if self.date:
            require_date_format(self.date)

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as programs write them."""
        return (self.decimal, self.thousands, self.unit) == (".", "", "")

    def to_json(self) -> dict[str, str]:
        """Return what differs from the usual."""
        return {key: value for key, value in vars(self).items() if value != getattr(PLAIN, key)}

    @classmethod
    def from_json(cls, stored: Any) -> "Notation":
        """Read what `to_json` returned.

        Raises:
            UserError: it is something else.
        """
        fields = cls.__dataclass_fields__
        if not isinstance(stored, dict) or not all(key in fields and isinstance(stored[key], str) for key in stored):
            raise UserError(f"notation: expected an object of texts, {', '.join(fields)}; it is {stored!r:.80}")
        return cls(**stored)

    def number_sql(self, text: str) -> str:
        """Return the SQL that reads a text as DOUBLE, NULL where it is no number in this notation."""
        number = text
        if self.unit:
            before, after = self._units
            number = f"regexp_replace(regexp_replace({number}, {sql.text(before)}, '\\1'), {sql.text(after)}, '')"
        if self.thousands:
            grouped = f"regexp_full_match({number}, {sql.text(self._grouped)})"
            signs = f"regexp_matches({number}, {sql.text(self._separators)})"
            joined = f"regexp_replace({number}, {sql.text(self._separators)}, '', 'g')"
            number = f"CASE WHEN NOT {signs} THEN {number} WHEN {grouped} THEN {joined} END"
        if self.decimal == ",":
            number = f"replace(replace({number}, '.', 'x'), ',', '.')"
        # duckdb would read 1_2 as 12
        return f"try_cast(replace({number}, '_', 'x') AS DOUBLE)"

    def number(self, text: str) -> float | None:
        """Read a text without spaces around it; None where it is no number in this notation."""
        if self.unit:
            before, after = self._units
            text = re.sub(after, "", re.sub(before, r"\1", text))
        if self.thousands and re.search(self._separators, text):
            if not re.fullmatch(self._grouped, text, re.ASCII):
                return None
            text = re.sub(self._separators, "", text)
        if self.decimal == ",":
            text = text.replace(".", "x").replace(",", ".")
        return float(text) if re.fullmatch(NUMBER, text, re.ASCII) else None

    def moment_sql(self, text: str) -> str:
        """Return the SQL that reads a text as TIMESTAMP, in UTC; NULL where it is no date in this notation."""
        # what has no time zone is in UTC already, as the connection is
        moment = f"CAST(try_cast({text} AS TIMESTAMPTZ) AS TIMESTAMP)"
        iso = f"WHEN regexp_full_match({text}, {sql.text(ISO)}) THEN {moment}"
        if not self.date:
            return f"CASE {iso} END"
        fits = f"regexp_full_match({text}, {sql.text(_pattern(self.date))})"
        return f"CASE WHEN {fits} THEN try_strptime({text}, {sql.text(self.date)}) {iso} END"

    def moment(self, text: str) -> datetime | None:
        """Read a text as a time stamp in UTC; None where it is no date in this notation."""
        try:
            if self.is_own_date(text):
                return datetime.strptime(text, self.date)
            parts = re.fullmatch(ISO, text, re.ASCII)
            if parts is None:
                return None
            year, month, day, hour, minute, second, _, zone, zone_minute = parts.groups()
            moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
            if zone is not None:
                written = f"{moment:%Y-%m-%dT%H:%M:%S}{zone}:{zone_minute or '00'}"
                moment = datetime.fromisoformat(written).astimezone(UTC).replace(tzinfo=None)
            return moment
        except (ValueError, OverflowError):
            return None

    def is_own_date(self, text: str) -> bool:
        """Whether a text has the shape of the format, which is not ISO."""
        return bool(self.date) and re.fullmatch(_pattern(self.date), text, re.ASCII) is not None

    @property
    def _units(self) -> tuple[str, str]:
        unit = re.escape(self.unit)
        return f"^([+-]?){unit}[{SPACES}]?", f"[{SPACES}]?{unit}$"

    @property
    def _separators(self) -> str:
        return f"[{SPACES if self.thousands == ' ' else self.thousands}]"

    @property
    def _grouped(self) -> str:
        return rf"[+-]?\d{{1,3}}({self._separators}\d{{3}})+([{self.decimal}]\d*)?"


PLAIN = Notation()


def printed(number: float) -> str:
    """Return the text of a number without a needless point, as a level is called that was a number."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else str(number)


def missing_numbers(spellings: Iterable[str]) -> tuple[float, ...]:
    """Return the numbers among the spellings of a missing value: -999 means it as -999.0 and in a typed table, too."""
    numbers = (PLAIN.number(one) for one in spellings)
    return tuple(dict.fromkeys(one for one in numbers if one is not None and isfinite(one)))


def without_sql(number: str, spellings: Iterable[str]) -> str:
    """Return the SQL of a number, NULL where it is one of those that mean a missing value."""
    holes = ", ".join(f"'{one!r}'::DOUBLE" for one in missing_numbers(spellings))
    return f"CASE WHEN ({number}) IN ({holes}) THEN NULL ELSE {number} END" if holes else number


@dataclass(frozen=True)
class Conventions:
    """What the user says of how a table is written; None: as it looks, column by column.

    Attributes:
        decimal: the decimal sign of all its numbers.
        thousands: the sign between groups of three digits.
        date_format: of its dates.
    """

    decimal: str | None = None
    thousands: str | None = None
    date_format: str | None = None

    @property
    def settles_numbers(self) -> bool:
        """Whether numbers are written as the user says."""
        return self.decimal is not None or self.thousands is not None

    def notation(self, unit: str = "") -> Notation:
        """Return the notation of numbers."""
        decimal = self.decimal or ("," if self.thousands == "." else ".")
        return Notation(decimal, self.thousands or "", unit)

    def check(self) -> None:
        """Hold the keys against each other.

        Raises:
            UserError: one cannot be, or two exclude each other.
        """
        if self.decimal is not None and self.decimal == self.thousands:
            raise UserError(f"data.decimal and data.thousands are both {self.decimal!r}; one sign cannot be both")
        if self.date_format is not None:
            require_date_format(self.date_format)


UNSAID = Conventions()


def require_date_format(text: str) -> None:
    """Refuse a format of dates that SQL and Python do not read alike, or that is no date.

    Raises:
        UserError: which directive is unknown, or what is missing.
    """
    directives = re.findall(r"%(.?)", text)
    for directive in directives:
        if directive not in DIRECTIVES:
            raise UserError(
                f"data.date_format={text}: '%{directive}' is none of {', '.join('%' + one for one in DIRECTIVES)}"
            )
    for needed, named in (("Yy", "year"), ("mbB", "month"), ("d", "day")):
        if not set(needed) & set(directives):
            raise UserError(f"data.date_format={text}: it has no {named}; a date is written such as %d/%m/%Y")
    if len(set(directives)) < len(directives):
        raise UserError(f"data.date_format={text}: a directive stands there twice")


def _pattern(date: str) -> str:
    """Return the regular expression of dates in a format; numbers without a sign between them have two digits."""
    literal, directives = re.split(r"%.", date), re.findall(r"%(.)", date)
    pattern = re.escape(literal[0])
    for place, directive in enumerate(directives):
        before, after = literal[place], literal[place + 1]
        alone = (before or place == 0) and (after or place == len(directives) - 1)
        known = DIRECTIVES[directive]
        pattern += (known if alone else known.replace(r"\d\d?", r"\d\d")) + re.escape(after)
    return pattern
