"""Predictions for a table of any length: read, predicted and written block by block."""

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, NamedTuple

import numpy as np

from onelayer.data.tables import sql
from onelayer.data.tables.fetch import frames
from onelayer.data.tables.opening import Rows, open_rows
from onelayer.deliver.model import Model, Predictions
from onelayer.deliver.place import written
from onelayer.deliver.reading import readings_of
from onelayer.errors import UserError, did_you_mean

FORMATS = {
    ".csv": "FORMAT csv, HEADER",
    ".tsv": "FORMAT csv, HEADER, DELIMITER '\t'",
    ".parquet": "FORMAT parquet",
}
VALUE, PROBABILITY = "prediction", "probability_"


class Scored(NamedTuple):
    """What was written.

    Attributes:
        rows: how many.
        notes: what is to be known of them, a sentence each.
    """

    rows: int
    notes: tuple[str, ...]


def score(model: Model, table: str, out: Path, *, ids: Sequence[str] = (), force: bool = False) -> Scored:
    """Write what a model says of each row of a table, in its order.

    The file has the columns `ids`, as they are in the table, then ``prediction``, and for classes
    ``probability_<class>`` for each. It is there as a whole or not at all.

    Args:
        model: predicts.
        table: a file, a pattern, or a folder of Parquet files.
        out: .csv, .tsv or .parquet.
        ids: columns to keep.
        force: write over a file that is there.

    Raises:
        UserError: the table is not one for this model, or the file cannot be written.
    """
    form = FORMATS.get(out.suffix.lower())
    if form is None:
        raise UserError(f"{out}: write a file that ends in {', '.join(FORMATS)}")
    folder = Path(mkdtemp(prefix="onelayer-"))
    try:
        with written(out, force=force) as partial, sql.interruptible():
            rows = open_rows(path=table, missing=model.artefact.header["missing"], folder=folder, texts=ids)
            kept = _kept(rows, ids)
            notes = _predict(rows, model)
            columns = ", ".join([*kept, "predictions.*"])
            asked = f"SELECT {columns} FROM rows POSITIONAL JOIN predictions"
            rows.all(f"COPY ({asked}) TO {sql.text(str(partial))} ({form})")
            rows.connection.close()
    finally:
        rmtree(folder, ignore_errors=True)
    return Scored(rows.count, notes)


def _kept(rows: Rows, ids: Sequence[str]) -> list[str]:
    types = dict(rows.columns)
    for name in ids:
        if name not in types:
            raise UserError(f"--id {name}: {rows.source} has no such column{did_you_mean(name, types)}")
    # what is called BIGINT or DATE may be held as something wider
    return [f"CAST({sql.name(name)} AS {types[name]}) AS {sql.name(name)}" for name in ids]


def _predict(rows: Rows, model: Model) -> tuple[str, ...]:
    """Make the table `predictions`, a row for each of `rows`."""
    encoder = model.artefact.encoder
    readings = readings_of(rows, encoder)
    counts = [np.zeros(len(one.column.levels) + 1, np.int64) for one in readings if one.column.role == "category"]
    writer = rows.connection.cursor()
    first = True
    for frame in frames(rows, readings):
        for place, count in enumerate(counts):
            count += np.bincount(frame.codes[:, place] + 1, minlength=len(count))
        writer.register("block", _columns(model, model.of_frame(frame)))
        writer.execute(
            "CREATE TABLE predictions AS SELECT * FROM block"
            if first
            else "INSERT INTO predictions SELECT * FROM block"
        )
        first = False
    columns = tuple(one.column for one in readings)
    return encoder.unseen_among(columns, counts, "rows")


def _columns(model: Model, said: Predictions) -> dict[str, Any]:
    columns: dict[str, Any] = {VALUE: said.value}
    if said.probability is not None and model.classes is not None:
        for place, name in enumerate(model.classes):
            columns[f"{PROBABILITY}{name}"] = said.probability[:, place].copy()
    return columns
