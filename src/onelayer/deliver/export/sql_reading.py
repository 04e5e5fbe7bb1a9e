"""What reading does to a column before a model sees it, as `onelayer.data.tables` does, in SQL.

It goes by the type that the column has in the table: of a number 1 the level is called 1, whether it is written 1, 1.0
or 1.00, and of a text 1.0 it is 1.0. Where a number, a truth or a date was a text in training, the database may hold it
as either; a statement for levels that were texts is refused by a database whose column is none: 1.10 would be 1.1.
"""

from collections.abc import Sequence

from onelayer.data.encode.design import Design, Levels
from onelayer.data.encode.layout import REFUSED
from onelayer.data.tables import sql
from onelayer.data.tables.measured import INTEGERS, kind_of
from onelayer.data.tables.notation import PLAIN, missing_numbers, printed
from onelayer.data.tables.reading import FALSE, TRUE
from onelayer.deliver.export.inputs import Places
from onelayer.deliver.export.sql_terms import literal

DOUBLE = "DOUBLE PRECISION"
INFINITY = f"CAST('Infinity' AS {DOUBLE})"
SPACES = "' ' || CHR(9) || CHR(10) || CHR(13)"
PARTS = {"year": "YEAR", "month": "MONTH", "day": "DAY", "weekday": "ISODOW", "hour": "HOUR"}
# what a column holds by its role where no table says
USUAL = {"numeric": "DOUBLE", "boolean": "BOOLEAN", "date": "TIMESTAMP", "category": "VARCHAR"}


def value_of(design: Design, type_name: str, missing: Sequence[str]) -> str:
    """Return the SQL of a number, a truth as 0 or 1, or a time stamp; NULL or NaN where missing, infinity if refused.

    A text that is no number or no date ends the statement with an error.

    Args:
        design: what becomes of the column.
        type_name: of the column, by duckdb.
        missing: spellings of a missing value, the empty one apart.
    """
    column, kind = _column(design), kind_of(type_name)
    if design.role == "boolean":
        yes, no = (_listed(one) for one in ((*TRUE, "1.0"), (*FALSE, "0.0")))
        level = _text(column, type_name)
        lower = f"LOWER({level})"
        holes = f"WHEN {level} IN ({_listed(_spelled(kind, missing))}) THEN NULL "
        return f"CASE {holes}WHEN {lower} IN ({yes}) THEN 1e0 WHEN {lower} IN ({no}) THEN 0e0 ELSE {INFINITY} END"
    if design.role == "date":
        if kind == "text":
            return _moment(_present(column, type_name, missing), design)
        return f"{column} AT TIME ZONE 'UTC'" if "ZONE" in type_name else f"CAST({column} AS TIMESTAMP)"
    if kind == "boolean":
        return f"CASE CAST({column} AS VARCHAR) WHEN 'true' THEN 1e0 WHEN 'false' THEN 0e0 END"
    is_text = kind == "text"
    number = _number(_present(column, type_name, missing), design) if is_text else f"CAST({column} AS {DOUBLE})"
    for hole in missing_numbers(missing):
        number = f"NULLIF({number}, {literal(hole)})"
    return number


def _number(text: str, design: Design) -> str:
    """Return the SQL that reads a text as a number in the notation of its column; 1_2 is one to some databases."""
    notation = PLAIN if isinstance(design, Levels) else design.notation
    if notation.unit:
        # a space where it stood, so that what has it between two digits is no number
        alone = f"REPLACE({text}, {sql.text(f'{notation.unit} ')}, {sql.text(notation.unit)})"
        text = f"TRIM(REPLACE({alone}, {sql.text(notation.unit)}, ' '))"
        text = f"REPLACE(REPLACE({text}, '- ', '-'), '+ ', '+')"
    if notation.thousands:
        grouped = rf"[+-]?[0-9]{{1,3}}([{notation.thousands}][0-9]{{3}})+([{notation.decimal}][0-9]*)?"
        joined = f"REPLACE({text}, {sql.text(notation.thousands)}, '')"
        text = f"CASE WHEN {text} SIMILAR TO {sql.text(grouped)} THEN {joined} ELSE {text} END"
    if notation.decimal == ",":
        text = f"REPLACE(REPLACE({text}, '.', 'x'), ',', '.')"
    return f"CAST(REPLACE({text}, '_', 'x') AS {DOUBLE})"


