"""A table of the user's own: a file, files, SQL, or a frame from Python."""

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Annotated, Any, Literal
from weakref import finalize

from pydantic import NonNegativeInt, PositiveInt, StringConstraints

from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Table, Task
from onelayer.data.tables.names import Name, Names, Texts
from onelayer.data.tables.notation import Conventions
from onelayer.data.tables.opening import open_rows
from onelayer.data.tables.roles import Said
from onelayer.data.tables.rows import Rows
from onelayer.data.tables.sql import interruptible
from onelayer.data.tables.understanding import fetch, understand
from onelayer.errors import UserError

MISSING = ("NA", "N/A", "?", "NaN", "nan", "null", "NULL")


def table(
    *,
    path: str | None = None,
    val_path: str | None = None,
    test_path: str | None = None,
    query: str | None = None,
    target: Name | None = None,
    drop: Names = (),
    numeric: Names = (),
    category: Names = (),
    boolean: Names = (),
    date: Names = (),
    sample_weight: Name | None = None,
    missing: Texts = MISSING,
    encoding: Literal["utf-8", "latin-1", "utf-16", "auto"] = "utf-8",
    names: Names | None = None,
    skip_rows: NonNegativeInt = 0,
    comment: Annotated[str, StringConstraints(min_length=1)] | None = None,
    decimal: Literal[".", ","] | None = None,
    thousands: Literal[",", ".", " ", "'"] | None = None,
    date_format: str | None = None,
    stream: bool = False,
    block_rows: PositiveInt = 262144,
    by: Name | None = None,
    task: Task | None = None,
) -> Table | Stream:
    """Read a file or a query.

    Args:
        path: a file (.csv, .tsv, .txt, .parquet, .json, .jsonl, .ndjson, also .gz and .zst), a pattern of files, or a
            folder of Parquet files.
        val_path: files of the validation rows, likewise; each column is read alike in all files.
        test_path: files of the test rows.
        query: one SELECT of duckdb's SQL; either this or `path`.
        target: the column to be learnt.
        drop: columns to leave out.
        numeric: columns to read as numbers.
        category: columns to read as levels.
        boolean: columns to read as 0 and 1.
        date: columns to read as parts of a date.
        sample_weight: the column of weights.
        missing: texts that mean a missing value, as an empty one always does.
        encoding: of text files; auto: found from their bytes.
        names: of the columns of text files without a header.
        skip_rows: lines on top of text files that are no part of the table.
        comment: what lines of text files begin with that are no part of the table, such as #.
        decimal: the decimal sign of numbers in texts; None: as each column looks.
        thousands: the sign between groups of three digits; None: there is none.
        date_format: how dates are written in texts, as strptime takes it; None: as each column looks.
        stream: leave the rows on disk and read them block by block.
        block_rows: rows of such a block.
        by: the column that the split goes by.
        task: what the target is read as; None: as it looks.

    Raises:
        UserError: what is asked for cannot be read so.
    """
    parts = {name: its for name, its in (("val", val_path), ("test", test_path)) if its is not None}
    if stream and parts:
        raise UserError(
            f"data.{next(iter(parts))}_path needs the rows in memory, and data.stream=true reads few; set "
            "data.stream=false, or join the files in data.query and let data.split draw"
        )
    folder = Path(mkdtemp(prefix="onelayer-")) if stream else None
    try:
        with interruptible():
            rows = open_rows(
                path=path,
                query=query,
                missing=missing,
                encoding=encoding,
                names=names,
                skip_rows=skip_rows,
                comment=comment,
                folder=folder,
                parts=parts,
                conventions=Conventions(decimal, thousands, date_format),
                **text_columns(target, task, category, date),
            )
    except BaseException:  # Ctrl-C too
        if folder is not None:
            rmtree(folder, ignore_errors=True)
        raise
    if folder is not None:
        finalize(rows, rmtree, folder, ignore_errors=True)
    said = Said(
        required(target, rows),
        sample_weight=sample_weight,
        by=by,
        drop=drop,
        numeric=numeric,
        category=category,
        boolean=boolean,
        date=date,
        task=task,
    )
    table = understand(rows, said)
    return fetch(table) if folder is None else Stream.of(table, block_rows)


def text_columns(target: str | None, task: Task | None, category: Sequence[str], date: Sequence[str]) -> dict[str, Any]:
    """Say which columns of a text file are to be kept as they are written, as `open_rows` takes it."""
    is_class = target is not None and task in ("binary", "multiclass")
    return {"texts": {*category, *date, *([target] if is_class else [])}, "target": target}


def table_of(
    frame: Any,
    *,
    target: Name | None = None,
    drop: Names = (),
    numeric: Names = (),
    category: Names = (),
    boolean: Names = (),
    date: Names = (),
    sample_weight: Name | None = None,
    missing: Texts = MISSING,
    by: Name | None = None,
    task: Task | None = None,
) -> Table:
    """Read a pandas or polars frame or an Arrow table; an index is no column.

    Args:
        frame: the rows.
        target: the column to be learnt; for the others, see `table`.

    Raises:
        UserError: what is asked for cannot be read so.
    """
    rows = open_rows(frame=frame, missing=missing)
    said = Said(
        required(target, rows),
        sample_weight=sample_weight,
        by=by,
        drop=drop,
        numeric=numeric,
        category=category,
        boolean=boolean,
        date=date,
        task=task,
    )
    return fetch(understand(rows, said))


def required(target: str | None, rows: Rows) -> str:
    """Return the name of the target.

    Raises:
        UserError: none is given; lists the columns that there are.
    """
    if target is not None:
        return target
    listed = ", ".join(name for name, _ in rows.columns[:30]) + (", ..." if len(rows.columns) > 30 else "")
    called = any(name == "null" for name, _ in rows.columns)
    hint = " (that one is written data.target='\"null\"')" if called else ""
    raise UserError(f"data.target: name the column to be learnt; there are {listed}{hint}")
