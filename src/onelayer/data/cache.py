"""Tables and prepared rows that many modules share, as many as memory has room for."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from onelayer.data.prepare import Prepared
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Table
from onelayer.errors import UserError

T = TypeVar("T")


class PreparedCache:
    """Holds tables, and rows that were prepared from them.

    Tables stay: what is read again may have changed meanwhile. Of prepared rows, those that nobody asked for longest
    are evicted to make room for others, and are made again when they are asked for. What is wrong with a table or its
    rows is kept as well, and raised each time. A deep or pickled copy holds nothing yet.

    Args:
        limit: bytes of prepared rows; None: no limit. The rows asked for last are held however large they are.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._tables: dict[Hashable, Table | Stream | UserError] = {}
        self._prepared: OrderedDict[Hashable, Prepared | UserError] = OrderedDict()

    def __reduce__(self) -> tuple[type["PreparedCache"], tuple[int | None]]:
        return PreparedCache, (self._limit,)

    def table(self, key: Hashable, read: Callable[[], Table | Stream]) -> Table | Stream:
        """Return the table that a key stands for, read at its first use.

        Raises:
            UserError: it cannot be read.
        """
        if key not in self._tables:
            self._tables[key] = _outcome(read)
        outcome = self._tables[key]
        if isinstance(outcome, UserError):
            raise outcome.with_traceback(None)
        return outcome

    def drop_tables(self) -> None:
        """Let go of the tables, where all rows that are wanted of them have been prepared."""
        self._tables.clear()

    def get(self, key: Hashable, prepare: Callable[[], Prepared]) -> Prepared:
        """Return the rows that a key stands for, prepared where they are not held.

        Raises:
            UserError: they cannot be prepared so.
        """
        if key not in self._prepared:
            self._prepared[key] = _outcome(prepare)
        self._prepared.move_to_end(key)
        while len(self._prepared) > 1 and self._limit is not None and self._size > self._limit:
            self._prepared.popitem(last=False)
        outcome = self._prepared[key]
        if isinstance(outcome, UserError):
            raise outcome.with_traceback(None)
        return outcome

    @property
    def _size(self) -> int:
        return sum(rows.size for rows in self._prepared.values() if isinstance(rows, Prepared))


def _outcome(make: Callable[[], T]) -> T | UserError:
    try:
        return make()
    except UserError as error:
        return error
