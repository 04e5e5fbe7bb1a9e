"""What to expect of the best of so many runs (Dodge et al., 2019)."""

import numpy as np

from onelayer.report.figures.canvas import Canvas, Painted, look, nothing
from onelayer.report.figures.gaps import UNTRAINED
from onelayer.report.gather import Gathered
from onelayer.report.measures import expected_best
from onelayer.report.records import TRAINED
from onelayer.report.tables import number

NAME, TITLE = "budget", "What a tuning budget buys"
MOST = 200  # points of a line
CAPTION = (
    "The expected best {metric} of n runs of an optimizer, drawn with replacement from those of this sweep (Dodge et "
    "al., 2019); each seed and fold is a run of its own. A run that diverged counts as the worst that did not. A line "
    "that is {down} early needs little tuning."
)


def draw(gathered: Gathered) -> Painted:
    """Draw the expected best of each optimizer against the number of runs."""
    if gathered.untrained:
        return nothing(NAME, TITLE, UNTRAINED)
    found = values_of(gathered)
    found = {name: values for name, values in found.items() if len(values) > 1}
    if not found:
        return nothing(NAME, TITLE, "It takes at least two runs of an optimizer that ended.")
    canvas = Canvas(NAME)
    every: list[float] = []
    for name, values in found.items():
        budgets = np.unique(np.geomspace(1, len(values), MOST).round().astype(np.int64))
        best = expected_best(values, budgets, higher=gathered.higher)
        style = look(name)
        canvas.axes.plot(budgets, best, color=style.color, linestyle=style.dash)
        for place in (0, -1):
            runs = f"{budgets[place]} run{'s' * bool(place)}"
            said = f"{name}: expected best {gathered.metric} of {runs} {number(float(best[place]))}"
            canvas.dots([budgets[place]], [best[place]], [said], color=style.color, marker=style.marker)
        every += best.tolist()
    canvas.logarithmic("x")
    canvas.spread_y(every)
    canvas.axes.set(xlabel="runs", ylabel=f"expected best {gathered.metric}")
    canvas.legend(list(found))
    return canvas.drawn(
        TITLE, CAPTION.format(metric=gathered.metric, down="up" if gathered.higher else "down") + gathered.caution
    )


def values_of(gathered: Gathered) -> dict[str, list[float]]:
    """Return what the runs of each optimizer are judged by, the worst for those that diverged."""
    ended = [record for record in gathered.records if record.status in TRAINED]
    known = [value for record in ended if (value := gathered.value(record)) is not None]
    if not known:
        return {}
    worst = min(known) if gathered.higher else max(known)
    found: dict[str, list[float]] = {}
    for record in ended:
        value = gathered.value(record)
        found.setdefault(gathered.optimizer(record), []).append(worst if value is None else value)
    return dict(sorted(found.items()))
