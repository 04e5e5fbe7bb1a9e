"""Tables on the screen, all in one style: where it is narrow some columns are left out, and numbers stay whole."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

LONG_WORD = 16  # characters of a word that are kept together where it is narrow


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        header: its name.
        cells: one for each row.
        weight: the least gives way first where the terminal is narrow; None stays always.
        numeric: numbers stand to the right and are never broken.
        least: characters to which it may shrink before others give way; None: as wide as its widest cell.
        cut: a cell that is too long ends with a sign for the rest; False: it goes on in the next line.
    """

    header: str
    cells: tuple[str, ...]
    weight: int | None = None
    numeric: bool = True
    least: int | None = None
    cut: bool = False

    def longest(self) -> int:
        """Return how many characters it takes as a whole."""
        return max(map(len, (self.header, *self.cells)))

    def shortest(self) -> int:
        """Return the characters to which it may shrink."""
        longest = self.longest()
        return longest if self.least is None else min(longest, max(self.least, len(self.header)))


def print_table(columns: Sequence[Column], console: Console, styles: Sequence[str] | None = None) -> None:
    """Print a table between two empty lines; where even its least is too wide, the terminal breaks the lines.

    Args:
        columns: of the table.
        console: where it is shown.
        styles: one for each row; None: all are plain.
    """
    with console.capture() as captured:
        console.print(fitting(columns, console, styles), crop=False)
    lines = [line.rstrip() for line in captured.get().split("\n")]
    console.file.write("\n".join(["", *filter(None, lines), "", ""]))


def fitting(columns: Sequence[Column], console: Console, styles: Sequence[str] | None = None) -> Table:
    """Shrink what may, break headers, then leave out the least important columns, until the rest fits.

    Args:
        columns: of the table.
        console: where it is to be shown.
        styles: one for each row; None: all are plain.
    """
    styles = styles or [""] * len(columns[0].cells)
    kept, broken = list(columns), False
    while True:
        wide = console.options.update(width=10_000)
        needed = Measurement.get(console, wide, _table(kept, styles, broken)).maximum
        elastic = [column for column in kept if column.least is not None]
        shrunk = needed - sum(column.longest() - column.shortest() for column in elastic)
        droppable = [column for column in kept if column.weight is not None]
        if shrunk <= console.width or not droppable:
            return _table(kept, styles, broken, _widths(elastic, console.width - shrunk))
        if broken:
            kept.remove(min(droppable, key=lambda column: column.weight or 0))
        broken = True


def _widths(elastic: Sequence[Column], room: int) -> dict[str, int]:
    """Give room to the narrowest column that lacks some, one character at a time."""
    widths = {column.header: column.shortest() for column in elastic}
    while room > 0 and (short := [column for column in elastic if widths[column.header] < column.longest()]):
        widths[min(short, key=lambda column: widths[column.header]).header] += 1
        room -= 1
    return widths


def _table(
    columns: Sequence[Column], styles: Sequence[str], broken: bool, widths: dict[str, int] | None = None
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        name = re.sub(r"(?<=[./]) ?(?=[^\d ][^./]*$)", "\n", column.header) if broken else column.header
        header = Text(name)
        width = (widths or {}).get(column.header)
        if column.cut:
            table.add_column(header, overflow="ellipsis", no_wrap=True, max_width=width)
        elif column.least is not None:
            table.add_column(header, overflow="fold", min_width=width, max_width=width)
        else:
            # numbers and names are not broken; a spread may go to a second line
            least = max((len(word) for text in (header.plain, *column.cells) for word in text.split()), default=0)
            least = least if column.numeric else min(least, LONG_WORD)
            table.add_column(header, justify="right" if column.numeric else "left", overflow="fold", min_width=least)
    for style, cells in zip(styles, zip(*(column.cells for column in columns), strict=True), strict=True):
        table.add_row(*(Text(cell) for cell in cells), style=style)
    return table
