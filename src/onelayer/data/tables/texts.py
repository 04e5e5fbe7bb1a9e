"""Columns of text: what spells a missing value, and whether they hold numbers or truths all the same."""

from collections.abc import Sequence
from dataclasses import replace

from onelayer.data.frame import Role
from onelayer.data.tables import sql
from onelayer.data.tables.detection import (
    ambiguous_dates,
    ambiguous_numbers,
    find_dates,
    find_numbers,
    first_odd_date,
    how_to_read,
)
from onelayer.data.tables.measured import EXACT, Kind, Measured
from onelayer.data.tables.notation import PADDING, PLAIN, Notation, without_sql
from onelayer.data.tables.rows import Rows

SPACES = sql.text(PADDING)
LIKE_A_NUMBER = r"[^\w]*\d[\d.,' ]*[^\w]*"  # with thousands parted, a currency or a percent sign
MONTHS = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
IN_NUMBERS = r"\d{4}[./-]\d\d?[./-]\d\d?|\d\d?[./ -]\d\d?[./ -](\d{4}|\d\d)"
LIKE_A_DATE = rf"({IN_NUMBERS}|\d\d?[./ -]+{MONTHS}[./ -]+(\d{{4}}|\d\d)|{MONTHS} \d\d?,? \d{{4}})([ T].*)?"
NEARLY_NUMBERS = 0.25  # from this share of numbers on, the user is told why a column is text
NEARLY_DATES = 0.9  # the same for dates
FEW = 0.1  # values that are no numbers may then be spellings of a missing one


def as_written(rows: Rows, name: str, type_name: str) -> Measured:
    """Return a column of text as it stands there, whatever its values look like."""
    text = text_of(rows, name, type_name)
    return Measured(name, type_name, "text", text, rows.count, rows.count, text)


def text_of(rows: Rows, name: str, type_name: str) -> str:
    """Return the SQL of a column's text without spaces around it, NULL where it spells a missing value."""
    column = sql.name(name) if type_name == "VARCHAR" else f"CAST({sql.name(name)} AS VARCHAR)"
    return _cleaned(column, rows.missing)


def measured(rows: Rows, name: str, type_name: str, n_rows: int, role: Role | None = None) -> Measured:
    """Return a column of text as numbers, truths or dates where every value reads as one, else as text.

    Args:
        rows: the table.
        name: of the column.
        type_name: of the column.
        n_rows: of the table.
        role: that the user gives it; None: as it looks.
    """
    usual = rows.conventions.notation()
    present, given, padded, distinct, numbers, truths, dates, alike = _counts(rows, sql.name(name), usual)
    column = sql.name(name) if type_name == "VARCHAR" else f"CAST({sql.name(name)} AS VARCHAR)"
    text = _cleaned(column, rows.missing) if padded or given > present else column
    notes: list[str] = []
    if padded:
        notes.append(f"'{name}' has {padded} texts with spaces around them, which were stripped")
    if given > present and rows.dialect is None:
        notes.append(f"'{name}' has {given - present} texts that mean a missing value (data.missing)")
    as_text = Measured(name, type_name, "text", text, n_rows, present, text, distinct, notes=tuple(notes))
    if type_name != "VARCHAR" or not present:
        return as_text
    if role == "date":
        return _as_dates(rows, as_text, dates)
    if truths == present:
        return _of(rows, as_text, "boolean", f"lower({text}) = 'true'")
    if role == "numeric" and numbers < present:
        return _as_asked_numbers(rows, as_text)
    if numbers == present:
        codes = _codes(rows, name, text) if usual == PLAIN else ""
        guess = f"'{name}' is numeric: it is text, but all its {present} values are numbers{codes}"
        noticed = (guess,) if codes or rows.dialect is None else ()  # in a text file every number is a text
        number = _of(rows, replace(as_text, notation=usual, guesses=noticed), "number", usual.number_sql(text))
        return replace(number, notes=as_text.notes) if role == "category" else number  # as levels all digits are kept
    if dates >= NEARLY_DATES * present:
        return _as_dates(rows, as_text, dates)
    if numbers < NEARLY_NUMBERS * present and alike < NEARLY_NUMBERS * present:
        return as_text
    fitting = find_numbers(rows, text)
    if len(fitting) == 1 and fitting[0] == Notation(","):
        guess = f"'{name}' is numeric: all its {present} values are numbers with a decimal comma"
        return _of(rows, replace(as_text, notation=fitting[0], guesses=(guess,)), "number", fitting[0].number_sql(text))
    if fitting:
        return replace(as_text, guesses=(f"'{name}' is text, {how_to_read(rows, name, text, fitting)}",))
    return replace(as_text, guesses=(_why_no_number(rows, as_text, usual, numbers),))


def _of(rows: Rows, column: Measured, kind: Kind, value: str) -> Measured:
    """Return a column of text as the numbers, truths or dates that an expression makes of it."""
    value = without_sql(value, rows.missing) if kind == "number" else value
    present = "WHERE NOT isnan(x)" if kind == "number" else ""
    low, high, count = rows.one(f"SELECT min(x), max(x), count(x) FROM (SELECT {value} AS x FROM rows) {present}")
    notes = column.notes
    if kind == "number" and count and max(abs(low), abs(high)) >= EXACT and _are_integers(rows, column.value):
        notes = (*notes, f"'{column.name}' has integers beyond 2^53, which float64 rounds")
    return replace(column, kind=kind, value=value, present=count, low=low, high=high, notes=notes)


