"""Open a table for a model: in the form that it was trained on, unless the user says otherwise."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import NonNegativeInt

from onelayer.artefact import Artefact
from onelayer.data.checked import call
from onelayer.data.tables import sql
from onelayer.data.tables.like import Like
from onelayer.data.tables.names import Names, Texts
from onelayer.data.tables.opening import open_rows
from onelayer.data.tables.rows import Rows
from onelayer.deliver.reading import plain_numbers
from onelayer.errors import UserError, did_you_mean
from onelayer.yaml_text import parse_yaml

KEYS = ("query", "encoding", "names", "skip_rows", "comment", "missing", "features", "labels")
TEXTS = ("query", "comment", "features", "labels")


@dataclass(frozen=True)
class Named:
    """What the user names as a table.

    Attributes:
        path: a file, a pattern, or a folder of Parquet files; None where a query says it all.
        how: keys of `data=table`, such as encoding, that differ from those of training; of arrays `features`, `labels`.
    """

    path: str | None
    how: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, table: "str | Named") -> "Named":
        """Return a path as what names a table."""
        return cls(table) if isinstance(table, str) else table

    @classmethod
    def parse(cls, words: Sequence[str]) -> "Named":
        """Read words of a command line: a path, and keys with their values, as training takes them.

        Raises:
            UserError: there is no table or more than one, or a key that does not say how a table is read.
        """
        paths: list[str] = []
        how: dict[str, Any] = {}
        for word in words:
            key = re.match(r"(?:data\.)?(\w+)=", word)
            if key is None:
                paths.append(word)
            elif key[1] == "path":
                paths.append(word[key.end() :])
            elif key[1] not in KEYS:
                raise UserError(
                    f"{word}: {key[1]} is not said again for a trained model, which keeps it"
                    f"{did_you_mean(key[1], KEYS)}; there are {', '.join(KEYS)}"
                )
            else:
                value = word[key.end() :]
                try:
                    how[key[1]] = value if key[1] in TEXTS else parse_yaml(value)
                except ValueError:
                    raise UserError(
                        f"{word}: {key[1]} cannot be read; write a list as [a,b], odd signs in quotes"
                    ) from None
        if len(paths) + ("query" in how) != 1:
            named = ", ".join(paths) or "none"
            raise UserError(f"name one table: a file, or query=..., a SELECT; given are {named}")
        return cls(paths[0] if paths else None, how)


def open_table(artefact: Artefact, named: Named, *, folder: Path | None = None, texts: Collection[str] = ()) -> Rows:
    """Open what is named as rows of a model.

    Args:
        artefact: the model.
        named: by the user.
        folder: for a database on disk; None: in memory.
        texts: columns that are kept as they are written.

    Raises:
        UserError: it cannot be read.
    """
    origin, target = artefact.origin, str(artefact.header["target"])
    how = call(_how, "table", **named.how)
    missing = how.pop("missing", artefact.header["missing"])
    if "query" in how:
        return open_rows(query=how["query"], missing=missing, folder=folder)
    assert named.path is not None
    query = None if origin.query is None or how else origin.query.of_file(sql.connect(), named.path, target)
    if query is not None:
        try:
            rows = open_rows(query=query, missing=missing, folder=folder)
        except UserError:
            pass  # the file may lack what the query asks for, and have all that the model needs
        else:
            note = f"{named.path} is read by the query of training: {rows.count} rows"
            return replace(rows, source=named.path, notes=(*rows.notes, note))
    needed = {design.name for design in artefact.encoder.designs}
    like = Like({**(origin.file or {}), **how}, needed, plain_numbers(artefact.encoder) - {*texts}, target)
    try:
        rows = open_rows(path=named.path, missing=missing, folder=folder, texts=texts, like=like)
    except UserError as error:
        raise UserError(str(error).removeprefix("data.path=")) from None
    there = {name for name, _ in rows.columns}
    made = [design.name for design in artefact.encoder.designs if design.name not in there]
    if origin.query is not None and made:
        raise UserError(
            f"{named.path}: the model needs the column '{made[0]}', which is not there; the query of training gave it, "
            'and cannot be asked of this file; ask another, as in query="select ..."'
        )
    if query is None:
        return rows
    note = f"the query of training cannot be asked of {named.path}, whose columns are taken as they are"
    return replace(rows, notes=(*rows.notes, note))


def _how(
    *,
    query: str | None = None,
    encoding: Literal["utf-8", "latin-1", "utf-16", "auto"] | None = None,
    names: Names | None = None,
    skip_rows: NonNegativeInt | None = None,
    comment: str | None = None,
    missing: Texts | None = None,
) -> dict[str, Any]:
    """Return what is given, checked as training checks it."""
    return {key: value for key, value in locals().items() if value is not None}
