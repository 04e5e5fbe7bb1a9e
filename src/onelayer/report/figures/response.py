"""What comes of a swept number: the learning rate, as in DeepOBS (Schneider et al., 2019), and every other one."""

import numpy as np

from onelayer.report.figures.canvas import Canvas, Painted, look, nothing
from onelayer.report.figures.gaps import UNTRAINED
from onelayer.report.figures.names import word
from onelayer.report.gather import RATE, Gathered
from onelayer.report.leaderboard import Row
from onelayer.report.measures import BAND
from onelayer.report.records import TRAINED
from onelayer.report.tables import number
from onelayer.track.rundir import REPEATED

SENSITIVITY, TITLE = "sensitivity", "Learning-rate sensitivity"
NAME = "response"
CAPTION = "At each {what} the best setting of all else, as in the leaderboard: {runs}{diverged}{more}"
SINGLE = "a dot for its {metric}."
REPEATEDLY = (
    "the line is the median {metric} of its runs (seeds or folds), the band holds 20–80 % of them, the dot is the best "
    "of them."
)
DIVERGED = " × at the top: runs diverged there, whatever else was set; those have no place on the line."
WIDE = " A wide valley means that the learning rate needs little care."
FIGURES = 6


def draw_rate(gathered: Gathered) -> Painted:
    """Draw what runs are judged by against their learning rates."""
    if gathered.untrained:
        return nothing(SENSITIVITY, TITLE, UNTRAINED)
    if not any(len(values_of_key(gathered, name, RATE)) > 1 for name in gathered.names):
        return nothing(SENSITIVITY, TITLE, "No optimizer ran with more than one learning rate.")
    return _draw(gathered, RATE, SENSITIVITY, TITLE)


def draw(gathered: Gathered) -> list[Painted]:
    """Draw what runs are judged by against every other number that was swept; nothing where there is none."""
    keys = [one for one in gathered.swept if one.numeric and one.key not in (RATE, *REPEATED)]
    titles = [(one.key, f"{NAME}-{word(one.key)}", f"{gathered.metric} by {one.key}") for one in keys]
    return [_draw(gathered, *its) for its in titles[:FIGURES]]


def values_of_key(gathered: Gathered, name: str, key: str) -> dict[float, Row]:
    """Return the best row of an optimizer at each value of a key, rising."""
    found: dict[float, Row] = {}
    for row in gathered.rows_of(name):
        at = gathered.number(row.best, key)
        if at is not None:
            found.setdefault(at, row)
    return dict(sorted(found.items()))


def results_of(gathered: Gathered, row: Row) -> list[float]:
    """Return what the runs of a row are judged by, but for those that diverged."""
    return [value for record in row.runs if (value := gathered.value(record)) is not None]


def diverged_of(gathered: Gathered, name: str, key: str) -> dict[float, tuple[int, int]]:
    """Return how many runs of an optimizer diverged at each value of a key, of how many that ended."""
    counts: dict[float, list[int]] = {}
    for row in gathered.rows_of(name):
        for record in row.runs:
            at = gathered.number(record, key)
            if at is not None and record.status in TRAINED:
                its = counts.setdefault(at, [0, 0])
                its[0] += record.status == "diverged"
                its[1] += 1
    return {at: (bad, of) for at, (bad, of) in sorted(counts.items()) if bad}


def _draw(gathered: Gathered, key: str, name: str, title: str) -> Painted:
    what = "learning rate" if key == RATE else key
    rows = {one: its for one in gathered.names if (its := values_of_key(gathered, one, key))}
    several = {one: its for one, its in rows.items() if len(its) > 1} if key == RATE else rows
    values = [v for its in several.values() for row in its.values() for v in results_of(gathered, row)]
    if not values:
        return nothing(name, title, f"No run ended with a {gathered.metric}.")
    canvas = Canvas(name)
    for optimizer, its in several.items():
        _line(canvas, gathered, optimizer, key, its)
    canvas.spread_x([at for its in several.values() for at in its])
    canvas.spread_y(values)
    canvas.axes.set(xlabel=what, ylabel=gathered.metric)
    _mark_diverged(canvas, gathered, key, list(several))
    canvas.legend(list(several))
    diverged = DIVERGED if any(diverged_of(gathered, one, key) for one in several) else ""
    more = WIDE if key == RATE else ""
    # a word, or a number that no axis reaches
    left = {
        said: None for one in gathered.records if (said := one.overrides.get(key)) and gathered.number(one, key) is None
    }
    more += f" Not drawn: {what} {', '.join(left)}." if left else ""
    runs = (REPEATEDLY if gathered.board.repeated else SINGLE).format(metric=gathered.metric)
    return canvas.drawn(title, CAPTION.format(what=what, runs=runs, diverged=diverged, more=more) + gathered.caution)


def _line(canvas: Canvas, gathered: Gathered, optimizer: str, key: str, rows: dict[float, Row]) -> None:
    style, what = look(optimizer), "learning rate" if key == RATE else key
    there = [(at, row, v) for at, row in rows.items() if (v := results_of(gathered, row))]
    if not there:
        return
    at, (low, middle, high) = [one for one, *_ in there], np.array([np.quantile(v, BAND) for *_, v in there]).T
    canvas.axes.fill_between(at, low, high, color=style.color, alpha=0.18, linewidth=0)
    canvas.axes.plot(at, middle, color=style.color, linestyle=style.dash)
    # the best run of a row is its first
    said = [
        f"{optimizer}, {what} {here:g}: {gathered.metric} {number(v[0])} ({gathered.label(row.best)})"
        + (f", the best of {len(v)} runs, median {number(float(m))}" if len(v) > 1 else "")
        for (here, row, v), m in zip(there, middle, strict=True)
    ]
    size = 6 if len(there) <= 25 else 4.5
    canvas.dots(at, [v[0] for *_, v in there], said, color=style.color, marker=style.marker, markersize=size)


def _mark_diverged(canvas: Canvas, gathered: Gathered, key: str, optimizers: list[str]) -> None:
    """Mark them in a strip above the axes, a line for each optimizer."""
    marked = {name: its for name in optimizers if (its := diverged_of(gathered, name, key))}
    what = "learning rate" if key == RATE else key
    for line, (name, its) in enumerate(marked.items()):
        canvas.dots(
            list(its),
            [1.03 + 0.05 * (len(marked) - 1 - line)] * len(its),
            [f"{name}, {what} {at:g}: {bad} of {of} runs diverged" for at, (bad, of) in its.items()],
            transform=canvas.axes.get_xaxis_transform(),
            clip_on=False,
            marker="x",
            markersize=7,
            markeredgewidth=1.8,
            color=look(name).color,
        )
