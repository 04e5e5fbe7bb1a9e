"""Columns of text: what spells a missing value, and whether they hold numbers or truths all the same."""

from collections.abc import Sequence

from onelayer.data.tables import sql
from onelayer.data.tables.measured import Kind, Measured
from onelayer.data.tables.opening import Rows

SPACES = "' \t\r\n'"
LIKE_A_NUMBER = r"[^\w]*\d[\d.,' ]*[^\w]*"  # with thousands parted, a currency or a percent sign
LIKE_A_DATE = r"(\d{4}[./-]\d\d?[./-]\d\d?|\d\d?[./ -](\d\d?|[A-Za-z]{3,9})[./ -](\d{4}|\d\d))([ T].*)?"
THOUSANDS = r"[+-]?\d{1,3}(,\d{3})+"
NEARLY_NUMBERS = 0.25  # from this share of numbers on, the user is told why a column is text
NEARLY_DATES = 0.9  # the same for dates
FEW = 0.1  # values that are no numbers may then be spellings of a missing one


def as_number(text: str, *, comma: bool = False) -> str:
    """Return the SQL that reads a text as DOUBLE, NULL where it is none."""
    # duckdb would read 1_2 as 12
    plain = f"replace({text}, '_', 'x')"
    return f"try_cast(replace({plain}, ',', '.') AS DOUBLE)" if comma else f"try_cast({plain} AS DOUBLE)"


def measured(rows: Rows, name: str, type_name: str, n_rows: int) -> Measured:
    """Return a column of text as a number or a truth where every value reads as one, else as text."""
    present, given, padded, distinct, numbers, commas, truths, dates, alike = _counts(rows, sql.name(name))
    column = sql.name(name) if type_name == "VARCHAR" else f"CAST({sql.name(name)} AS VARCHAR)"
    text = _cleaned(column, rows.missing) if padded or given > present else column
    notes: list[str] = []
    guesses: list[str] = []
    if padded:
        notes.append(f"'{name}' has {padded} texts with spaces around them, which were stripped")
    if given > present and rows.dialect is None:
        notes.append(f"'{name}' has {given - present} texts that mean a missing value (data.missing)")

    def of(kind: Kind, value: str) -> Measured:
        low, high, count = None, None, present
        if kind != "text":
            low, high, count = rows.one(
                f"SELECT min(x), max(x), count(x) FROM (SELECT {value} AS x FROM rows)"
                + (" WHERE NOT isnan(x)" if kind == "number" else "")
            )
        return Measured(
            name, type_name, kind, value, n_rows, count, text, distinct, low, high, tuple(notes), tuple(guesses)
        )

    if type_name != "VARCHAR" or not present:
        return of("text", text)
    if truths == present:
        return of("boolean", f"lower({text}) = 'true'")
    if numbers == present:
        guesses.append(
            f"'{name}' is numeric: it is text, but all its {present} values are numbers{_codes(rows, name, text)}"
        )
        return of("number", as_number(text))
    if commas == present and not _commas_are_ambiguous(rows, text):
        guesses.append(f"'{name}' is numeric: all its {present} values are numbers with a decimal comma or point")
        return of("number", as_number(text, comma=True))
    if commas == present:
        guesses.append(
            f"'{name}' is text, since its commas may part thousands or decimals; make numbers of it with replace(...) "
            "in data.query"
        )
    elif numbers >= NEARLY_NUMBERS * present:
        guesses.append(_why_no_number(rows, name, text, present, numbers))
    elif dates >= NEARLY_DATES * present:
        guesses.append(_why_no_date(rows, name, text, present, dates))
    elif alike >= NEARLY_NUMBERS * present:
        (example,) = rows.one(
            f"SELECT min({text}) FROM rows WHERE regexp_full_match({text}, {sql.text(LIKE_A_NUMBER)})"
        )
        guesses.append(
            f"'{name}' is text, though {alike} of its {present} values look like numbers, such as {example!r}; make "
            "numbers of it with replace(...) in data.query"
        )
    return of("text", text)


def _counts(rows: Rows, column: str) -> list[int]:
    """Count values: present, not NULL, padded, distinct, numbers, with decimal commas too, truths, dates, alike."""
    given = f"CAST({column} AS VARCHAR)"
    conditions = [
        "x IS NOT NULL",
        "given IS NOT NULL",
        f"given <> trim(given, {SPACES})",
        f"{as_number('x')} IS NOT NULL",
        f"{as_number('x', comma=True)} IS NOT NULL",
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


def _commas_are_ambiguous(rows: Rows, text: str) -> bool:
    """Whether every comma may as well part thousands."""
    clear = f"contains({text}, ',') AND NOT regexp_full_match({text}, {sql.text(THOUSANDS)})"
    return rows.one(f"SELECT count_if({clear}) FROM rows") == (0,)


def _codes(rows: Rows, name: str, text: str) -> str:
    """Say where to list a column whose numbers may be codes, such as 00501; nothing of other numbers."""
    (zeros,) = rows.one(rf"SELECT count_if(regexp_full_match({text}, '0\d+')) FROM rows")
    return f"; {zeros} begin with a 0, so if they are codes, list it in data.category=[{name}]" if zeros else ""


def _why_no_date(rows: Rows, name: str, text: str, present: int, dates: int) -> str:
    alike = f"{text} IS NOT NULL AND regexp_full_match({text}, {sql.text(LIKE_A_DATE)})"
    example, readable = rows.one(
        f"SELECT min({text}) FILTER ({alike}), bool_and({text} IS NULL OR try_cast({text} AS TIMESTAMP) IS NOT NULL) "
        "FROM rows"
    )
    remedy = (
        f"list it in data.date=[{name}]"
        if readable
        else f"make dates of it with strptime({sql.name(name)}, '%d.%m.%Y'), or as they are written, in data.query"
    )
    counted = f"all its {present}" if dates == present else f"{dates} of its {present}"
    return f"'{name}' is text, though {counted} values look like dates, such as {example!r}; {remedy}"


def _why_no_number(rows: Rows, name: str, text: str, present: int, numbers: int) -> str:
    others = present - numbers
    row, first = rows.one(
        f"SELECT rowid, {text} FROM rows WHERE {text} IS NOT NULL AND {as_number(text)} IS NULL ORDER BY rowid LIMIT 1"
    )
    hint = "; if that means a missing value, add it to data.missing" if others <= FEW * present else ""
    counted = f"{others} of its {present} values {'is no number' if others == 1 else 'are no numbers'}"
    return f"'{name}' is text, since {counted}, the first {first!r} in {rows.where(row)}{hint}"
