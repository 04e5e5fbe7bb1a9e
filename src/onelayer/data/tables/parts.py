"""Files of validation and test rows beside those of train rows: one table, so that each column is read in one way."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from onelayer.data.table import PARTS, Array
from onelayer.data.tables import sql
from onelayer.data.tables.dialect import Dialect
from onelayer.data.tables.fetch import fetch_column
from onelayer.data.tables.files import Files, find_files
from onelayer.data.tables.measured import kind_of
from onelayer.data.tables.rows import Rows
from onelayer.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from onelayer.data.tables.rows import Rows

# parts and their rows, one part after the other
Sizes = tuple[tuple[str, int], ...]


def files_of_parts(path: str, others: Mapping[str, str]) -> dict[str, Files]:
    """List the files of each part, in the order of `PARTS`.

    Args:
        path: of the train rows.
        others: of validation and test rows.

    Raises:
        UserError: there is no such file, they are of several forms, or one is in two parts.
    """
    by_part = {"train": find_files(path)}
    for part in PARTS[1:]:
        if part not in others:
            continue
        argument = f"data.{part}_path={others[part]}"
        files = find_files(others[part], f"{part}_path")
        if files.form != by_part["train"].form:
            raise UserError(f"{argument}: it is {files.form}, but {path} is {by_part['train'].form}; save both alike")
        for other, its in by_part.items():
            if twice := {*files.paths} & {*its.paths}:
                raise UserError(f"{argument}: {min(twice)} holds the {other} rows, too; give each part rows of its own")
        by_part[part] = files
    return by_part


def typed_source(connection: "DuckDBPyConnection", reader: str, paths: Sequence[str]) -> str:
    """Return the SQL that reads files that know the types of their columns.

    duckdb goes by the types of the first file, and would round 1.5 of the second where the first holds integers.

    Raises:
        UserError: a column holds something else in one of them, or is not in it.
    """
    files = sql.texts(map(sql.literal_path, paths))
    source, joined = f"{reader}({files})", f"{reader}({files}, union_by_name = true)"
    if reader != "read_parquet" or len(paths) == 1:
        return source
    first, common = sql.types_of(connection, source), sql.types_of(connection, joined)
    if all(common[name] == kind for name, kind in first.items()):
        return source
    for path in paths:
        _refuse_misfit(first, paths[0], sql.types_of(connection, f"{reader}({sql.text(sql.literal_path(path))})"), path)
    return f"(SELECT {', '.join(map(sql.name, first))} FROM {joined})"


def _refuse_misfit(wanted: Mapping[str, str], first: str, there: Mapping[str, str], path: str) -> None:
    for name, kind in wanted.items():
        if name not in there:
            raise UserError(f"{path}: there is no column '{name}', which {first} has{did_you_mean(name, there)}")
        if kind_of(there[name]) != kind_of(kind):
            raise UserError(
                f"{path}: column '{name}' is {there[name].lower()}, but {kind.lower()} in {first}; save both alike"
            )


def union_of(
    connection: "DuckDBPyConnection", files: Mapping[str, Files], reader: str
) -> tuple[str, Sizes, tuple[str, ...]]:
    """Join the files of parts that know the types of their columns.

    Args:
        connection: to duckdb.
        files: of each part.
        reader: duckdb's function that reads them.

    Returns:
        SQL of all rows, with the columns of the train rows; rows of each part; what is to be said.

    Raises:
        UserError: a column of the train rows is not there, or holds something else.
    """
    selects, sizes, notes, wanted = [], {}, [], dict[str, str]()
    for part, its in files.items():
        source = typed_source(connection, reader, its.paths)
        there = sql.types_of(connection, source)
        wanted = wanted or there
        _refuse_misfit(wanted, files["train"].paths[0], there, its.paths[0])
        more = [f"'{name}'" for name in there if name not in wanted]
        if more:
            notes.append(f"columns of {its.paths[0]} that train rows do not have are left out: {', '.join(more[:8])}")
        selects.append(f"SELECT {', '.join(map(sql.name, wanted))} FROM {source}")
        sizes[part] = int(connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0])
    return " UNION ALL ".join(selects), tuple(sizes.items()), tuple(notes)


def sizes_of(connection: "DuckDBPyConnection", dialect: Dialect, files: Mapping[str, Files]) -> Sizes:
    """Count the rows of each part of delimited files, whose `rows` are one after the other in a table.

    The dialect's files are those of the parts, or copies of them, in the same order.
    """
    ((rows,),) = connection.execute("SELECT count(*) FROM rows").fetchall()
    sizes, start = dict.fromkeys(files, int(rows)), 0
    for part, its in files.items():
        start += len(its.paths)
        if part != "train":
            reader = replace(dialect, files=dialect.files[start - len(its.paths) : start]).reader
            sizes[part] = int(connection.execute(f"SELECT count(*) FROM {reader}").fetchall()[0][0])
            sizes["train"] -= sizes[part]
    return tuple(sizes.items())


def part_of_rows(rows: Rows) -> Array | None:
    """Return the part of each row, as `Table.part`; None where the files give none.

    Raises:
        UserError: no row of a part is left.
    """
    if not rows.sizes:
        return None
    bounds = accumulate(size for _, size in rows.sizes)
    cases = (f"WHEN rowid < {end} THEN {PARTS.index(part)}" for (part, _), end in zip(rows.sizes, bounds, strict=True))
    part_of_each = fetch_column(rows, f"CASE {' '.join(cases)} END")
    for part, _ in rows.sizes:
        if not (part_of_each == PARTS.index(part)).any():
            key = "data.path" if part == "train" else f"data.{part}_path"
            raise UserError(f"{key}: none of its rows has a target, so that no {part} row is left")
    return part_of_each
