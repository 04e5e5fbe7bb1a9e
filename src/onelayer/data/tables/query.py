"""A query that made a table, to be asked again of another file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onelayer.data.tables import sql
from onelayer.data.tables.files import FORMS, suffix_of
from onelayer.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LITERAL = r"'((?:[^']|'')*)'"
FORMATS = {"dateformat": "DateFormat", "timestampformat": "TimestampFormat"}


@dataclass(frozen=True)
class Query:
    """A SELECT with the one file that it reads.

    Attributes:
        text: of the SELECT.
        file: as it is named there; None: there is none or more than one, so that it cannot be asked of another.
        types: duckdb's type of each column of that file, as it found them in training.
        formats: of its dates, by parameters of read_csv.
    """

    text: str
    file: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: "DuckDBPyConnection", text: str) -> "Query":
        """Return a query that has been run, with what duckdb found of its file."""
        files = {name.replace("''", "'") for name in re.findall(LITERAL, text) if suffix_of(name) in FORMS}
        if len(files) != 1:
            return cls(text)
        (file,) = files
        if not re.search(_bare(file), text):
            return cls(text, file)
        source = sql.text(file)
        types = sql.types_of(connection, source)
        if FORMS[suffix_of(file)] != "delimited":
            return cls(text, file, types)
        first = sql.text(
            sorted(str(path) for (path,) in connection.execute(f"SELECT file FROM glob({source})").fetchall())[0]
        )
        sniffed = connection.execute(f"SELECT {', '.join(FORMATS.values())} FROM sniff_csv({first})").fetchone()
        formats = {key: value for key, value in zip(FORMATS, sniffed or (), strict=False) if value}
        return cls(text, file, types, formats)

    def of_file(self, connection: "DuckDBPyConnection", path: str, target: str) -> str | None:
        """Return the SELECT that asks the same of another file, which may lack the target; None: it cannot be asked.

        Raises:
            UserError: the file cannot be read.
        """
        import duckdb

        if self.file is None:
            return None
        quoted = sql.text(path)
        if not self.types:
            return self.text.replace(sql.text(self.file), quoted)
        delimited = FORMS[suffix_of(self.file)] == "delimited"
        try:
            as_text = f"read_csv({quoted}, all_varchar = true)" if delimited else quoted
            there = sql.types_of(connection, as_text)
        except duckdb.Error as error:
            raise sql.refusal(path, error) from None
        source = quoted
        if delimited:
            types = ", ".join(f"{sql.text(name)}: {sql.text(self.types[name])}" for name in there if name in self.types)
            formats = "".join(f", {key} = {sql.text(value)}" for key, value in self.formats.items())
            source = f"read_csv({quoted}, types = {{{types}}}{formats})"
        lacks = target in self.types and target not in there
        extra = f", CAST(NULL AS {self.types[target]}) AS {sql.name(target)}" if lacks else ""
        return re.sub(_bare(self.file), lambda match: f"{match[1]}(SELECT *{extra} FROM {source})", self.text)

    def to_json(self) -> dict[str, Any]:
        """Return plain containers."""
        return {"text": self.text, "file": self.file, "types": dict(self.types), "formats": dict(self.formats)}

    @classmethod
    def from_json(cls, stored: Any) -> "Query":
        """Read what `to_json` returned.

        Raises:
            UserError: it is something else.
        """
        kinds = {"text": str, "file": (str, type(None)), "types": dict, "formats": dict}
        whole = isinstance(stored, dict) and stored.keys() == kinds.keys()
        if not whole or not all(isinstance(stored[key], kind) for key, kind in kinds.items()):  # type: ignore[arg-type]
            raise UserError(f"query: expected {', '.join(kinds)}; it is {stored!r:.80}")
        if not all(isinstance(one, str) for key in ("types", "formats") for one in stored[key].values()):
            raise UserError("query: types and formats must hold texts")
        return cls(**stored)


def _bare(file: str) -> str:
    """Return the regular expression of a file that stands for a table by itself."""
    return rf"(?i)(\b(?:from|join)\s+){re.escape(sql.text(file))}"
