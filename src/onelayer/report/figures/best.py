"""The best setting of each optimizer, with the interval of its mean."""

from onelayer.report.figures.canvas import INK, Canvas, Painted, look, nothing
from onelayer.report.gather import Gathered
from onelayer.report.leaderboard import Row
from onelayer.report.measures import LEVEL, Interval, interval
from onelayer.report.tables import number
from onelayer.report.winner import shortened

NAME, TITLE = "best", "Best configuration of each optimizer"
CAPTION = (
    "The mean over repetitions (seeds or folds) of the best setting of each optimizer; the bar is Student's "
    f"{LEVEL:.0%} interval of the mean, small marks are the runs. Each was chosen by this very number, so all look "
    "somewhat better than they are."
).replace("%", " %")


def draw(gathered: Gathered) -> Painted:
    """Draw a line for each optimizer, the best one at the top."""
    found = best_rows(gathered)
    if not found:
        return nothing(NAME, TITLE, f"No run ended with a {gathered.metric}.")
    if len(gathered.names) == 1 and len(found[0][1].counted) == 1:
        return nothing(NAME, TITLE, "There is one optimizer only, and one run of each setting.")
    canvas = Canvas(NAME, height=1.3 + 0.39 * max(2, len(found)))
    axes = canvas.axes
    for place, (name, row, mean) in enumerate(found):
        style, height = look(name), len(found) - 1 - place
        if mean.half is not None:
            axes.plot([mean.mean - mean.half, mean.mean + mean.half], [height, height], color=style.color, linewidth=2)
        runs = [(value, record) for record in row.counted if (value := gathered.value(record)) is not None]
        if len(runs) > 1:
            said = [f"{gathered.label(record)}: {gathered.metric} {number(value)}" for value, record in runs]
            below = [height - 0.22] * len(runs)
            canvas.dots([value for value, _ in runs], below, said, color=style.color, markersize=4, alpha=0.7)
        spread = "" if mean.half is None else f" ± {mean.half:.2g}"
        told = f"{gathered.setting(row.best)}: {gathered.metric} {number(mean.mean)}{spread}, {len(row.counted)} runs"
        canvas.dots([mean.mean], [height], [told], color=style.color, marker=style.marker, markersize=9)
    axes.set_yticks(range(len(found)), shortened([name for name, *_ in reversed(found)]), color=INK)
    axes.set(xlabel=gathered.metric, ylim=(-0.6, len(found) - 0.4))
    axes.grid(visible=False, axis="y")
    return canvas.drawn(TITLE, CAPTION + gathered.caution)


def best_rows(gathered: Gathered) -> list[tuple[str, Row, Interval]]:
    """Return the first row of each optimizer in the leaderboard that has a rank, with its mean; the best first."""
    found: list[tuple[str, Row, Interval]] = []
    for row in gathered.board.rows:
        name = gathered.optimizer(row.best)
        values = [value for record in row.counted if (value := gathered.value(record)) is not None]
        if row.rank is not None and values and all(name != one for one, *_ in found):
            found.append((name, row, interval(values)))
    return found
