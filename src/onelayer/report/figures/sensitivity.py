"""How much an optimizer depends on its learning rate, as in DeepOBS (Schneider et al., 2019)."""

import numpy as np

from onelayer.report.figures.canvas import Canvas, Painted, look, nothing
from onelayer.report.gather import ENDED, Gathered
from onelayer.report.leaderboard import Row
from onelayer.report.measures import BAND
from onelayer.report.records import Record
from onelayer.report.tables import number

NAME, TITLE = "sensitivity", "Learning-rate sensitivity"
CAPTION = (
    "At each learning rate the best setting of all else: the line is the median over its repetitions (seeds or folds), "
    "the band holds 20–80 % of them, the dot is the best run. × at the top: runs diverged there. A wide valley means "
    "that the learning rate needs little care."
)


def draw(gathered: Gathered) -> Painted:
    """Draw what runs are judged by against their learning rates."""
    found = {name: rates_of(gathered, name) for name in gathered.names}
    found = {name: rates for name, rates in found.items() if len(rates) > 1}
    if not found:
        return nothing(NAME, TITLE, "No optimizer ran with more than one learning rate.")
    canvas = Canvas(NAME)
    axes = canvas.axes
    values = [v for rates in found.values() for row in rates.values() for v in values_of(gathered, row)]
    if not values:
        return nothing(NAME, TITLE, f"No run ended with a {gathered.metric}.")
    for name, rates in found.items():
        style = look(name)
        there = [(rate, np.quantile(v, BAND)) for rate, row in rates.items() if (v := values_of(gathered, row))]
        if there:
            at, (low, middle, high) = [rate for rate, _ in there], np.array([q for _, q in there]).T
            axes.fill_between(at, low, high, color=style.color, alpha=0.18, linewidth=0)
            axes.plot(at, middle, color=style.color, linestyle=style.dash)
        for rate, best in best_of(gathered, name).items():
            value = gathered.value(best)
            assert value is not None
            said = f"{name}, learning rate {rate:g}: {gathered.metric} {number(value)} ({gathered.label(best)})"
            canvas.dots([rate], [value], [said], color=style.color, marker=style.marker)
    canvas.logarithmic("x")
    if min(values) > 0 and max(values) / min(values) > 10:
        canvas.logarithmic("y")
    axes.set(xlabel="learning rate", ylabel=gathered.metric)
    _mark_diverged(canvas, gathered, found)
    canvas.legend(list(found))
    return canvas.drawn(TITLE, CAPTION + gathered.caution)


def rates_of(gathered: Gathered, name: str) -> dict[float, Row]:
    """Return the best row of an optimizer at each of its learning rates, rising."""
    found: dict[float, Row] = {}
    for row in gathered.rows_of(name):
        rate = gathered.rate(row.best)
        if rate is not None:
            found.setdefault(rate, row)
    return dict(sorted(found.items()))


def values_of(gathered: Gathered, row: Row) -> list[float]:
    """Return what the runs of a row are judged by, but for those that diverged."""
    return [value for record in row.runs if (value := gathered.value(record)) is not None]


def best_of(gathered: Gathered, name: str) -> dict[float, Record]:
    """Return the best run of an optimizer at each learning rate."""
    found: dict[float, list[tuple[float, Record]]] = {}
    for row in gathered.rows_of(name):
        for record in row.runs:
            rate, value = gathered.rate(record), gathered.value(record)
            if rate is not None and value is not None:
                found.setdefault(rate, []).append((-value if gathered.higher else value, record))
    return {rate: min(those, key=lambda one: one[0])[1] for rate, those in sorted(found.items())}


def diverged_of(gathered: Gathered, name: str) -> dict[float, tuple[int, int]]:
    """Return how many runs of an optimizer diverged at each learning rate, of how many that ended."""
    counts: dict[float, list[int]] = {}
    for row in gathered.rows_of(name):
        for record in row.runs:
            rate = gathered.rate(record)
            if rate is not None and record.status in (*ENDED, "diverged"):
                its = counts.setdefault(rate, [0, 0])
                its[0] += record.status == "diverged"
                its[1] += 1
    return {rate: (bad, of) for rate, (bad, of) in sorted(counts.items()) if bad}


def _mark_diverged(canvas: Canvas, gathered: Gathered, found: dict[str, dict[float, Row]]) -> None:
    """Mark them in a strip above the axes, a line for each optimizer."""
    marked = {name: its for name in found if (its := diverged_of(gathered, name))}
    transform = canvas.axes.get_xaxis_transform()
    for line, (name, its) in enumerate(marked.items()):
        for rate, (bad, of) in its.items():
            (mark,) = canvas.axes.plot(
                [rate],
                [1.03 + 0.045 * (len(marked) - 1 - line)],
                transform=transform,
                clip_on=False,
                marker="x",
                markersize=5.5,
                markeredgewidth=1.8,
                color=look(name).color,
                linestyle="none",
            )
            canvas.point(mark, f"{name}, learning rate {rate:g}: {bad} of {of} runs diverged")
