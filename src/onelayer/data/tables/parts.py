"""Files of validation and test rows beside those of train rows: one table, so that each column is read in one way."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from onelayer.data.table import PARTS, Array
from onelayer.data.tables import sql
from onelayer.data.tables.dialect import Dialect
from onelayer.data.tables.files import Files, find_files
from onelayer.data.tables.measured import kind_of
from onelayer.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from onelayer.data.tables.opening import Rows

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
    found = {"train": find_files(path)}
    for part in PARTS[1:]:
        if part not in others:
            continue
        said = f"data.{part}_path={others[part]}"
        try:
            files = find_files(others[part])
        except UserError as error:
            raise UserError(str(error).replace("data.path=", f"data.{part}_path=", 1)) from None
        if files.form != found["train"].form:
            raise UserError(f"{said}: it is {files.form}, but {path} is {found['train'].form}; save both alike")
        for other, its in found.items():
            if twice := {*files.paths} & {*its.paths}:
                raise UserError(f"{said}: {min(twice)} holds the {other} rows, too; give each part rows of its own")
        found[part] = files
    return found


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
        source = f"{reader}({sql.texts(sql.literal_path(one) for one in its.paths)})"
        there = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        wanted = wanted or there
        for name, kind in wanted.items():
            if name not in there:
                raise UserError(
                    f"{its.paths[0]}: there is no column '{name}', which {files['train'].paths[0]} has"
                    f"{did_you_mean(name, there)}"
                )
            if kind_of(there[name]) != kind_of(kind):
                raise UserError(
                    f"{its.paths[0]}: column '{name}' is {there[name].lower()}, but {kind.lower()} in "
                    f"{files['train'].paths[0]}; save both alike"
                )
        more = [f"'{name}'" for name in there if name not in wanted]
        if more:
            notes.append(f"columns of {its.paths[0]} that train rows do not have are left out: {', '.join(more[:8])}")
        selects.append(f"SELECT {', '.join(map(sql.name, wanted))} FROM {source}")
        sizes[part] = int(connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0])
    return " UNION ALL ".join(selects), tuple(sizes.items()), tuple(notes)


def sizes_of(connection: "DuckDBPyConnection", dialect: Dialect, files: Mapping[str, Files], rows: int) -> Sizes:
    """Count the rows of each part of delimited files, whose `rows` are one after the other in a table.

    The dialect's files are those of the parts, or copies of them, in the same order.
    """
    sizes, start = dict.fromkeys(files, rows), 0
    for part, its in files.items():
        start += len(its.paths)
        if part != "train":
            reader = replace(dialect, files=dialect.files[start - len(its.paths) : start]).reader
            sizes[part] = int(connection.execute(f"SELECT count(*) FROM {reader}").fetchall()[0][0])
            sizes["train"] -= sizes[part]
    return tuple(sizes.items())


def part_of_rows(rows: "Rows") -> Array | None:
    """Return the part of each row, as `Table.part`; None where the files give none.

    Raises:
        UserError: no row of a part is left.
    """
    from onelayer.data.tables.fetch import fetch_column

    if not rows.sizes:
        return None
    bounds = accumulate(size for _, size in rows.sizes)
    cases = (f"WHEN rowid < {end} THEN {PARTS.index(part)}" for (part, _), end in zip(rows.sizes, bounds, strict=True))
    found = fetch_column(rows, f"CASE {' '.join(cases)} END")
    for part, _ in rows.sizes:
        if not (found == PARTS.index(part)).any():
            key = "data.path" if part == "train" else f"data.{part}_path"
            raise UserError(f"{key}: none of its rows has a target, so that no {part} row is left")
    return found
