"""A table understood: what each column is for and how it is read."""

from collections.abc import Sequence
from dataclasses import dataclass

from onelayer.data.table import Table
from onelayer.data.tables import sql
from onelayer.data.tables.fetch import Unfetched, fetch_column
from onelayer.data.tables.measure import measure
from onelayer.data.tables.measured import Measured
from onelayer.data.tables.notation import PLAIN
from onelayer.data.tables.origin import Origin
from onelayer.data.tables.parts import part_of_rows
from onelayer.data.tables.reading import Reading, read_as
from onelayer.data.tables.roles import Said, Use, check, is_feature, use_of
from onelayer.data.tables.rows import Rows
from onelayer.data.tables.target import (
    Target,
    by_of,
    drop_uncounted,
    drop_unlabelled,
    fetch_target,
    read_target,
    weight_of,
)
from onelayer.errors import UserError


@dataclass(frozen=True)
class Understood:
    """An open table with the use of each column.

    Attributes:
        rows: the table; those without a target, and of weight 0, are deleted.
        columns: in the table's order, each with its use.
        readings: the features, in the same order.
        target: how it is read; None where none is named.
        notes: what was understood, left out or mended, a sentence each.
    """

    rows: Rows
    columns: tuple[tuple[Measured, Use], ...]
    readings: tuple[Reading, ...]
    target: Target | None
    notes: tuple[str, ...]

    @property
    def origin(self) -> Origin:
        """How the table is written, as others like it are to be read."""
        target, file = self.target, self.rows.dialect
        return Origin(
            PLAIN if target is None else target.notation,
            target is not None and target.typed,
            None if file is None else file.form,
            self.rows.query,
        )

    def used_as(self, use: Use) -> Measured | None:
        """Return the column of a use that only one has."""
        return next((column for column, its in self.columns if its == use), None)


def understand(rows: Rows, said: Said) -> Understood:
    """Find the use of each column and how it is read.

    Args:
        rows: the table.
        said: by the user.

    Raises:
        UserError: what is said does not fit the table, or no feature is left.
    """
    check(said, [name for name, _ in rows.columns])
    columns = measure(rows, roles=said.forced)
    notes = list(rows.notes)
    target = None
    if said.target is not None:
        of_target = next(one for one in columns if one.name == said.target)
        dropped = drop_unlabelled(rows, of_target)
        weight = next((one for one in columns if one.name == said.sample_weight), None)
        if weight is not None:
            dropped += drop_uncounted(rows, weight)
        if dropped:
            columns = measure(rows, roles=said.forced)
            notes += dropped
            of_target = next(one for one in columns if one.name == said.target)
        target = read_target(rows, of_target, said)
        notes += [target.note] if target.note else []
    used: list[tuple[Measured, Use]] = []
    readings = []
    for column in columns:
        use, why = use_of(column, said)
        used.append((column, use))
        notes += [] if use == "dropped" else column.notes
        notes += [] if use == "dropped" or column.name in said.forced else column.guesses
        notes += [] if why is None else [why]
        if is_feature(use):
            asked = f"data.{said.forced[column.name]}=[{column.name}]" if column.name in said.forced else ""
            readings.append(read_as(rows, column, use, asked))
    _refuse_idle(rows, columns)
    if not readings:
        raise UserError(
            f"{rows.source}: no column is left as a feature ({_uses(used)})" + "".join(f"; {one}" for one in notes[:3])
        )
    return Understood(rows, tuple(used), tuple(readings), target, tuple(notes))


def _refuse_idle(rows: Rows, columns: Sequence[Measured]) -> None:
    """Refuse what is said of how texts are written where no text is."""
    conventions = rows.conventions
    texts = [column for column in columns if column.text is not None]
    dates = [column for column in texts if column.kind in ("date", "timestamp")]
    numbers = [column.text for column in texts if column.kind == "number"]

    def occurs(sign: str | None) -> bool:
        contained = " OR ".join(
            f"coalesce(bool_or(contains({text}, {sql.text(sign or '')})), false)" for text in numbers
        )
        return bool(numbers) and rows.one(f"SELECT {contained} FROM rows") == (True,)

    idle = {
        "date_format": not any(column.notation.date == conventions.date_format for column in dates),
        "decimal": conventions.decimal == "," and not occurs(","),
        "thousands": conventions.thousands != " " and not occurs(conventions.thousands),
    }
    for key, is_idle in idle.items():
        if getattr(conventions, key) is not None and is_idle:
            what = "date" if key == "date_format" else "number"
            raise UserError(
                f"data.{key}={getattr(conventions, key)}: no column of {rows.source} holds {what}s that are written "
                "so; leave it out"
            )


def fetch(table: Understood) -> Table:
    """Fetch all but the features, which follow when it is known which rows are for what.

    Raises:
        UserError: a weight or a value of the split that does not do.
    """
    assert table.target is not None
    weight, by = table.used_as("weight"), table.used_as("split")
    features = Unfetched(table.rows, table.readings)
    return Table(
        features,
        fetch_target(table.rows, table.target),
        tuple(one.name for one in features.columns),
        table.target.name,
        classes=table.target.classes,
        sample_weight=None if weight is None else fetch_column(table.rows, weight_of(table.rows, weight)),
        by=None if by is None else fetch_column(table.rows, by_of(table.rows, by)),
        part=part_of_rows(table.rows),
        origin=table.origin,
        notes=table.notes,
    )


def _uses(used: Sequence[tuple[Measured, Use]]) -> str:
    return ", ".join(f"'{column.name}' is {use}" for column, use in used[:8]) + (", ..." if len(used) > 8 else "")
