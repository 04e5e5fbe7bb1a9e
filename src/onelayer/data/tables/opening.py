"""Open a table: whatever it is read from becomes `rows` in a duckdb connection."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onelayer.data.tables import delimited, sql
from onelayer.data.tables.delimited_types import NUMBER, Types, create, few_values, numeric_columns
from onelayer.data.tables.dialect import Dialect
from onelayer.data.tables.files import Files
from onelayer.data.tables.like import Like
from onelayer.data.tables.measured import INTEGERS
from onelayer.data.tables.names import distinct_names
from onelayer.data.tables.notation import UNSAID, Conventions
from onelayer.data.tables.parts import Sizes, files_of_parts, sizes_of, typed_source, union_of
from onelayer.data.tables.plain import read_plain
from onelayer.data.tables.query import Query
from onelayer.data.tables.rows import Rows
from onelayer.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SNIFFED = 20480
READERS = {"parquet": "read_parquet", "json": "read_json"}


def open_rows(
    *,
    path: str | None = None,
    query: str | None = None,
    frame: Any = None,
    missing: Sequence[str | float] = (),
    encoding: str = "utf-8",
    names: Sequence[str] | None = None,
    skip_rows: int = 0,
    comment: str | None = None,
    folder: Path | None = None,
    conventions: Conventions = UNSAID,
    texts: Collection[str] = (),
    target: str | None = None,
    parts: Mapping[str, str] | None = None,
    like: Like | None = None,
) -> Rows:
    """Read a table into duckdb.

    Args:
        path: a file, a pattern, or a folder of Parquet files.
        query: one SELECT of duckdb's SQL.
        frame: a pandas or polars frame or an Arrow table.
        missing: texts that mean a missing value, as the empty one always does; a number stands for its text, since a
            command line hands on -999 so.
        encoding: of delimited files.
        names: of the columns of delimited files without a header.
        skip_rows: lines on top of delimited files that are no part of the table.
        comment: what lines of delimited files begin with that are no part of the table.
        folder: for the database, where it may be larger than memory; None: in memory.
        conventions: how numbers and dates are written, as the user says.
        texts: columns of delimited files that are kept as they are written.
        target: of delimited files, kept as it is written where its values may be classes.
        parts: paths of validation and test rows, by part; `path` then has the train rows.
        like: what is known of delimited files from another, instead of encoding, names, conventions and target.

    Raises:
        UserError: there is not exactly one of path, query and frame, or it cannot be read.
    """
    if sum(one is not None for one in (path, query, frame)) != 1:
        raise UserError(
            "data=table reads either data.path, a file, or data.query, a SELECT; "
            + ("both are given" if path is not None else "none is given")
        )
    if parts and path is None:
        raise UserError(f"data.{next(iter(parts))}_path goes with data.path, the file of the train rows; set data.path")
    conventions.check()
    connection, spelled = sql.connect(folder), tuple(dict.fromkeys(["", *map(str, missing)]))
    if frame is not None:
        return replace(_open_frame(connection, frame, spelled), conventions=conventions)
    if query is not None:
        _refuse_for("data.query", encoding, names, skip_rows, comment)
        return replace(_open_query(connection, query, spelled), conventions=conventions)
    assert path is not None
    of_parts = files_of_parts(path, parts or {})
    files = Files(tuple(one for its in of_parts.values() for one in its.paths), of_parts["train"].form)
    if files.form == "delimited":
        if like is not None:
            dialect, notes = like.dialect(connection, files.paths, spelled)
            plain_numbers = {name: NUMBER for name in dialect.columns if name in like.numbers}
            # no text of a column that is kept is a missing value; in features these are found later
            strict = replace(dialect, missing=spelled[:1]) if texts else dialect
            types, more = read_plain(connection, strict, lambda form: create(connection, form, plain_numbers))
            return replace(_rows(connection, path, spelled, notes + more, dialect), types=types)
        dialect, notes = delimited.detect(
            connection,
            files.paths,
            missing=spelled,
            encoding=encoding,
            names=names,
            skip_rows=skip_rows,
            comment=comment,
        )

        def read(form: Dialect) -> tuple[Types, Sizes]:
            numbers = numeric_columns(connection, form) if conventions.notation().decimal != "," else {}
            kept = {*texts, *([target] if target in numbers and few_values(connection, form, target) else [])}
            types = create(connection, form, {name: kind for name, kind in numbers.items() if name not in kept})
            return types, sizes_of(connection, form, of_parts) if parts else ()

        (types, sizes), more = read_plain(connection, dialect, read)
        rows = _rows(connection, path, spelled, notes + more, dialect)
        return replace(rows, conventions=conventions, types=types, sizes=sizes)
    _refuse_for(path, encoding, names, skip_rows, comment)
    return replace(_open_typed(connection, path, of_parts, spelled), conventions=conventions)


def _open_typed(
    connection: "DuckDBPyConnection", path: str, files: Mapping[str, Files], missing: tuple[str, ...]
) -> Rows:
    import duckdb

    reader = READERS[files["train"].form]
    try:
        if len(files) == 1:
            source = typed_source(connection, reader, files["train"].paths)
            return _created(connection, f"SELECT * FROM {source}", path, missing)
        query, sizes, notes = union_of(connection, files, reader)
        rows = _created(connection, query, path, missing)
        return replace(rows, sizes=sizes, notes=(*rows.notes, *notes))
    except duckdb.Error as error:
        raise sql.refusal(path, error) from None


def _open_query(connection: "DuckDBPyConnection", query: str, missing: tuple[str, ...]) -> Rows:
    import duckdb

    try:
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise UserError("data.query must be one SELECT, such as select * from 'rides.csv'")
        rows = _created(connection, statements[0].query.strip().rstrip("; \n"), "data.query", missing)
    except duckdb.Error as error:
        raise sql.refusal(f"data.query={query}", error) from None
    notes = (*rows.notes, *_notes_of_query(connection, query, rows))
    return replace(rows, notes=notes, query=Query.of(connection, statements[0].query.strip().rstrip("; \n")))


def _notes_of_query(connection: "DuckDBPyConnection", query: str, rows: Rows) -> Iterator[str]:
    """Say what duckdb does in silence where a query names text files."""
    unnamed = [name for name, _ in rows.columns if re.fullmatch(r"column\d+", name)]
    if unnamed:
        yield f"{', '.join(unnamed[:3])} may be duckdb's names for a file without a header; see names= of read_csv"
    ((_, plan),) = connection.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()
    # its estimates of rows are rough
    read = [
        int(count) for count in re.findall(r'"Function": "READ_CSV.*?"Estimated Cardinality": "(\d+)"', plan, re.DOTALL)
    ]
    narrow = [name for name, kind in rows.columns if kind in INTEGERS or kind == "DATE"]
    if narrow and "sample_size" not in query and max(read, default=0) > SNIFFED / 2:
        yield (
            f"in data.query duckdb finds the types of a text file in its first {SNIFFED} rows, and rounds a later 1.5 "
            f"in a column of integers ({', '.join(narrow[:3])}); to look at all rows write "
            "read_csv('...', sample_size=-1), or read it by data.path"
        )


def _open_frame(connection: "DuckDBPyConnection", frame: Any, missing: tuple[str, ...]) -> Rows:
    import duckdb

    try:
        connection.register("given", frame)
        rows = _created(connection, "SELECT * FROM given", "the table", missing)
        connection.unregister("given")
    except duckdb.Error as error:
        raise sql.refusal("the table", error) from None
    return rows


def _created(connection: "DuckDBPyConnection", query: str, source: str, missing: tuple[str, ...]) -> Rows:
    """Make `rows` of a query, each of its columns under a name of its own."""
    given = [name for name, *_ in connection.execute(f"DESCRIBE {query}").fetchall()]
    names, notes = distinct_names(given)
    aliases = ", ".join(sql.name(name) for name in names)
    connection.execute(f"CREATE TABLE rows AS SELECT * FROM (\n{query}\n) AS given({aliases})")
    return _rows(connection, source, missing, notes)


def _rows(
    connection: "DuckDBPyConnection",
    source: str,
    missing: tuple[str, ...],
    notes: tuple[str, ...],
    dialect: Dialect | None = None,
) -> Rows:
    ((count,),) = connection.execute("SELECT count(*) FROM rows").fetchall()
    if count == 0:
        raise UserError(f"{source}: the table has no rows")
    return Rows(connection, source, count, missing, dialect, notes)


def _refuse_for(source: str, encoding: str, names: Sequence[str] | None, skip_rows: int, comment: str | None) -> None:
    given = {"encoding": encoding != "utf-8", "names": names is not None}
    given |= {"skip_rows": skip_rows != 0, "comment": comment is not None}
    for key, is_given in given.items():
        if is_given:
            raise UserError(f"data.{key} is for delimited text that data.path names, not for {source}; leave it out")
