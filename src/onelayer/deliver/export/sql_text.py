"""One SELECT: the columns of a table called `input`, and beside them what the model says of each row.

Derived tables after CROSS JOIN LATERAL (SQL:1999; duckdb and PostgreSQL have it) stand for the steps, so that each
number is written once, and no name of theirs meets that of a column. The file is checked in duckdb.

    read      of each category the number of its design column
    scaled    design columns, filled and scaled
    logits    sums
    chances   the probability of the second class, or exponentials and their total for softmax
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onelayer.artefact import Artefact
from onelayer.data.encode.design import Design, Levels
from onelayer.data.encode.layout import REFUSED
from onelayer.data.tables import sql
from onelayer.data.tables.reading import FALSE, TRUE
from onelayer.deliver.export import formulas
from onelayer.deliver.export.inputs import Places, places_of
from onelayer.deliver.export.rows import Rows
from onelayer.deliver.export.sql_terms import Functions, Term, literal
from onelayer.deliver.export.target import Target
from onelayer.deliver.model import Model, Predictions
from onelayer.errors import UserError

DOUBLE = "DOUBLE PRECISION"
TOGETHER = 50  # terms of a sum in one pair of parentheses: databases limit how deep expressions nest
PARTS = {"year": "YEAR", "month": "MONTH", "day": "DAY", "weekday": "ISODOW", "hour": "HOUR"}


def check(model: Model) -> None:
    """Refuse columns that a database takes for one.

    Raises:
        UserError: they differ in capital letters alone.
    """
    seen: dict[str, str] = {}
    for name in model.columns:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise UserError(
                f"columns '{other}' and '{name}' differ in capital letters alone, which databases do not tell apart; "
                "export --to onnx, torch or sklearn"
            )


def write(model: Model, path: Path, record: Mapping[str, Any]) -> None:
    """Write the statement under a header of comments, with the record as its last line."""
    one = model.artefact
    categories = [*_read(one)]
    steps = [("read", ",\n  ".join(categories))] if categories else []
    steps += [("scaled", _scaled(one)), ("logits", ",\n  ".join(_logits(one)))]
    if model.classes is None:
        logit = Term("logits.z1")
        outputs = [_named("prediction", (logit * float(one.y_scale[0]) + float(one.y_shift[0])).text)]
    elif one.header["link"] == "softmax":
        logits = [f"logits.z{place}" for place, _ in enumerate(model.classes, 1)]
        steps.append(("chances", _softmax(logits)))
        pairs = zip(logits, model.classes, strict=True)
        best = [f"WHEN {logit} = chances.top THEN {sql.text(name)}" for logit, name in pairs]
        chances = [f"chances.e{place} / chances.total" for place, _ in enumerate(model.classes, 1)]
        outputs = [_named("prediction", f"CASE {' '.join(best)} END"), *_chances(model.classes, chances)]
    else:
        chance = formulas.probability(one.header["link"], Term("logits.z1"), Functions())
        steps.append(("chances", f"{chance.text} AS p"))
        first, second = (sql.text(name) for name in model.classes)
        label = f"CASE WHEN chances.p > 0.5 THEN {second} WHEN chances.p <= 0.5 THEN {first} END"
        outputs = [_named("prediction", label), *_chances(model.classes, ["1 - chances.p", "chances.p"])]
    joins = "\n".join(f"CROSS JOIN LATERAL (SELECT\n  {values}\n) AS {name}" for name, values in steps)
    columns = ",\n  ".join(["input.*", *outputs])
    # bytes: a text is written and read with its ends of lines as they are
    path.write_bytes(f"{_header(model, record)}SELECT\n  {columns}\nFROM input\n{joins}\n".encode())


def _header(model: Model, record: Mapping[str, Any]) -> str:
    one = model.artefact
    what = f"number {_quoted(model.target)}" if model.classes is None else f"class of {_quoted(model.target)}"
    types = "; ".join(f"{_quoted(design.name)} {design.role}" for design in one.encoder.designs)
    lines = [
        f"onelayer: one row for each row of the table input, with its {what}, by the link {one.header['link']}.",
        "Write your table here: FROM your_table AS input. Its columns hold what they held in training:",
        f"{types}.",
        "Numbers are missing where NULL or NaN; categories, compared as text, where NULL, empty or one of "
        f"{json.dumps(one.header['missing'])}; dates are DATE or TIMESTAMP. Where predict refuses a row, NULL stands.",
        json.dumps(record, allow_nan=False),
    ]
    return "".join(f"-- {line}\n" for line in lines)


def _read(artefact: Artefact) -> Iterator[str]:
    """Yield of each category the number of its design column; -1 for none of them, NULL where it is refused."""
    feature = 0
    for number, design in enumerate(artefact.encoder.designs):
        if isinstance(design, Levels):
            yield f"{_place(_column(design), places_of(artefact, design, feature))} AS n{number}"
        feature += sum(1 for _ in design.features())


def _column(design: Design) -> str:
    return f"input.{sql.name(design.name)}"


def _values(column: str, role: str, parts: Sequence[str]) -> Iterator[str]:
    if role == "date":
        for part in parts:
            found = f"CAST(EXTRACT({PARTS[part]} FROM CAST({column} AS TIMESTAMP)) AS {DOUBLE})"
            yield f"({found} - 1)" if part == "weekday" else found  # ours counts from 0, Monday
    elif role == "boolean":
        text = f"LOWER(CAST({column} AS VARCHAR))"
        yes, no = (", ".join(sql.text(one) for one in texts) for texts in ((*TRUE, "1.0"), (*FALSE, "0.0")))
        yield f"CASE WHEN {text} IN ({yes}) THEN 1e0 WHEN {text} IN ({no}) THEN 0e0 END"
    else:
        # not so where it is NULL, and neither where it is NaN, which databases take for the largest number of all
        yield f"CASE WHEN {column} <= CAST('Infinity' AS {DOUBLE}) THEN CAST({column} AS {DOUBLE}) END"


def _place(column: str, places: Places) -> str:
    """Return the SQL of the design column of a category; NULL where it is refused."""
    said = " ".join(f"WHEN {sql.text(text)} THEN {_refused(place)}" for text, place in places.texts.items())
    other = f"CASE WHEN {column} IS NULL THEN {_refused(places.missing)} ELSE {_refused(places.unseen)} END"
    return f"CASE CAST({column} AS VARCHAR) {said} ELSE {other} END"


def _refused(place: int) -> str:
    return "NULL" if place == REFUSED else str(place)


def _scaled(artefact: Artefact) -> str:
    """Return the design columns, scaled, in the precision of the weights, each with its name as a comment."""
    values = [*_features(artefact)]
    named = zip(values, artefact.columns, strict=True)
    lines = [(f"{value} AS x{place}", _quoted(name)) for place, (value, name) in enumerate(named, 1)]
    return "\n  ".join(f"{text}{',' * (text != lines[-1][0])}  -- {name}" for text, name in lines)


def _features(artefact: Artefact) -> Iterator[str]:
    shift, scale, kind = artefact.x_shift.tolist(), artefact.x_scale.tolist(), artefact.weight.dtype.type
    feature = 0

    def flag(condition: str, otherwise: str) -> str:
        one, zero = (float(kind((value - shift[feature]) / scale[feature])) for value in (1.0, 0.0))
        return f"CASE WHEN {condition} THEN {literal(one)} {otherwise} {literal(zero)} END"

    for number, design in enumerate(artefact.encoder.designs):
        if isinstance(design, Levels):
            for _ in design.features():
                yield flag(f"read.n{number} = {feature}", f"WHEN read.n{number} <> {feature} THEN")
                feature += 1
            continue
        values = [*_values(_column(design), design.role, design.parts)]
        for part, value in enumerate(values):
            filled = value if design.fill is None else f"COALESCE({value}, {literal(design.fill[part])})"
            yield _rounded(f"({filled} - {literal(shift[feature])}) / {literal(scale[feature])}", artefact)
            feature += 1
        if design.indicator:
            yield flag(f"{values[0]} IS NULL", "ELSE")
            feature += 1


def _logits(artefact: Artefact) -> Iterator[str]:
    for place, (weight, bias) in enumerate(zip(artefact.weight.tolist(), artefact.bias.tolist(), strict=True), 1):
        # a number in single precision times one in double is double
        terms = [f"scaled.x{feature} * {literal(one)}" for feature, one in enumerate(weight, 1)]
        total = _rounded(f"{_sum(terms)} + {literal(bias)}", artefact)
        yield f"CAST({total} AS {DOUBLE}) AS z{place}"


def _rounded(expression: str, artefact: Artefact) -> str:
    """Round to the precision of the weights, as predict does."""
    return f"CAST({expression} AS REAL)" if artefact.weight.dtype == np.float32 else expression


def _sum(terms: Sequence[str]) -> str:
    while len(terms) > TOGETHER:
        parts = [terms[start : start + TOGETHER] for start in range(0, len(terms), TOGETHER)]
        terms = [f"({' + '.join(one)})" for one in parts]
    return "\n    + ".join(terms)


def _softmax(logits: Sequence[str]) -> str:
    """Return what follows SELECT; the largest logit is taken away first, so that nothing overflows."""
    least = literal(-formulas.EXPONENT)
    away = [f"{logit} - top" for logit in logits]
    powers = [f"EXP(CASE WHEN {one} < {least} THEN {least} ELSE {one} END)" for one in away]
    named = [f"e{place}" for place, _ in enumerate(logits, 1)]
    made = ",\n  ".join(f"{power} AS {name}" for power, name in zip(powers, named, strict=True))
    largest = f"SELECT GREATEST({', '.join(logits)}) AS top"
    return f"powers.*, {_sum(named)} AS total FROM (SELECT top,\n  {made}\n  FROM ({largest}) AS best) AS powers"


def _chances(classes: Sequence[str], expressions: Sequence[str]) -> list[str]:
    return [_named(f"probability_{name}", one) for name, one in zip(classes, expressions, strict=True)]


def _named(name: str, expression: str) -> str:
    return f"{expression} AS {sql.name(name)}"


def _quoted(name: str) -> str:
    """Quote a name for a comment, which ends with its line."""
    return json.dumps(name)


def predict(path: Path, rows: Rows) -> Predictions:
    """Run the statement in duckdb on a table that holds the rows."""
    import duckdb

    columns: dict[str, Any] = {}
    for column in rows.frame.columns:
        read: Mapping[str, Callable[[str], Any]] = {"category": rows.texts, "date": rows.dates}
        columns[column.name] = read.get(column.role, rows.numbers)(column.name)
    row = "row" + "_" * (1 + max(map(len, columns)))  # the name of no column
    connection = sql.connect()
    try:
        with sql.interruptible():
            connection.register("given", {**columns, row: np.arange(len(rows))})
            connection.execute("CREATE TABLE input AS SELECT * FROM given")
            said = connection.execute(path.read_bytes().decode()).fetchnumpy()
    except duckdb.Error as error:
        raise sql.refusal(f"{path.name}: duckdb cannot run it", error) from None
    finally:
        connection.close()
    order, *outputs = [*said.values()][len(columns) :]
    at = np.argsort(order)
    value, *probability = (_filled(one)[at] for one in outputs)
    return Predictions(value, np.stack(probability, axis=1) if probability else None)


def _filled(column: Any) -> Any:
    """Return values with NaN, or of texts None, where they are NULL."""
    return np.ma.filled(np.ma.asarray(column), None if column.dtype == object else np.nan)


TARGET = Target(file="model.sql", packages=("duckdb",), write=write, predict=predict, check=check)
