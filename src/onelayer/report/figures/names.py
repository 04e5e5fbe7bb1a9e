"""Names in figures: along an axis, and of files."""

import math
from collections.abc import Sequence

from matplotlib.axis import Axis, XAxis

from onelayer.report.figures.canvas import LINE
from onelayer.report.winner import shortened

MOST_NAMES = 12  # along an axis


def name_places(axis: Axis, names: Sequence[str]) -> None:
    """Write names at the places 0, 1, ... of an axis: of many not all, and words upright where they are too long."""
    shown = shortened(names, 14)
    room = LINE - 18 if isinstance(axis, XAxis) else math.inf
    long = max(map(len, shown)) + 1
    upright = long * len(shown) > room and not all(name[:1].isdigit() for name in shown)
    most = MOST_NAMES if upright else max(2, int(min(MOST_NAMES, room // long)))
    places = range(0, len(names), -(-len(names) // most))
    axis.set_ticks(places, [shown[place] for place in places], rotation=90 if upright else 0)


def word(key: str) -> str:
    """Return a key as a word for files and ids."""
    return "".join(sign if sign.isalnum() else "_" for sign in key)
