"""What a report is made of: figures, and tables."""

from dataclasses import dataclass
from typing import NamedTuple

from onelayer import __version__

GENERATOR = f"onelayer {__version__}"

Cell = str | float | int | None


class Point(NamedTuple):
    """What a reader may point at.

    Attributes:
        gid: the id of an element of the figure.
        label: what is said of it.
    """

    gid: str
    label: str


@dataclass(frozen=True)
class Drawn:
    """A figure.

    Attributes:
        name: a word for files and ids, unlike any other figure's.
        title: a few words.
        caption: how to read it; where there is nothing to draw, why.
        svg: the whole element, its text as text, ink as `currentColor`, without a background; empty where there is
            nothing to draw.
        points: what may be pointed at.
    """

    name: str
    title: str
    caption: str
    svg: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Listing:
    """A table.

    Attributes:
        name: a word for files and ids, unlike any other table's.
        title: a few words.
        caption: how to read it.
        columns: their headings.
        rows: a cell for each column; numbers are as in the files they come from, None: there is no such value.
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
