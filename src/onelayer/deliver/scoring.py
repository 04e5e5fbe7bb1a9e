"""Predictions for a table of any length: read, predicted and written block by block."""

import csv
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from functools import reduce
from io import StringIO
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, NamedTuple

from onelayer.data.encode import Counted
from onelayer.data.frame import Frame
from onelayer.data.tables import sql
from onelayer.data.tables.fetch import frames
from onelayer.data.tables.reading import Reading
from onelayer.data.tables.rows import Rows
from onelayer.deliver.matrices import matrix_of
from onelayer.deliver.model import Model, Predictions
from onelayer.deliver.opening import Named, open_table
from onelayer.deliver.place import written
from onelayer.deliver.reading import readings_of
from onelayer.errors import UserError, did_you_mean

# the separator of text; None: not text
FORMATS = {".csv": ",", ".tsv": "\t", ".parquet": None}
VALUE, PROBABILITY = "prediction", "probability_"


class Scored(NamedTuple):
    """What was written.

    Attributes:
        rows: how many.
        notes: what is to be known of them, a sentence each.
    """

    rows: int
    notes: tuple[str, ...]


def score(model: Model, table: str | Named, out: Path, *, ids: Sequence[str] = (), force: bool = False) -> Scored:
    """Write what a model says of each row of a table, in its order.

    The file has the columns `ids`, as they are in the table, then ``prediction``, and for classes
    ``probability_<class>`` for each. It is there as a whole or not at all.

    Args:
        model: predicts.
        table: a file, a pattern, or a folder of Parquet files; a file of numbers without columns, see `matrix_of`; or
            what else names a table, see `Named`.
        out: .csv, .tsv or .parquet.
        ids: columns to keep.
        force: write over a file that is there.

    Raises:
        UserError: the table is not one for this model, or the file cannot be written.
    """
    if out.suffix.lower() not in FORMATS:
        raise UserError(f"{out}: write a file that ends in {', '.join(FORMATS)}")
    ids, separator = tuple(dict.fromkeys(ids)), FORMATS[out.suffix.lower()]
    names = (*ids, *_names(model))
    _check(ids, model, out)
    named = Named.of(table)
    if out.exists() and named.path is not None and _is_of(named.path, out):
        raise UserError(f"{out}: that is the table itself, whose other columns would be lost; choose another name")
    folder = Path(mkdtemp(prefix="onelayer-"))
    try:
        with written(out, force=force) as partial, sql.interruptible():
            matrix = matrix_of(model, named)
            readings: Sequence[Reading] = ()
            if matrix is not None:
                matrix.refuse_columns("--id", ids)
                rows, read = matrix.rows(), matrix.frames()
            else:
                rows = open_table(model.artefact, named, folder=folder, texts=ids)
                readings = readings_of(rows, model.artefact.encoder)
                read = frames(rows, readings)
            kept = _kept(rows, ids)
            notes = (*rows.notes, *(reading.note for reading in readings if reading.note), *_predict(rows, read, model))
            said = [f"predictions.{_place(place)}" for place in range(len(names) - len(ids))]
            columns = ", ".join(f"{one} AS {sql.name(name)}" for one, name in zip(kept + said, names, strict=True))
            asked = f"SELECT {columns} FROM rows POSITIONAL JOIN predictions"
            rows.all(f"COPY ({asked}) TO {sql.text(str(partial))} ({_form(separator, names)})")
            rows.connection.close()
    finally:
        rmtree(folder, ignore_errors=True)
    return Scored(rows.count, notes)


def _is_of(table: str, out: Path) -> bool:
    """Tell whether a file is what a table is read from: a file, a pattern, or a folder."""
    read, written_to = Path(table).expanduser(), out.resolve()
    if read.exists():
        return written_to in (read.resolve(), read.resolve() / out.name)
    return fnmatch(str(written_to), str(read.absolute()))


def _names(model: Model) -> tuple[str, ...]:
    """Return what the columns of predictions are called in the file."""
    return (VALUE, *(f"{PROBABILITY}{name}" for name in model.classes or ()))


def _check(ids: Sequence[str], model: Model, out: Path) -> None:
    said = {one.casefold(): one for one in _names(model)}
    for name in ids:
        if name.casefold() in said:
            raise UserError(
                f"--id {name}: the file has the column '{said[name.casefold()]}' for what the model says; leave the id "
                "out, or give the column of the table another name"
            )
    if len(said) < len(_names(model)) and FORMATS[out.suffix.lower()] is None:
        raise UserError(
            f"{out}: some of the classes {', '.join(model.classes or ())} differ in capital letters alone, which the "
            "columns of a Parquet file may not; write a .csv file"
        )


def _form(separator: str | None, names: Sequence[str]) -> str:
    """Return how duckdb writes the file; of text the header is ours, since duckdb renames what differs in case."""
    if separator is None:
        return "FORMAT parquet"
    header = StringIO()
    csv.writer(header, delimiter=separator, lineterminator="\n").writerow(names)
    return f"FORMAT csv, HEADER false, DELIMITER '{separator}', PREFIX {sql.text(header.getvalue())}, SUFFIX '\n'"


def _place(number: int) -> str:
    """Name a column of predictions, whatever it is called in the file."""
    return f"p{number}"


def _kept(rows: Rows, ids: Sequence[str]) -> list[str]:
    types = dict(rows.columns)
    for name in ids:
        if name not in types:
            raise UserError(f"--id {name}: {rows.source} has no such column{did_you_mean(name, types)}")
    return [f"rows.{sql.name(name)}" for name in ids]


def _predict(rows: Rows, read: Iterable[Frame], model: Model) -> tuple[str, ...]:
    """Make the table `predictions`, a row for each of `rows`, of which `read` are those that the model sees."""
    encoder = model.artefact.encoder
    counted: list[Counted] = []
    writer = rows.connection.cursor()
    first = True
    for frame in read:
        counted.append(Counted.of(frame))
        writer.register("block", _columns(model.of_frame(frame)))
        writer.execute(
            "CREATE TABLE predictions AS SELECT * FROM block"
            if first
            else "INSERT INTO predictions SELECT * FROM block"
        )
        first = False
    return encoder.unseen(reduce(Counted.plus, counted), "rows") if counted else ()


def _columns(said: Predictions) -> dict[str, Any]:
    probabilities = [] if said.probability is None else [one.copy() for one in said.probability.T]
    return {_place(number): column for number, column in enumerate([said.value, *probabilities])}