def _are_integers(rows: Rows, text: str) -> bool:
    return rows.one(rf"SELECT bool_and(regexp_full_match({text}, '[+-]?\d+')) FROM rows") == (True,)


def _as_dates(rows: Rows, column: Measured, dates: int) -> Measured:
    """Return a column as dates, where one format fits all its values."""
    name, text, asked = column.name, column.value, rows.conventions.date_format
    fitting = find_dates(rows, text)
    if len(fitting) == 1:
        (notation,) = fitting
        value = notation.moment_sql(text)
        low, high, has_time = rows.one(
            f"SELECT CAST(min(x) AS VARCHAR), CAST(max(x) AS VARCHAR), bool_or(CAST(x AS TIME) <> TIME '00:00:00') "
            f"FROM (SELECT {value} AS x FROM rows)"
        )
        guesses = (f"'{name}' holds dates written {notation.date}",) if notation.date and asked is None else ()
        kind: Kind = "timestamp" if has_time else "date"
        if not has_time:
            low, high = low[:10], high[:10]
        return replace(
            column, type=kind.upper(), kind=kind, value=value, low=low, high=high, notation=notation, guesses=guesses
        )
    if fitting:
        why = ambiguous_dates(rows, text, fitting)
        return replace(column, problem=why, guesses=(f"'{name}' is text, since {why}; set the one that is right",))
    (example,) = rows.one(f"SELECT first({text} ORDER BY rowid) FROM rows WHERE {text} IS NOT NULL")
    counted = f"all its {column.present}" if dates == column.present else f"{dates} of its {column.present}"
    odd = first_odd_date(rows, text)
    if odd is not None:
        why = f"{odd[1]!r} in {rows.where(odd[0])} is not written as {example!r} is; write all dates in one way"
    else:
        why = "where they are, say how they are written with data.date_format, such as '%d/%m/%Y'"
    guess = f"'{name}' is text, though {counted} values look like dates, such as {example!r}; {why}"
    return replace(column, guesses=(guess,))


def _as_asked_numbers(rows: Rows, column: Measured) -> Measured:
    """Return a column that the user calls numeric as numbers, where one notation fits all its values."""
    fitting = find_numbers(rows, column.value)
    if len(fitting) == 1:
        (notation,) = fitting
        unit = (f"'{column.name}' is read without its {notation.unit!r}",) if notation.unit else ()
        column = replace(column, notation=notation, notes=(*column.notes, *unit))
        return _of(rows, column, "number", notation.number_sql(column.value))
    if fitting:
        return replace(column, problem=ambiguous_numbers(rows, column.value, fitting))
    return column


def _counts(rows: Rows, column: str, notation: Notation) -> list[int]:
    """Count values: present, not NULL, padded, distinct, numbers, truths, dates, alike."""
    given = f"CAST({column} AS VARCHAR)"
    conditions = [
        "x IS NOT NULL",
        "given IS NOT NULL",
        f"given <> trim(given, {SPACES})",
        f"{notation.number_sql('x')} IS NOT NULL",
        "lower(x) IN ('true', 'false')",
        f"regexp_full_match(x, {sql.text(LIKE_A_DATE)})",
        f"regexp_full_match(x, {sql.text(LIKE_A_NUMBER)})",
    ]
    # a text that occurs often is looked at once
    levels = f"SELECT {given} AS given, count(*) AS n FROM rows GROUP BY given"
    cleaned = f"SELECT given, n, {_cleaned('given', rows.missing)} AS x FROM ({levels})"
    sums = [f"coalesce(sum(n) FILTER ({condition}), 0)" for condition in conditions]
    sums.insert(3, "count(DISTINCT x)")
    return [int(one) for one in rows.one(f"SELECT {', '.join(sums)} FROM ({cleaned})")]


def _cleaned(column: str, missing: Sequence[str]) -> str:
    """Return the SQL of a text without spaces around it, and NULL for the spellings of a missing value."""
    trimmed = f"trim({column}, {SPACES})"
    spelled = ", ".join(sql.text(one) for one in missing)
    return f"CASE WHEN {trimmed} IN ({spelled}) THEN NULL ELSE {trimmed} END"


def _codes(rows: Rows, name: str, text: str) -> str:
    """Say where to list a column whose numbers may be codes, such as 00501; nothing of other numbers."""
    (zeros,) = rows.one(rf"SELECT count_if(regexp_full_match({text}, '0\d+')) FROM rows")
    return f"; {zeros} begin with a 0, so if they are codes, list it in data.category=[{name}]" if zeros else ""


def _why_no_number(rows: Rows, column: Measured, notation: Notation, numbers: int) -> str:
    name, text, others = column.name, column.value, column.present - numbers
    row, first = rows.one(
        f"SELECT rowid, {text} FROM rows WHERE {text} IS NOT NULL AND {notation.number_sql(text)} IS NULL "
        "ORDER BY rowid LIMIT 1"
    )
    hint = "; if that means a missing value, add it to data.missing" if others <= FEW * column.present else ""
    counted = f"{others} of its {column.present} values {'is no number' if others == 1 else 'are no numbers'}"
    return f"'{name}' is text, since {counted}, the first {first!r} in {rows.where(row)}{hint}"
