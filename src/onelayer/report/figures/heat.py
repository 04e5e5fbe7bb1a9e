"""What comes of any two swept keys together."""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle

from onelayer.report.figures.canvas import GREY, INK, Canvas, Painted, Powers, nothing
from onelayer.report.gather import Gathered, Swept
from onelayer.report.leaderboard import REPEATED, Row
from onelayer.report.records import comparable
from onelayer.report.tables import number
from onelayer.report.winner import shortened

NAME, TITLE = "heat", "Two keys together"
CAPTION = (
    "Each cell is the best setting of all else: the mean {metric} over its repetitions; the brighter, the better. × "
    "marks cells where even that diverged or failed in some repetition; an empty cell did not run."
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
    name = f"{NAME}-{_word(x.key)}-{_word(y.key)}"
    means = [cell.mean for cell in found.values() if cell.mean is not None]
    if not means:
        return nothing(name, title, f"No run ended with a {gathered.metric}.")
    canvas = Canvas(name, height=min(6.5, 1.5 + 0.32 * len(y.labels)))
    axes, low, high = canvas.axes, min(means), max(means)
    wide = low > 0 and high / low > 10
    norm = LogNorm(low, high) if wide else Normalize(low, high if high > low else low + (abs(low) or 1))
    shades = mpl.colormaps["viridis" if gathered.higher else "viridis_r"]
    for (column, line), cell in found.items():
        colour = "none" if cell.mean is None else shades(norm(cell.mean))
        box = Rectangle((column - 0.48, line - 0.48), 0.96, 0.96, facecolor=colour, edgecolor=GREY, linewidth=0.4)
        axes.add_patch(box)
        said = cell.row.status if cell.mean is None else f"{gathered.metric} {number(cell.mean)}"
        canvas.point(box, f"{gathered.label(cell.row.best)}: {said}")
        if cell.mean is None:
            axes.plot([column], [line], marker="x", color=GREY, markersize=6, markeredgewidth=1.6)
        elif len(found) <= WRITTEN and len(x.labels) <= 9:
            dark = np.dot(shades(norm(cell.mean))[:3], (0.299, 0.587, 0.114)) < 0.5
            axes.text(
                column,
                line,
                f"{cell.mean:.3g}",
                ha="center",
                va="center",
                fontsize=8,
                color="#fefefe" if dark else "#111111",
            )
    axes.set(xlim=(-0.6, len(x.labels) - 0.4), ylim=(-0.6, len(y.labels) - 0.4), xlabel=x.key, ylabel=y.key)
    labels = shortened(x.labels, 14)
    axes.set_xticks(range(len(labels)), labels, rotation=45 if sum(map(len, labels)) > 44 else 0, ha="center")
    axes.set_yticks(range(len(y.labels)), shortened(y.labels, 18))
    axes.grid(visible=False)
    bar = canvas.figure.colorbar(
        ScalarMappable(norm, shades), ax=axes, pad=0.02, aspect=14, format=Powers() if wide else None
    )
    bar.outline.set_visible(False)
    if wide:
        bar.ax.yaxis.set_minor_formatter(Powers(minor_thresholds=(1, 0.4)))
    bar.ax.tick_params(labelcolor=INK)
    return canvas.drawn(title, CAPTION.format(metric=gathered.metric) + gathered.caution)


def _word(key: str) -> str:
    return "".join(sign if sign.isalnum() else "_" for sign in key)
