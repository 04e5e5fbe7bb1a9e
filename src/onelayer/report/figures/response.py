"""What comes of a swept number: the learning rate, as in DeepOBS (Schneider et al., 2019), and every other one."""

import numpy as np

from onelayer.report.figures.canvas import Canvas, Painted, look, nothing
from onelayer.report.figures.gaps import UNTRAINED
from onelayer.report.figures.names import word
from onelayer.report.gather import ENDED, RATE, Gathered
from onelayer.report.leaderboard import REPEATED, Row
from onelayer.report.measures import BAND
from onelayer.report.records import Record
from onelayer.report.tables import number

SENSITIVITY, TITLE = "sensitivity", "Learning-rate sensitivity"
NAME = "response"
CAPTION = (
    "At each {what} the best setting of all else: the line is the median over its repetitions (seeds or folds), "
    "the band holds 20–80 % of them, the dot is the best run.{diverged}{more}"
)
DIVERGED = " × at the top: runs diverged there."
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


def best_of(gathered: Gathered, name: str, key: str) -> dict[float, Record]:
    """Return the best run of an optimizer at each value of a key."""
    found: dict[float, list[tuple[float, Record]]] = {}
    for row in gathered.rows_of(name):
        for record in row.runs:
            at, value = gathered.number(record, key), gathered.value(record)
            if at is not None and value is not None:
                found.setdefault(at, []).append((-value if gathered.higher else value, record))
    return {at: min(those, key=lambda one: one[0])[1] for at, those in sorted(found.items())}


def diverged_of(gathered: Gathered, name: str, key: str) -> dict[float, tuple[int, int]]:
    """Return how many runs of an optimizer diverged at each value of a key, of how many that ended."""
    counts: dict[float, list[int]] = {}
    for row in gathered.rows_of(name):
        for record in row.runs:
            at = gathered.number(record, key)
            if at is not None and record.status in (*ENDED, "diverged"):
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
    return canvas.drawn(title, CAPTION.format(what=what, diverged=diverged, more=more) + gathered.caution)


def _line(canvas: Canvas, gathered: Gathered, optimizer: str, key: str, rows: dict[float, Row]) -> None:
    style, what = look(optimizer), "learning rate" if key == RATE else key
    there = [(at, np.quantile(v, BAND)) for at, row in rows.items() if (v := results_of(gathered, row))]
    if there:
        at, (low, middle, high) = [one for one, _ in there], np.array([found for _, found in there]).T
        canvas.axes.fill_between(at, low, high, color=style.color, alpha=0.18, linewidth=0)
        canvas.axes.plot(at, middle, color=style.color, linestyle=style.dash)
    runs = best_of(gathered, optimizer, key)
    values = [gathered.value(run) or 0.0 for run in runs.values()]
    said = [
        f"{optimizer}, {what} {at:g}: {gathered.metric} {number(value)} ({gathered.label(run)})"
        for (at, run), value in zip(runs.items(), values, strict=True)
    ]
    size = 6 if len(runs) <= 25 else 4.5
    canvas.dots(list(runs), values, said, color=style.color, marker=style.marker, markersize=size)


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
