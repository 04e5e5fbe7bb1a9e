"""A table as a model needs it: columns found by their names, and each cell read as the model's own schema says."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from onelayer.data.encode import Encoder
from onelayer.data.encode.design import Design, Levels
from onelayer.data.tables.measure import measure
from onelayer.data.tables.measured import Measured, kind_of
from onelayer.data.tables.notation import PLAIN
from onelayer.data.tables.origin import Origin
from onelayer.data.tables.reading import Reading, canonical, codes_of, number_of, read_as
from onelayer.data.tables.rows import Rows
from onelayer.data.tables.texts import as_written
from onelayer.errors import UserError, did_you_mean

# what a column may hold that had a role in training; a text is read as the model says
KINDS = {
    "numeric": ("number", "boolean", "text"),
    "boolean": ("boolean", "number", "text"),
    "date": ("date", "timestamp", "text"),
}


def plain_numbers(encoder: Encoder) -> set[str]:
    """Return the columns of a model whose texts are numbers as programs write them."""
    return {
        design.name
        for design in encoder.designs
        if not isinstance(design, Levels) and design.role == "numeric" and design.notation.is_plain
    }


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
    columns = as_they_stand(rows, names)
    return tuple(_reading(rows, columns[design.name], design) for design in encoder.designs)


def as_they_stand(rows: Rows, names: Collection[str]) -> dict[str, Measured]:
    """Return columns by their names, with no look at what their texts may be."""
    types = {name: type_name for name, type_name in rows.columns if name in names}
    texts = {name for name, type_name in types.items() if kind_of(type_name) == "text"}
    columns = {column.name: column for column in measure(rows, types.keys() - texts)}
    return columns | {name: as_written(rows, name, types[name]) for name in texts}


def answers(rows: Rows, target: str, classes: Sequence[str] | None, origin: Origin) -> str:
    """Find how the target is read: SQL, of a number DOUBLE, of a class its place in those of the model, -1 if missing.

    Raises:
        UserError: there is no such column, or it holds what training did not know.
    """
    columns = as_they_stand(rows, [target])
    if not columns:
        hint = did_you_mean(target, [name for name, _ in rows.columns])
        raise UserError(f"{rows.source}: there is no column '{target}' to compare predictions with{hint}")
    column = columns[target]
    said = f"{rows.source}: column '{target}' was a number in training"
    if classes is None:
        if column.present and column.kind not in KINDS["numeric"]:
            raise UserError(f"{said}, and holds {column.type.lower()} here; give it what it held then")
        number = number_of(rows, replace(column, notation=origin.target), said)
        return f"coalesce(CAST({number} AS DOUBLE), 'nan'::DOUBLE)"
    levels, code = codes_of(rows, _as_level(column, typed=origin.typed))
    new = [level for level in levels if level not in classes]
    if new:
        raise UserError(
            f"{rows.source}: column '{target}' holds {new[0]!r}, which is none of the classes that the model knows "
            f"({', '.join(classes[:8])})"
        )
    places = ", ".join(str(classes.index(level)) for level in levels)
    return f"coalesce([{places}][({code}) + 1], -1)" if levels else "-1"


def _reading(rows: Rows, column: Measured, design: Design) -> Reading:
    said = f"{rows.source}: column '{design.name}' was {design.role} in training"
    kinds = KINDS.get(design.role)
    if kinds is not None and column.present and column.kind not in kinds:
        raise UserError(f"{said}, and holds {column.type.lower()} here; give it what it held then")
    if isinstance(design, Levels):
        reading = read_as(rows, _as_level(column, typed=design.typed), design.role, said)
        if column.kind != "number" or design.lost_as_number is None:
            return reading
        note = f"'{design.name}' holds {column.type.lower()} here, which cannot be the level '{design.lost_as_number}'"
        return replace(reading, note=note)
    return read_as(rows, replace(column, notation=design.notation), design.role, said, design.parts)


def _as_level(column: Measured, *, typed: bool) -> Measured:
    """Return a column whose texts are levels: as they are written, or where levels were numbers by their value."""
    if column.kind != "text" or not typed:
        return column
    number = canonical(PLAIN.number_sql(column.value))
    return replace(column, text=f"coalesce({number}, {column.value})")
