"""Find how a delimited file is written from what is known of another: by its header, whatever its values are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from onelayer.data.tables.delimited import (
    SEPARATORS,
    detect,
    encoding_of,
    head,
    quote_of,
    records_of,
    refuse_empty,
    refuse_other_columns,
)
from onelayer.data.tables.dialect import Dialect
from onelayer.data.tables.names import distinct_names
from onelayer.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Like:
    """What is known of a delimited file before it is opened.

    Attributes:
        form: how another was written, by the fields of `Dialect`; `columns` are its names where it had no header, and
            `names` those that the user gives this one.
        needed: columns that it must have.
        numbers: those of them that are numbers as programs write them.
        target: a column that may be missing.
    """

    form: Mapping[str, Any]
    needed: Collection[str]
    numbers: Collection[str]
    target: str

    def dialect(
        self, connection: "DuckDBPyConnection", files: Sequence[str], missing: Sequence[str]
    ) -> tuple[Dialect, tuple[str, ...]]:
        """Return how files are written, and what is to be told about it.

        Raises:
            UserError: they cannot be read.
        """
        form, file = self.form, files[0]
        encoding, comment = form.get("encoding", "utf-8"), form.get("comment")
        if encoding == "auto":
            encoding = encoding_of(connection, files)
        usual_skip, usual_separator = form.get("skip_rows", 0), form.get("separator", ",")
        lines = head(connection, file, encoding, usual_skip, comment)
        refuse_empty(file, lines, 0)
        # a file may be without what stands above the header in others
        skips = [skip for skip in dict.fromkeys([usual_skip, 0]) if any(line.strip() for line in lines[skip:])]
        for skip_rows, separator in product(skips, dict.fromkeys([usual_separator, *SEPARATORS, " "])):
            quote = quote_of(lines[skip_rows:])
            place, first, _ = records_of(file, lines, separator, quote, skip_rows, comment)
            columns = self._columns(file, first, is_usual=separator == usual_separator)
            if columns is None:
                continue
            names, has_header, notes = columns
            dialect = Dialect(
                tuple(files),
                separator,
                quote,
                encoding,
                tuple(missing),
                has_header,
                skip=place - 1,
                skip_rows=skip_rows,
                comment=comment,
                columns=names,
            )
            for other in files[1:]:
                refuse_other_columns(connection, dialect, first, other)
            return dialect, notes
        how: dict[str, Any] = {"skip_rows": usual_skip, "comment": comment, "names": form.get("names")}
        return detect(connection, files, missing=missing, encoding=encoding, **how)

    def _columns(
        self, file: str, first: Sequence[str], *, is_usual: bool
    ) -> tuple[tuple[str, ...], bool, tuple[str, ...]] | None:
        """Name the columns by the fields of the first record; None where these cannot be the columns of the model.

        Returns:
            The names, whether the record itself has them, and what is to be told of them.
        """
        has_header = False
        names, notes = distinct_names(self.form.get("names", first))
        if "names" not in self.form:
            has_header = {*self.needed} <= {*names}
            if not has_header and is_usual and "columns" in self.form:
                names, notes = self._names(file, first), ()
        fits = len(names) == len(first) and {*self.needed} <= {*names}
        return (names, has_header, notes) if fits else None

    def _names(self, file: str, first: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the columns of a file without a header, which may lack the target."""
        names = tuple(self.form["columns"])
        without = tuple(name for name in names if name != self.target)
        for known in (names, without):
            if len(first) == len(known):
                return known
        raise UserError(
            f"{file}: its lines have {len(first)} fields, where the model was trained on {len(names)} "
            f"({', '.join(names[:8])}{', ...' if names[8:] else ''}) without a header; name those of this file with "
            "names=[...]"
        )
