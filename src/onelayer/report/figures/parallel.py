"""All swept keys side by side: a line for each run, which ends at what came of it."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from onelayer.report.figures.canvas import GREY, INK, PAPER, TINY, Canvas, Painted, nothing
from onelayer.report.gather import RATE, Gathered, Swept
from onelayer.report.leaderboard import REPEATED
from onelayer.report.measures import Array
from onelayer.report.records import Record, comparable
from onelayer.report.tables import number
from onelayer.report.winner import shortened

NAME, TITLE = "parallel", "Parallel coordinates"
CAPTION = (
    "Each line is a run, its last axis what came of it ({metric}); the best tenth of the runs is coloured, the best "
    "run drawn boldly. Where coloured lines pass through one place of an axis, that value matters."
)
MOST, FIRST_KEYS = 1000, 6


def draw(gathered: Gathered) -> Painted:
    """Draw all runs that ended with a number; of many the best."""
    keys = [one for one in gathered.swept if one.key not in REPEATED and len(one.values) > 1][:FIRST_KEYS]
    ended = [record for record in gathered.records if gathered.value(record) is not None]
    if len(keys) < 2 or len(ended) < 2:
        return nothing(NAME, TITLE, "It takes two swept keys, and two runs that ended.")
    sign = -1.0 if gathered.higher else 1.0
    ended.sort(key=lambda record: sign * (gathered.value(record) or 0.0))
    ended = ended[:MOST]
    canvas = Canvas(NAME)
    axes = canvas.axes
    values = np.array([gathered.value(record) for record in ended])
    heights = np.array([[_height(gathered, key, record) for key in keys] for record in ended])
    heights = np.column_stack([heights, _scaled(values, logarithmic=_wide(values))])
    few = max(1, len(ended) // 10)
    shades = mpl.colormaps["viridis"](np.linspace(0.15, 0.85, few))
    # the best is drawn last, over the others
    colours = [*shades[:, :3], *[to_rgb(GREY)] * (len(ended) - few)][::-1]
    widths = [2.6, *[1.3] * (few - 1), *[0.6] * (len(ended) - few)][::-1]
    alphas = [*[0.9] * few, *[0.3] * (len(ended) - few)][::-1]
    lines = LineCollection(
        [np.column_stack([np.arange(len(one)), one]) for one in heights[::-1]],
        colors=[(*colour, alpha) for colour, alpha in zip(colours, alphas, strict=True)],
        linewidths=widths,
        joinstyle="round",
    )
    axes.add_collection(lines, autolim=False)
    said = [
        f"{gathered.label(run)}: {gathered.metric} {number(value)}" for run, value in zip(ended, values, strict=True)
    ]
    canvas.point(lines, *reversed(said))
    for place, key in enumerate(keys):
        axes.axvline(place, color=INK, linewidth=0.8)
        for height, text in _ticks(key):
            _write(axes, text, place, height)
    axes.axvline(len(keys), color=INK, linewidth=0.8)
    for height, value in ((0.0, values.min()), (1.0, values.max())):
        _write(axes, f"{value:.3g}", len(keys), height)
    names = shortened([*(key.key for key in keys), gathered.metric], max(8, 50 // (len(keys) + 1)))
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks([])
    axes.set(xlim=(-0.1, len(keys) + 0.28), ylim=(-0.05, 1.05))
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="x", length=0)
    return canvas.drawn(TITLE, CAPTION.format(metric=gathered.metric) + gathered.caution)


def _write(axes: Axes, text: str, x: float, y: float) -> None:
    """Write beside an axis, over the lines."""
    box = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
    axes.annotate(text, (x, y), (4, 0), "data", "offset points", fontsize=TINY, va="center", color=INK, bbox=box)


def _height(gathered: Gathered, key: Swept, record: Record) -> float:
    said = record.overrides.get(key.key)
    if key.numeric and said is not None:
        numbers = np.array([float(one) for one in key.values])
        whole = _scaled(np.append(numbers, float(said)), logarithmic=key.logarithmic)
        return float(whole[-1])
    places = {comparable(value): place for place, value in enumerate(key.values)}
    found = gathered.rate(record) if key.key == RATE and said is None else None
    place = places.get(comparable(said if said is not None else "default"), found or 0)
    return float(place) / max(1, len(key.values) - 1)


def _ticks(key: Swept) -> list[tuple[float, str]]:
    """Return heights and texts of some values."""
    if key.numeric:
        heights = _scaled(np.array([float(one) for one in key.values]), logarithmic=key.logarithmic)
        chosen = range(len(key.values)) if len(key.values) <= 8 else (0, len(key.values) - 1)
        return [(float(heights[place]), f"{float(key.values[place]):.3g}") for place in chosen]
    last = max(1, len(key.values) - 1)
    some = range(0, len(key.values), max(1, len(key.values) // 12))
    return [
        (place / last, text) for place, text in zip(some, shortened([key.values[p] for p in some], 12), strict=True)
    ]


def _wide(values: Array) -> bool:
    return bool(values.min() > 0 and values.max() / values.min() > 10)


def _scaled(values: Array, *, logarithmic: bool) -> Array:
    """Map to 0 … 1."""
    shown = np.log10(values) if logarithmic else np.asarray(values, np.float64)
    spread = shown.max() - shown.min()
    scaled: Array = (shown - shown.min()) / spread if spread else shown * 0 + 0.5
    return scaled
