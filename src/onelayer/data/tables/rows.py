"""The table `rows` of a duckdb connection, whatever it was read from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onelayer.data.tables import sql
from onelayer.data.tables.dialect import Dialect, raw_lines
from onelayer.data.tables.notation import UNSAID, Conventions
from onelayer.data.tables.query import Query

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Rows:
    """The table `rows` of a connection.

    Attributes:
        connection: to duckdb.
        source: what errors call it: a path, `data.query`, `the table`.
        count: rows that it had when it was opened; those that are deleted later keep their numbers.
        missing: texts that mean a missing value.
        dialect: how its files are written; None where they are no text.
        notes: what was understood while it was opened.
        conventions: how the user says that its texts are written.
        types: name and type of the columns of text files; None of others.
        sizes: of the parts that files give, the rows of each, one part after the other; none where they give none.
        query: that made the table; None: there was none.
    """

    connection: "DuckDBPyConnection"
    source: str
    count: int
    missing: tuple[str, ...] = ()
    dialect: Dialect | None = None
    notes: tuple[str, ...] = ()
    conventions: Conventions = UNSAID
    types: tuple[tuple[str, str], ...] | None = None
    sizes: tuple[tuple[str, int], ...] = ()
    query: Query | None = None

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query.

        Raises:
            UserError: memory or disk do not suffice.
        """
        import duckdb

        try:
            with sql.interruptible():
                return self.connection.execute(query).fetchall()
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise sql.refusal(self.source, error) from None

    def in_order(self, query: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query whose sums go from the first row to the last, the same bits each time.

        Several threads would add up what each has found in an order of chance.
        """
        self.connection.execute("SET threads = 1")
        try:
            return self.all(query)
        finally:
            self.connection.execute("RESET threads")

    def columns_of(self, query: str) -> list[NDArray[Any]]:
        """Return the columns of a query's rows, (rows,) each; may be called from several threads.

        Raises:
            UserError: memory or disk do not suffice.
        """
        import duckdb

        try:
            found = self.connection.cursor().execute(query).fetchnumpy()
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise sql.refusal(self.source, error) from None
        return [np.asarray(one) for one in found.values()]

    def one(self, query: str) -> tuple[Any, ...]:
        """Return the only row of a query."""
        (row,) = self.all(query)
        return row

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Name and duckdb's type of each column; of text files all text, but for numbers that are written plainly."""
        if self.types is not None:
            return self.types
        return tuple((name, kind) for name, kind, *_ in self.all("DESCRIBE rows"))

    def where(self, row: int) -> str:
        """Say where a row is: the line of the file where each row is one line of it, else the row counted from 1."""
        for part, size in self.sizes:
            if row < size:
                return f"row {row + 1} of the {part} rows"
            row -= size
        if self.dialect is not None and len(self.dialect.files) == 1:
            above = self.dialect.skip + self.dialect.header
            raw = raw_lines(self.dialect.files[0], self.dialect.encoding)
            if self.one(f"SELECT count(*) FROM {raw}") == (self.count + above,):
                return f"line {row + 1 + above}"
        return f"row {row + 1}"
