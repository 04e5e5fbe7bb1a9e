"""One SELECT: the columns of a table called `input`, and beside them what the model says of each row.

Derived tables after CROSS JOIN LATERAL (SQL:1999; duckdb and PostgreSQL have it) stand for the steps, so that each
number is written once, and no name of theirs meets that of a column. The file is checked in duckdb.

    read      of each column its number, truth or time stamp; of a category the number of its design column
    scaled    design columns, filled and scaled
    logits    sums
    chances   the probabilities of two classes, or exponentials and their total for softmax
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onelayer.artefact import Artefact
from onelayer.data.encode.design import Levels, Numbers
from onelayer.data.tables import sql
from onelayer.deliver.export.inputs import places_of
from onelayer.deliver.export.sql_check import predict
from onelayer.deliver.export.sql_reading import DOUBLE, INFINITY, USUAL, part_of, place_of, value_of
from onelayer.deliver.export.sql_terms import Functions, Term, literal
from onelayer.deliver.export.target import Target
from onelayer.deliver.model import Model
from onelayer.errors import UserError
from onelayer.links import BinaryLink
from onelayer.links.operations import EXPONENT

TOGETHER = 50  # terms of a sum in one pair of parentheses: databases limit how deep expressions nest


def check(model: Model) -> None:
    """Refuse columns that a database takes for one.

    Raises:
        UserError: they differ in capital letters alone, or there is a hidden layer.
    """
    if model.artefact.hidden is not None:
        raise UserError("with a hidden layer a query would write out every unit of it; export --to onnx or torch")
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
    types = {design.name: USUAL[design.role] for design in one.encoder.designs} | record.get("types", {})
    steps = [("read", ",\n  ".join(_read(one, types)))]
    steps += [("scaled", _scaled(one)), ("logits", ",\n  ".join(_logits(one)))]
    if model.classes is None:
        logit = Term("logits.z1")
        outputs = [_named("prediction", (logit * float(one.y_scale[0]) + float(one.y_shift[0])).text)]
    elif not isinstance(one.link, BinaryLink):
        logits = [f"logits.z{place}" for place, _ in enumerate(model.classes, 1)]
        steps.append(("chances", _softmax(logits)))
        pairs = zip(logits, model.classes, strict=True)
        best = [f"WHEN {logit} = chances.top THEN {sql.text(name)}" for logit, name in pairs]
        chances = [f"chances.e{place} / chances.total" for place, _ in enumerate(model.classes, 1)]
        outputs = [_named("prediction", f"CASE {' '.join(best)} END"), *_chances(model.classes, chances)]
    else:
        both = one.link.export(Term("logits.z1"), Functions())
        steps.append(("chances", ",\n  ".join(f"{chance.text} AS p{place}" for place, chance in enumerate(both, 1))))
        first, second = (sql.text(name) for name in model.classes)
        label = f"CASE WHEN chances.p2 > chances.p1 THEN {second} WHEN chances.p2 <= chances.p1 THEN {first} END"
        outputs = [_named("prediction", label), *_chances(model.classes, ["chances.p1", "chances.p2"])]
    joins = "\n".join(f"CROSS JOIN LATERAL (SELECT\n  {values}\n) AS {name}" for name, values in steps)
    columns = ",\n  ".join(["input.*", *outputs])
    # bytes: a text is written and read with its ends of lines as they are
    path.write_bytes(f"{_header(model, types, record)}SELECT\n  {columns}\nFROM input\n{joins}\n".encode())


def _header(model: Model, types: Mapping[str, str], record: Mapping[str, Any]) -> str:
    one = model.artefact
    what = f"number {_quoted(model.target)}" if model.classes is None else f"class of {_quoted(model.target)}"
    columns = "; ".join(
        f"{_quoted(design.name)} {design.role}, {types[design.name]}{_written(design)}"
        for design in one.encoder.designs
    )
    lines = [
        f"onelayer: one row for each row of the table input, with its {what}, by the link {one.header['link']}.",
        "Write your table here: FROM your_table AS input. Its columns hold what they held in training, by these types:",
        f"{columns}.",
        f"Missing is what is NULL or NaN, and what is empty or one of {json.dumps(one.header['missing'])}.",
        "Spaces around texts do not count. A level that is a number is called by it: 1 where the column has 1.0, 1.00.",
        "A time stamp with a zone counts in UTC. Numbers, truths and dates that were texts in training may be either;",
        "a category must be the text that it was: where it looks like a number, declare the column as VARCHAR.",
        "Not done: columns of other types are not converted; a text that is no number or no date is an error; and what",
        "predict refuses, a level, a missing or an infinite number, is not refused: NULL stands for the prediction.",
        json.dumps(record, allow_nan=False),
    ]
    return "".join(f"-- {line}\n" for line in lines)


def _written(design: Numbers | Levels) -> str:
    """Say how a text is written that a program would read otherwise."""
    stored = {} if isinstance(design, Levels) else design.notation.to_json()
    return f" ({', '.join(f'{key} {value}' for key, value in stored.items())})" if stored else ""


def _read(artefact: Artefact, types: Mapping[str, str]) -> Iterator[str]:
    """Yield what is read of each column."""
    feature, missing = 0, artefact.header["missing"]
    for number, design in enumerate(artefact.encoder.designs):
        if isinstance(design, Levels):
            found = place_of(design, types[design.name], places_of(artefact, design, feature), missing)
        else:
            found = value_of(design, types[design.name], missing)
        yield f"{found} AS n{number}"
        feature += sum(1 for _ in design.features())


def _scaled(artefact: Artefact) -> str:
    """Return the design columns, scaled, in the precision of the weights, each with its name as a comment."""
    values = [*_features(artefact)]
    named = zip(values, artefact.columns, strict=True)
    lines = [(f"{value} AS x{place}", _quoted(name)) for place, (value, name) in enumerate(named, 1)]
    return "\n  ".join(f"{text}{',' * (text != lines[-1][0])}  -- {name}" for text, name in lines)


def _features(artefact: Artefact) -> Iterator[str]:
    shift, scale, kind = artefact.x_shift.tolist(), artefact.x_scale.tolist(), artefact.weight.dtype.type
    feature = 0

    def flags() -> list[str]:
        return [literal(float(kind((value - shift[feature]) / scale[feature]))) for value in (1.0, 0.0)]

    for number, design in enumerate(artefact.encoder.designs):
        value = f"read.n{number}"
        if isinstance(design, Levels):
            for _ in design.features():
                one, zero = flags()
                yield f"CASE WHEN {value} = {feature} THEN {one} WHEN {value} <> {feature} THEN {zero} END"
                feature += 1
            continue
        for part, filled in enumerate(_filled(design, value)):
            yield _rounded(
                f"({filled} - {literal(shift[feature + part])}) / {literal(scale[feature + part])}", artefact
            )
        feature += design.width
        if design.indicator:
            there = f"{value} IS NOT NULL" if design.role == "date" else f"{value} <= {INFINITY}"
            one, zero = flags()
            yield f"CASE WHEN {there} THEN {zero} ELSE {one} END"
            feature += 1


def _filled(design: Numbers, value: str) -> Iterator[str]:
    """Yield numbers with what fills their holes, NULL where they are refused: infinite, or missing without a fill."""
    for place in range(design.width):
        fill = "NULL" if design.fill is None else literal(design.fill[place])
        if design.role == "date":
            yield f"COALESCE({part_of(value, design.parts[place])}, {fill})"
        else:
            # NaN is neither, even to a database that takes it for the largest number of all
            size = f"ABS({value})"
            yield f"CASE WHEN {size} < {INFINITY} THEN {value} WHEN {size} = {INFINITY} THEN NULL ELSE {fill} END"


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
    least = literal(-EXPONENT)
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


TARGET = Target(file="model.sql", packages=("duckdb",), write=write, predict=predict, check=check)
