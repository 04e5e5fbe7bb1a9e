"""All swept keys side by side: a line for each configuration, which ends at what came of it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

from onelayer.report.figures.canvas import COLOURS, GREY, INK, PAPER, TINY, Canvas, Painted, nothing
from onelayer.report.gather import RATE, Gathered, Swept
from onelayer.report.measures import Array
from onelayer.report.records import Record, comparable
from onelayer.report.tables import stated
from onelayer.report.winner import shortened
from onelayer.track.rundir import REPEATED

NAME, TITLE = "parallel", "Parallel coordinates"
CAPTION = (
    "Each line is a configuration, its last axis what came of it: {metric}{mean}. The bold line is the best one{few}."
    "{left}"
)
MOST, FIRST_KEYS = 1000, 6


def draw(gathered: Gathered) -> Painted:
    """Draw all configurations that have a rank; of many the best."""
    keys = [one for one in gathered.swept if one.key not in REPEATED and len(one.values) > 1][:FIRST_KEYS]
    rows = [row for row in gathered.board.rows if row.rank is not None]  # the best come first
    if len(keys) < 2 or len(rows) < 2:
        return nothing(NAME, TITLE, "It takes two swept keys, and two configurations that ended well.")
    behind, bad = len(rows[MOST:]), len(gathered.board.rows) - len(rows)
    rows = rows[:MOST]
    canvas = Canvas(NAME)
    axes = canvas.axes
    values = np.array([its.value for row in rows if (its := row.mean(gathered.metric))])
    heights = np.array([[_height(gathered, key, row.best) for key in keys] for row in rows])
    heights = np.column_stack([heights, _scaled(values, logarithmic=_wide(values))])
    few, others = len(rows[1:]) // 10, len(rows[1:]) - len(rows[1:]) // 10
    # the best is drawn last, over the others, and in the colour of the text, which is read on light and on dark
    colours = [to_rgba(INK), *[to_rgba(COLOURS[0], 0.9)] * few, *[to_rgba(GREY, 0.6)] * others][::-1]
    widths = [2.6, *[1.3] * few, *[0.8] * others][::-1]
    lines = LineCollection(
        [np.column_stack([np.arange(len(one)), one]) for one in heights[::-1]],
        colors=colours,
        linewidths=widths,
        joinstyle="round",
    )
    axes.add_collection(lines, autolim=False)
    said = [f"{gathered.setting(row.best)}: {gathered.metric} {stated(row, gathered.metric)}" for row in rows]
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
    mean = ", the mean over its repetitions (seeds or folds)" if gathered.board.repeated else ""
    left = [f"{behind} that rank behind these"] * bool(behind)
    left += [f"{bad} of which runs diverged, failed or have not ended"] * bool(bad)
    gone = f" Not drawn: {', and '.join(left)}." if left else ""
    tenth = (
        ", the next tenth is coloured; where these pass through one place of an axis, that value matters" if few else ""
    )
    caption = CAPTION.format(metric=gathered.metric, mean=mean, few=tenth, left=gone)
    return canvas.drawn(TITLE, caption + gathered.caution)


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
