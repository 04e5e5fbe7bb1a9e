"""A table as a model needs it: columns found by their names, and read as in training."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from onelayer.data.encode import Encoder
from onelayer.data.encode.design import Design, Levels
from onelayer.data.tables.measure import measure
from onelayer.data.tables.measured import Measured
from onelayer.data.tables.opening import Rows, open_rows
from onelayer.data.tables.reading import Reading, codes_of, number_of, read_as
from onelayer.errors import UserError, did_you_mean

# what duckdb finds in a column that may hold what a role had in training; text where all of it reads so
KINDS = {
    "numeric": ("number", "boolean", "text"),
    "boolean": ("boolean", "number", "text"),
    "date": ("date", "timestamp", "text"),
}


def opened(table: str, missing: Sequence[str], **how: Any) -> Rows:
    """Open a table that is no key of a configuration.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return open_rows(path=table, missing=missing, **how)
    except UserError as error:
        raise UserError(str(error).removeprefix("data.path=")) from None


def readings_of(rows: Rows, encoder: Encoder) -> tuple[Reading, ...]:
    """Find the columns that a model needs; in the order of training, whatever theirs is here.

    Raises:
        UserError: a column is missing, or holds something else than in training.
    """
    names = [design.name for design in encoder.designs]
    there = [name for name, _ in rows.columns]
    missing = [name for name in names if name not in there]
    if missing:
        several = len(missing) > 1
        named = ", ".join(f"'{name}'" for name in missing[:5]) + (", ..." if len(missing) > 5 else "")
        hint = did_you_mean(missing[0], there) or f"; there are {', '.join(there[:8])}{', ...' if there[8:] else ''}"
        raise UserError(
            f"{rows.source}: the model needs the column{'s' * several} {named}, which "
            f"{'are' if several else 'is'} not there{hint}"
        )
    found = {column.name: column for column in measure(rows, names)}
    return tuple(_reading(rows, found[design.name], design) for design in encoder.designs)


def answers(rows: Rows, target: str, classes: Sequence[str] | None) -> str:
    """Find how the target is read: SQL, of a number DOUBLE, of a class its place in those of the model, -1 if missing.

    Raises:
        UserError: there is no such column, or it holds what training did not know.
    """
    found = measure(rows, [target])
    if not found:
        hint = did_you_mean(target, [name for name, _ in rows.columns])
        raise UserError(f"{rows.source}: there is no column '{target}' to compare predictions with{hint}")
    (column,) = found
    said = f"{rows.source}: column '{target}' was a number in training"
    if classes is None:
        if column.present and column.kind not in KINDS["numeric"]:
            raise UserError(f"{said}, and holds {column.type.lower()} here; give it what it held then")
        return f"coalesce(CAST({number_of(rows, column, said)} AS DOUBLE), 'nan'::DOUBLE)"
    # texts that are all numbers were read as numbers, or as they are written
    for form in (replace(column, text=None) if column.kind == "number" else column, column):
        levels, code = codes_of(rows, form)
        if set(levels) <= set(classes):
            places = ", ".join(str(classes.index(level)) for level in levels)
            return f"coalesce([{places}][({code}) + 1], -1)"
    new = next(level for level in levels if level not in classes)
    raise UserError(
        f"{rows.source}: column '{target}' holds {new!r}, which is none of the classes that the model knows "
        f"({', '.join(classes[:8])})"
    )


def _reading(rows: Rows, column: Measured, design: Design) -> Reading:
    said = f"{rows.source}: column '{design.name}' was {design.role} in training"
    kinds = KINDS.get(design.role)
    if kinds is not None and column.present and column.kind not in kinds:
        raise UserError(f"{said}, and holds {column.type.lower()} here; give it what it held then")
    return read_as(rows, column, design.role, said, None if isinstance(design, Levels) else design.parts)
