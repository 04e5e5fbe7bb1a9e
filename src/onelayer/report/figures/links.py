"""The links that were swept: what each says of a logit, and what came of it."""

import numpy as np

from onelayer.links import LINKS
from onelayer.report.figures.canvas import COLOURS, GREY, INK, Canvas, Painted
from onelayer.report.gather import Gathered
from onelayer.report.leaderboard import Row
from onelayer.report.measures import LEVEL, interval
from onelayer.report.tables import stated

NAME, TITLE = "links", "The links, and what came of them"
KEY = "model.link"
FURTHEST, POINTS = 5.0, 161  # of the logits that are drawn
CAPTION = (
    "Left: the probability of the second class by the logit z, as this model computes it: {formulas}.{probit} "
    "Right: the {metric} of the best setting of each link{spread}. Slopes at zero differ, so logits of two links are "
    "in different units, probabilities are not."
)
PROBIT = (
    " The error function that is drawn among sigmoids, (1 + erf(√π z / 2)) / 2, is probit at √(π/2) z = 1.2533 z; "
    "without l2 the weights take up such a factor."
)


def draw(gathered: Gathered) -> list[Painted]:
    """Draw the curves, and beside them the results; nothing where no link was swept."""
    links = swept_links(gathered)
    if len(links) < 2:
        return []
    canvas = Canvas(NAME, (1.5, 1.0), 2.8 + 0.16 * len(links))
    left, right = canvas.all
    z = np.linspace(-FURTHEST, FURTHEST, POINTS)
    left.axhline(0.5, color=GREY, linewidth=0.8)
    for link in links:
        (line,) = left.plot(z, LINKS[link].inverse(z), color=colour(link), linewidth=1.4)
        canvas.point(line, f"{link}: p(z) = {LINKS[link].formula}")
    left.set(xlabel="logit z", ylabel="p(z)", xlim=(-FURTHEST, FURTHEST), ylim=(-0.03, 1.03))
    rows, means = rows_of_links(gathered), list[float]()
    for link, row in rows.items():
        height, mean = len(links) - 1 - links.index(link), row.mean(gathered.metric)
        assert mean is not None
        means.append(mean.value)
        its, said = interval(mean, len(row.counted)), f"{link}: {gathered.metric} {stated(row, gathered.metric)}"
        if its is not None:
            right.plot(its, [height] * 2, color=colour(link), linewidth=2)
            said += f", {its}"
        canvas.dots([mean.value], [height], [said], right, color=colour(link), markersize=9)
    right.set_yticks(range(len(links)), links[::-1], color=INK)
    ends = sorted({min(means), max(means)} if means else ())
    right.set_xticks(ends, [f"{end:.4g}" for end in ends])
    right.set(xlabel=gathered.metric, ylim=(-0.6, len(links) - 0.4))
    right.margins(x=0.15)
    right.grid(visible=False, axis="y")
    caption = CAPTION.format(
        formulas="; ".join(f"{link} {LINKS[link].formula}" for link in links),
        probit=PROBIT * ("probit" in links),
        metric=gathered.metric,
        spread=f", the mean over its repetitions with its {LEVEL:.0%} interval".replace("%", " %")
        * bool(gathered.board.repeated),
    )
    return [canvas.drawn(TITLE, caption + gathered.caution)]


def swept_links(gathered: Gathered) -> list[str]:
    """Return the links that runs were given, the best first, then those of which no run ended."""
    given = {record.overrides.get(KEY, "") for record in gathered.records}
    ranked = rows_of_links(gathered)
    return [*ranked, *(link for link in LINKS if link in given and link not in ranked)]


def rows_of_links(gathered: Gathered) -> dict[str, Row]:
    """Return the first row of each link in the leaderboard that has a rank; the best first."""
    found: dict[str, Row] = {}
    for row in gathered.board.rows:
        link = row.best.overrides.get(KEY, "")
        if row.rank is not None and link in LINKS:
            found.setdefault(link, row)
    return found


def colour(link: str) -> str:
    """Return the colour of a link: the same in every report."""
    return COLOURS[list(LINKS).index(link) % len(COLOURS)]
