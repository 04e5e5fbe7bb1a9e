"""The best setting of each optimizer, with the interval of its mean."""

from onelayer.report.figures.canvas import INK, Canvas, Painted, look, nothing
from onelayer.report.gather import Gathered
from onelayer.report.leaderboard import Row
from onelayer.report.measures import LEVEL, interval
from onelayer.report.tables import number, stated
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
    if len(gathered.names) == 1 and len(next(iter(found.values())).counted) == 1:
        return nothing(NAME, TITLE, "There is one optimizer only, and one run of each setting.")
    canvas = Canvas(NAME, height=1.3 + 0.39 * max(2, len(found)))
    axes = canvas.axes
    for place, (name, row) in enumerate(found.items()):
        style, height = look(name), len(found) - 1 - place
        mean = row.mean(gathered.metric)
        assert mean is not None
        its = interval(mean, len(row.counted))
        if its is not None:
            axes.plot(its, [height, height], color=style.color, linewidth=2)
        runs = [(value, record) for record in row.counted if (value := gathered.value(record)) is not None]
        if len(runs) > 1:
            said = [f"{gathered.label(record)}: {gathered.metric} {number(value)}" for value, record in runs]
            below = [height - 0.22] * len(runs)
            canvas.dots([value for value, _ in runs], below, said, color=style.color, markersize=4, alpha=0.7)
        told = f"{gathered.setting(row.best)}: {gathered.metric} {stated(row, gathered.metric)}"
        told += "" if its is None else f", {its}"
        canvas.dots([mean.value], [height], [told], color=style.color, marker=style.marker, markersize=9)
    axes.set_yticks(range(len(found)), shortened([*reversed(found)]), color=INK)
    axes.set(xlabel=gathered.metric, ylim=(-0.6, len(found) - 0.4))
    axes.grid(visible=False, axis="y")
    return canvas.drawn(TITLE, CAPTION + gathered.caution)


def best_rows(gathered: Gathered) -> dict[str, Row]:
    """Return the first row of each optimizer in the leaderboard that has a rank, and so a mean; the best first."""
    rows: dict[str, Row] = {}
    for row in gathered.board.rows:
        if row.rank is not None:
            rows.setdefault(gathered.optimizer(row.best), row)
    return rows
