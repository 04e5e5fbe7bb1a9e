"""Prepared rows that a sweep needs again and again, as many as memory has room for."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from onelayer.data.prepare import Prepared


class Shelf:
    """Holds prepared rows; those that nobody asked for longest make room for others, and are made again when asked for.

    Args:
        room: bytes.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._held: OrderedDict[str, Prepared] = OrderedDict()

    def lend(self, key: str, make: Callable[[], Prepared]) -> Callable[[], Prepared]:
        """Return how to get the rows that a key stands for."""
        return partial(self._get, key, make)

    def _get(self, key: str, make: Callable[[], Prepared]) -> Prepared:
        if key not in self._held:
            self._held[key] = make()
        self._held.move_to_end(key)
        while len(self._held) > 1 and sum(one.size for one in self._held.values()) > self._room:
            self._held.popitem(last=False)
        return self._held[key]
