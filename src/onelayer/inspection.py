"""What is understood of a table, column by column, before anything is trained."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import wraps
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from onelayer.config import RunSpec
from onelayer.data.checked import call
from onelayer.data.encode import Encoder, EncodeSettings
from onelayer.data.frame import Role
from onelayer.data.given import given_parts
from onelayer.data.sources.table import table as table_source
from onelayer.data.sources.table import text_columns
from onelayer.data.table import PARTS
from onelayer.data.tables.fetch import fetch_frame
from onelayer.data.tables.measured import Measured
from onelayer.data.tables.names import Name
from onelayer.data.tables.notation import Conventions
from onelayer.data.tables.opening import open_rows
from onelayer.data.tables.parts import part_of_rows
from onelayer.data.tables.reading import level_of
from onelayer.data.tables.roles import FEATURES, Said, Use
from onelayer.data.tables.target import class_counts
from onelayer.data.tables.understanding import Understood, understand
from onelayer.terminal.table import Column, print_table

# what is shown of a column, and what gives way first on a narrow terminal
HEADER = {"column": None, "type": 5, "use": None, "missing": 40, "distinct": 10, "values": 20, "features": 30}
SHORTEST = {"column": 16, "values": 13, "features": 16}  # characters to which these may shrink before
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}
LONGEST_NAME = 24  # characters of a column's name that are shown
LONGEST_VALUE = 16  # of a value or a level; with names of that length a row has less than 200
EXAMPLES = 3  # levels of a category that are shown, the most frequent first
COUNTED = 100_000  # rows up to which distinct numbers are counted; beyond they are estimated


def show_table(config: Mapping[str, Any], console: Console) -> None:
    """Print what is understood of the table that a configuration of data=table names.

    Raises:
        UserError: it cannot be read, or not as the configuration says.
    """
    spec = RunSpec.from_config(config)
    found: Understood = call(_understood, spec.data.source, **spec.data.args, by=spec.data.split.by)
    assert spec.data.encode is not None
    frame, part = fetch_frame(found.rows, found.readings), part_of_rows(found.rows)
    train = frame if part is None else frame.take(np.flatnonzero(part == 0))
    encoder = Encoder.fit(train, EncodeSettings(**spec.data.encode.model_dump()))
    features = _features(encoder)
    console.print(Text(_headline(found, encoder.n_features)))
    rows, styles = [], []
    for column, use in found.columns:
        rows.append(
            (
                _short(column.name, LONGEST_NAME),
                _short(column.type.partition("(")[0].lower()),
                use,
                str(column.missing or ""),
                _distinct(found, column),
                _values(found, column, use),
                features.get(column.name, ""),
            )
        )
        styles.append("bold" if use == "target" else "" if use in FEATURES else "dim")
    columns = [
        Column(name, cells, weight, name in ("missing", "distinct"), SHORTEST.get(name))
        for (name, weight), cells in zip(HEADER.items(), zip(*rows, strict=True), strict=True)
    ]
    print_table(columns, console, styles)
    console.print(Text(_target_line(found)))
    # the train rows of a run are fewer, and decide for themselves
    here = ("train rows are all rows here; in training they are those that data.split leaves",) if encoder.notes else ()
    for note in (*found.notes, *given_parts(part), *encoder.notes, *here):
        console.print(Text(f"  {note}"))


@wraps(table_source, assigned=("__annotations__",))
def _understood(
    *,
    target: Name | None,
    missing: Sequence[str | float],
    decimal: str | None,
    thousands: str | None,
    date_format: str | None,
    stream: bool,
    block_rows: int,
    task: None,
    **given: Any,
) -> Understood:
    """Take the arguments of the source, and stop where it would fetch the rows; without a target it goes on too."""
    files = {key: given.pop(key) for key in ("path", "query", "encoding", "names", "skip_rows", "comment")}
    parts = {part: path for part in PARTS[1:] if (path := given.pop(f"{part}_path")) is not None}
    rows = open_rows(
        **files,
        missing=missing,
        parts=parts,
        conventions=Conventions(decimal, thousands, date_format),
        **text_columns(target, task, given["category"], given["date"]),
    )
    return understand(rows, Said(target, **given))


def _headline(found: Understood, n_features: int) -> str:
    rows, dialect = found.rows, found.rows.dialect
    form = ""
    if dialect is not None:
        files = f"{len(dialect.files)} files, " if len(dialect.files) > 1 else ""
        form = f" ({files}separated by {SEPARATORS[dialect.separator]}, {dialect.encoding})"
    return f"{rows.source}{form}: {rows.count} rows x {len(found.columns)} columns -> {n_features} features"


def _target_line(found: Understood) -> str:
    target = found.target
    if target is None:
        return "target: none is named; target=COLUMN shows how it is read, and leaves it out of the features"
    if target.classes is None:
        return f"target '{target.name}': a number -> regression"
    counts = class_counts(found.rows, target)
    shown = ", ".join(f"{_short(name)} {count}" for name, count in zip(target.classes[:10], counts, strict=False))
    more = f", and {len(counts) - 10} more" if len(counts) > 10 else ""
    task = "binary" if len(counts) == 2 else "multiclass"
    return f"target '{target.name}': {len(counts)} classes -> {task} ({shown}{more})"


def _features(encoder: Encoder) -> dict[str, str]:
    """Say of each column which features it becomes, when all rows are train rows."""
    of: dict[str, list[str]] = defaultdict(list)
    for feature in encoder.features:
        of[feature.column].append(feature.name)
    shown = {}
    for column, names in of.items():
        rest = [_short(name.removeprefix(column) or name) for name in names[1:EXAMPLES]]
        more = [f"... ({len(names)})"] if len(names) > EXAMPLES else []
        shown[column] = ", ".join([_short(names[0], LONGEST_NAME), *rest, *more])
    return shown


def _distinct(found: Understood, column: Measured) -> str:
    if column.distinct is not None or column.present == 0:
        return str(column.distinct or 0)
    if column.kind == "other":
        return ""
    exact = column.rows <= COUNTED
    count = "count(DISTINCT x)" if exact else "approx_count_distinct(x)"
    (number,) = found.rows.one(f"SELECT {count} FROM (SELECT {column.value} AS x FROM rows)")
    return str(number) if exact else f"~{number}"


def _values(found: Understood, column: Measured, use: Use | Role) -> str:
    if column.present == 0 or column.kind == "other":
        return ""
    if column.kind == "text" or use == "category":
        level = level_of(column)
        query = f"SELECT {level} FROM rows WHERE {level} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1"
        return ", ".join(_short(one) for (one,) in found.rows.all(f"{query} LIMIT {EXAMPLES}"))
    low, high = (f"{one:.6g}" if isinstance(one, float) else str(one) for one in (column.low, column.high))
    return low if low == high else f"{low} to {high}"


def _short(text: str, longest: int = LONGEST_VALUE) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
