"""A table as a model needs it: columns found by their names, and read as in training."""

from onelayer.data.encode import Encoder
from onelayer.data.encode.design import Design, Levels
from onelayer.data.tables.measure import measure
from onelayer.data.tables.measured import Measured
from onelayer.data.tables.opening import Rows
from onelayer.data.tables.reading import Reading, read_as
from onelayer.errors import UserError, did_you_mean

# what duckdb finds in a column that may hold what a role had in training; text where all of it reads so
KINDS = {"numeric": ("number", "text"), "boolean": ("boolean", "number", "text"), "date": ("date", "timestamp", "text")}


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


def _reading(rows: Rows, column: Measured, design: Design) -> Reading:
    said = f"{rows.source}: column '{design.name}' was {design.role} in training"
    kinds = KINDS.get(design.role)
    if kinds is not None and column.present and column.kind not in kinds:
        raise UserError(f"{said}, and holds {column.type.lower()} here; give it what it held then")
    return read_as(rows, column, design.role, said, None if isinstance(design, Levels) else design.parts)