def _moment(text: str, design: Design) -> str:
    """Return the SQL that reads a text as a time stamp in UTC; one that the database holds as such is ISO."""
    form = "" if isinstance(design, Levels) else design.notation.date
    after = f"SUBSTR({text}, 9)"
    zoned = " OR ".join(f"{after} LIKE '%{sign}%'" for sign in "+-Zz")
    iso = f"WHEN {zoned} THEN CAST({text} AS TIMESTAMP WITH TIME ZONE) AT TIME ZONE 'UTC'"
    if not form:
        return f"CASE {iso} ELSE CAST({text} AS TIMESTAMP) END"
    own = f"STRPTIME({text}, {sql.text(form)})"
    return f"CASE WHEN {text} LIKE '____-__-__%' THEN CAST({text} AS TIMESTAMP) ELSE {own} END"


def part_of(moment: str, part: str) -> str:
    """Return the SQL of a part of a time stamp as a number."""
    found = f"CAST(EXTRACT({PARTS[part]} FROM {moment}) AS {DOUBLE})"
    return f"({found} - 1)" if part == "weekday" else found  # ours counts from 0, Monday


def place_of(design: Levels, type_name: str, places: Places, missing: Sequence[str]) -> str:
    """Return the SQL of the design column of a category, -1 for none of them, NULL where it is refused.

    Args:
        design: the category.
        type_name: of the column, by duckdb.
        places: where its levels go.
        missing: spellings of a missing value, the empty one apart.
    """
    known = {text: places.texts[text] for text in (*design.levels, *design.pooled)}
    texts = {**known, **dict.fromkeys(_spelled(kind_of(type_name), missing), places.missing)}
    said = " ".join(f"WHEN {sql.text(text)} THEN {_refused(place)}" for text, place in texts.items())
    return f"CASE {_level(_column(design), type_name)} {said} ELSE {_refused(places.unseen)} END"


def held(role: str, type_name: str) -> str:
    """Return a type that holds any value of a role, and that the statement for `type_name` reads the same."""
    kind = kind_of(type_name)
    if kind == "text" or (kind == "boolean" and role == "numeric"):
        return "VARCHAR"
    if kind == "number":
        return type_name if type_name in INTEGERS and role != "numeric" else "DOUBLE"
    return "TIMESTAMP" if role == "date" and "ZONE" not in type_name else type_name


def _column(design: Design) -> str:
    return f"input.{sql.name(design.name)}"


def _level(column: str, type_name: str) -> str:
    """Return the SQL of the text of a level, empty where missing; see `onelayer.data.tables.reading.level_of`."""
    kind = kind_of(type_name)
    if kind == "text":
        text = column if type_name == "VARCHAR" else f"CAST({column} AS VARCHAR)"
        return f"COALESCE(TRIM(BOTH {SPACES} FROM {text}), '')"
    if kind != "number":
        return f"COALESCE(CAST({column} AS VARCHAR), '')"
    number = column if type_name in INTEGERS else f"CAST({column} AS {DOUBLE})"
    far = literal(1e15)
    whole = f"{number} = FLOOR({number}) AND {number} > -{far} AND {number} < {far}"
    return (
        f"CASE WHEN {whole} THEN CAST(CAST({number} AS BIGINT) AS VARCHAR) "
        f"WHEN {number} <= {INFINITY} THEN CAST({number} AS VARCHAR) ELSE '' END"
    )


def _text(column: str, type_name: str) -> str:
    """Return the same of a column that the database may hold as a text or as what the text says."""
    return _level(f"CAST({column} AS VARCHAR)" if type_name == "VARCHAR" else column, type_name)


def _present(column: str, type_name: str, missing: Sequence[str]) -> str:
    """Return the SQL of a text, NULL where it spells a missing value."""
    text = _text(column, type_name)
    return f"CASE WHEN {text} NOT IN ({_listed(('', *missing))}) THEN {text} END"


def _spelled(kind: str, missing: Sequence[str]) -> tuple[str, ...]:
    """Return what a missing value may be called: as it is spelled; of numbers, those that are among the spellings."""
    holes = (printed(one) for one in missing_numbers(missing)) if kind == "number" else ()
    return ("", *missing) if kind == "text" else ("", *holes)


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(sql.text(one) for one in dict.fromkeys(texts))


def _refused(place: int) -> str:
    return "NULL" if place == REFUSED else str(place)
