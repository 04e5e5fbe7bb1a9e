"""What comes of any two swept keys together."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import combinations
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize

from onelayer.report.figures.canvas import GREY, Canvas, Painted, nothing
from onelayer.report.figures.names import name_places, word
from onelayer.report.gather import Gathered, Swept
from onelayer.report.leaderboard import Row
from onelayer.report.records import comparable
from onelayer.report.tables import stated
from onelayer.track.rundir import REPEATED

NAME, TITLE = "heat", "Two keys together"
CAPTION = (
    "Each cell is the best setting of all else: its {metric}{mean}; the brighter, the better. × marks cells where even "
    "that diverged or failed; an empty cell did not run."
)
MOST, BINS = 24, 12  # values of a key on an axis; of numbers, more of them go into so many bins
FIGURES = 10
WRITTEN = 100  # cells that are few enough to write their numbers


class Side(NamedTuple):
    """An axis: a key, what is written at its places, and the place of each value."""

    key: str
    labels: tuple[str, ...]
    places: Mapping[object, int]

    @classmethod
    def of(cls, swept: Swept) -> "Side":
        """Give each value a place; many numbers share some, by equal steps of the axis."""
        values = swept.values
        if len(values) <= MOST:
            return cls(swept.key, values, {comparable(value): place for place, value in enumerate(values)})
        numbers = np.array([float(value) for value in values])
        shown = np.log10(numbers) if swept.logarithmic else numbers
        edges = np.linspace(shown[0], shown[-1], BINS + 1)
        bins = np.clip(np.searchsorted(edges, shown, side="right") - 1, 0, BINS - 1).tolist()
        middles = (edges[1:] + edges[:-1]) / 2
        labels = tuple(f"{one:.2g}" for one in (10**middles if swept.logarithmic else middles))
        return cls(swept.key, labels, {comparable(value): place for value, place in zip(values, bins, strict=True)})


class Cell(NamedTuple):
    """The best row of two values, and its mean; None where it diverged."""

    row: Row
    mean: float | None


def draw(gathered: Gathered) -> list[Painted]:
    """Draw a map for each pair of keys."""
    keys = [one for one in gathered.swept if one.key not in REPEATED and len(one.values) > 1]
    pairs = list(combinations([one for one in keys if one.numeric or len(one.values) <= MOST], 2))
    if not pairs:
        return [nothing(NAME, TITLE, "It takes two swept keys, of numbers or of few words.")]
    return [_draw(gathered, *_laid(*pair)) for pair in pairs[:FIGURES]]


def cells(gathered: Gathered, x: Side, y: Side) -> Mapping[tuple[int, int], Cell]:
    """Return the best row for each pair of values, by their places."""
    found: dict[tuple[int, int], Cell] = {}
    for row in gathered.board.rows:  # the best come first
        said = [comparable(row.best.overrides.get(one.key, "default")) for one in (x, y)]
        if said[0] in x.places and said[1] in y.places:
            mean = row.mean(gathered.metric) if row.rank is not None else None
            found.setdefault((x.places[said[0]], y.places[said[1]]), Cell(row, mean.value if mean else None))
    return found


def _laid(one: Swept, other: Swept) -> tuple[Side, Side]:
    """Put numbers on the horizontal axis, or else what has more values."""
    turned = other.numeric if one.numeric != other.numeric else len(other.values) > len(one.values)
    return (Side.of(other), Side.of(one)) if turned else (Side.of(one), Side.of(other))


def _draw(gathered: Gathered, x: Side, y: Side) -> Painted:
    found = cells(gathered, x, y)
    title = f"{gathered.metric} by {x.key} and {y.key}"
    name = f"{NAME}-{word(x.key)}-{word(y.key)}"
    means = [cell.mean for cell in found.values() if cell.mean is not None]
    if not means:
        return nothing(name, title, f"No run ended with a {gathered.metric}.")
    canvas = Canvas(name, height=min(7.5, 1.7 + 0.39 * max(3, len(y.labels))))
    axes, low, high = canvas.axes, min(means), max(means)
    wide = low > 0 and high / low > 10
    norm = LogNorm(low, high) if wide else Normalize(low, high if high > low else low + (abs(low) or 1))
    shades = mpl.colormaps["viridis" if gathered.higher else "viridis_r"]
    squares = canvas.boxes(
        list(found),
        ["none" if cell.mean is None else shades(norm(cell.mean)) for cell in found.values()],
        [_said(gathered, cell) for cell in found.values()],
    )
    squares.set(edgecolor=GREY, linewidth=0.4)
    bad = [place for place, cell in found.items() if cell.mean is None]
    axes.plot(*zip(*bad, strict=True) if bad else ([], []), "x", color=GREY, markersize=8, markeredgewidth=2)
    if len(found) <= WRITTEN and len(x.labels) <= 6:  # more would run into each other
        for place, cell in found.items():
            if cell.mean is not None:
                canvas.write(*place, f"{cell.mean:.3g}", shades(norm(cell.mean)))
    axes.set(xlim=(-0.6, len(x.labels) - 0.4), ylim=(-0.6, len(y.labels) - 0.4), xlabel=x.key, ylabel=y.key)
    name_places(axes.xaxis, [*map(_rounded, x.labels)])
    name_places(axes.yaxis, [*map(_rounded, y.labels)])
    axes.grid(visible=False)
    canvas.bar(ScalarMappable(norm, shades), logarithmic=wide)
    mean = ", the mean over its repetitions (seeds or folds)" if gathered.board.repeated else ""
    return canvas.drawn(title, CAPTION.format(metric=gathered.metric, mean=mean) + gathered.caution)


def _rounded(label: str) -> str:
    number = comparable(label)
    return f"{float(number):.2g}" if isinstance(number, Decimal) and len(label) > 4 else label


def _said(gathered: Gathered, cell: Cell) -> str:
    came = cell.row.status if cell.mean is None else f"{gathered.metric} {stated(cell.row, gathered.metric)}"
    return f"{gathered.setting(cell.row.best)}: {came}"
