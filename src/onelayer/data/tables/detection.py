"""In which notation a column of text is written: the one that reads all of its rows."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import product

from onelayer.data.tables import sql
from onelayer.data.tables.notation import PLAIN, Notation
from onelayer.data.tables.rows import Rows

# decimal sign and thousands separator, the usual first
SIGNS = ((".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"))
# of percent and of currencies; what else stands beside a number, such as < or a dash, changes what it says
SIGN = "([%\u2030]|[A-Z]{0,2}[$\u00a2-\u00a5\u0e3f\u20a0-\u20cf]|[A-Z]{3})"
UNITS = (rf"[+-]?{SIGN}[ \u00a0\u202f]?[\d.,].*", rf".*\d[ \u00a0\u202f]?{SIGN}")
ORDERS = ("d m Y", "m d Y", "Y m d", "d m y", "m d y", "y m d")
NAMED = ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d. %B %Y", "%d/%b/%Y")
TIMES = ("", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")


def find_numbers(rows: Rows, text: str) -> tuple[Notation, ...]:
    """Return the notations that read all values of a column as numbers, no two of them as the same ones.

    Args:
        rows: the table.
        text: SQL of the column's text, NULL where missing.
    """
    odd = f"{PLAIN.number_sql(text)} IS NOT NULL"
    ((example,),) = rows.all(f"SELECT {text} FROM rows WHERE {text} IS NOT NULL ORDER BY {odd}, rowid LIMIT 1")
    units = ["", *(match[1] for pattern in UNITS if (match := re.fullmatch(pattern, example)))]
    conventions = rows.conventions
    if conventions.settles_numbers:
        return _reading_all(rows, text, [conventions.notation(unit) for unit in units], Notation.number_sql)
    return _reading_all(
        rows, text, [Notation(*signs, unit) for unit, signs in product(units, SIGNS)], Notation.number_sql
    )


def find_dates(rows: Rows, text: str) -> tuple[Notation, ...]:
    """Return the notations that read all values of a column as dates, no two of them as the same ones."""
    own_format = rows.conventions.date_format
    if own_format is not None:
        settled = _reading_all(rows, text, [Notation(date=own_format)], Notation.moment_sql)
        if settled:
            return settled
    return _reading_all(rows, text, _tried(rows, text), Notation.moment_sql)


def first_odd_date(rows: Rows, text: str) -> tuple[int, str] | None:
    """Return the row and the text of the first date that is not written as most are; None: no format is known."""
    tried = [notation.moment_sql(text) for notation in _tried(rows, text)]
    if not tried:
        return None
    counts = rows.one(f"SELECT {', '.join(f'count({value})' for value in tried)} FROM rows")
    value = tried[counts.index(max(counts))]
    odd = rows.all(
        f"SELECT rowid, {text} FROM rows WHERE {text} IS NOT NULL AND ({value}) IS NULL ORDER BY rowid LIMIT 1"
    )
    return odd[0] if odd else None


def _tried(rows: Rows, text: str) -> list[Notation]:
    """Return the notations that read the first value that is not ISO, which all of them read; ISO alone if all are."""
    iso = f"({PLAIN.moment_sql(text)}) IS NOT NULL"
    first = rows.all(f"SELECT {text} FROM rows WHERE {text} IS NOT NULL ORDER BY {iso}, rowid LIMIT 1")
    if not first or PLAIN.moment(first[0][0]) is not None:
        return [PLAIN]
    return [notation for notation in _dates() if notation.is_own_date(first[0][0]) and notation.moment(first[0][0])]


def _dates() -> Iterator[Notation]:
    days = [sign.join(f"%{part}" for part in order.split()) for order, sign in product(ORDERS, "/.-")]
    for day, time in product((*days, *NAMED), TIMES):
        yield Notation(date=f"{day} {time}".strip())


def _reading_all(
    rows: Rows, text: str, tried: Sequence[Notation], read: Callable[[Notation, str], str]
) -> tuple[Notation, ...]:
    if not tried:
        return ()
    values = [read(notation, text) for notation in tried]
    fits = rows.one(f"SELECT {', '.join(f'count({text}) = count({value})' for value in values)} FROM rows")
    fitting: list[tuple[Notation, str]] = []
    for notation, value, fit in zip(tried, values, fits, strict=True):
        differ = [f"count_if(({value}) <> ({other}))" for _, other in fitting]
        if fit and (not differ or 0 not in rows.one(f"SELECT {', '.join(differ)} FROM rows")):
            fitting.append((notation, value))
    return tuple(notation for notation, _ in fitting)


def ambiguous_numbers(rows: Rows, text: str, fitting: Sequence[Notation]) -> str:
    """Say what ambiguous numbers may be: the first one that two notations read differently, with the keys of both."""
    first, second = (notation.number_sql(text) for notation in fitting[:2])
    example, number, other = _first_difference(rows, text, first, second)
    return f"{example!r} may be {number:.15g} ({keys_of(fitting[0])}) or {other:.15g} ({keys_of(fitting[1])})"


def ambiguous_dates(rows: Rows, text: str, fitting: Sequence[Notation]) -> str:
    """Say what ambiguous dates may be: the first one that two formats read differently, with the keys of both."""
    first, second = (f"strftime({notation.moment_sql(text)}, '%-d %B %Y')" for notation in fitting[:2])
    example, date, other = _first_difference(rows, text, first, second)
    keys = [f"data.date_format={sql.text(notation.date)}" for notation in fitting]
    return f"{example!r} may be {date} ({keys[0]}) or {other} ({keys[1]})"


def _first_difference(rows: Rows, text: str, first: str, second: str) -> tuple[str, ...]:
    differ = f"({first}) <> ({second})"
    return rows.one(f"SELECT {text}, {first}, {second} FROM rows WHERE {differ} ORDER BY rowid LIMIT 1")


def keys_of(notation: Notation) -> str:
    """Return the keys that ask for a notation of numbers."""
    keys = {"decimal": notation.decimal, "thousands": notation.thousands}
    told = [f"data.{key}={value!r}" for key, value in keys.items() if value not in (getattr(PLAIN, key), "")]
    return " and ".join(told) or f"data.decimal={notation.decimal!r}"


def how_to_read(rows: Rows, name: str, text: str, fitting: Sequence[Notation]) -> str:
    """Say which keys make numbers of a text that are none to a program."""
    if len(fitting) > 1:
        listed = f" and list it in data.numeric=[{name}]" if fitting[0].unit else ""
        return f"since {ambiguous_numbers(rows, text, fitting)}; set the one that is right{listed}"
    (notation,) = fitting
    odd = f"{PLAIN.number_sql(text)} IS NULL AND {text} IS NOT NULL"
    (example,) = rows.one(f"SELECT first({text} ORDER BY rowid) FROM rows WHERE {odd}")
    step = f"list it in data.numeric=[{name}]" if notation.unit else f"set {keys_of(notation)}"
    return f"though all its values are numbers, such as {example!r}; to read them so {step}"
