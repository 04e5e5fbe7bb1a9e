"""The winner's coefficients, comparable with each other."""

from typing import Any

import numpy as np

from onelayer.report.figures.canvas import COLOURS, GREY, INK, Canvas, Painted, nothing
from onelayer.report.gather import Gathered
from onelayer.report.winner import Winner, shortened

NAME, TITLE = "coefficients", "The winner's coefficients"
MOST = 20
CUT = 4  # times the largest: what is longer leaves the figure
CAPTION = (
    "Of {winning}: what one step of the scaling of training ({scaling}) in each feature adds to {what}{most}. Bars are "
    "95 % intervals{cut}{doubt}. In original units they are in the table."
)


def draw(gathered: Gathered) -> Painted:
    """Draw the largest ones, the largest at the top."""
    winner = gathered.winner
    if isinstance(winner, str):
        return nothing(NAME, TITLE, f"There is no winner: {winner}.")
    rows, doubts = winner.coefficients
    if not rows:
        return nothing(NAME, TITLE, f"There are none: {doubts[0]}.")
    found = _largest(rows, winner)
    if not found:
        return nothing(NAME, TITLE, "The model has no coefficients but a constant.")
    canvas = Canvas(NAME, height=1.3 + 0.29 * max(2, len(found)))
    axes = canvas.axes
    axes.axvline(0, color=GREY, linewidth=1)
    classes = list(dict.fromkeys(row.get("class") for row, *_ in found))
    for place, (row, value, low, high) in enumerate(found):
        height, colour = len(found) - 1 - place, COLOURS[classes.index(row.get("class")) % len(COLOURS)]
        if low is not None and high is not None:
            axes.plot([low, high], [height, height], color=colour, linewidth=2, alpha=0.6)
        original = f"{row['coefficient']:.5g} in original units"
        of = f"{row['class']}, " if row.get("class") else ""
        canvas.dots([value], [height], [f"{of}{row['name']}: {value:.4g} ({original})"], color=colour, marker="o")
    largest, furthest = abs(found[0][1]), max(abs(end or 0.0) for _, *ends in found for end in ends)
    if furthest > CUT * largest:  # of separable classes, say
        axes.set_xlim(-CUT * largest, CUT * largest)
    names = [f"{row['class']}: {row['name']}" if row.get("class") else str(row["name"]) for row, *_ in found]
    axes.set_yticks(range(len(found)), shortened(names[::-1], 24), color=INK)
    axes.locator_params(axis="x", nbins=5)
    axes.set(ylim=(-0.7, len(found) - 0.3), xlabel="effect of one step")
    axes.grid(visible=False, axis="y")
    every = sum(row.get("role", "estimated") == "estimated" for row in rows) - 1
    what = (
        "the prediction" if not winner.classes else "the log-odds" if winner.artefact.link.is_log_odds else "the logits"
    )
    doubt = f"; {doubts[0]}" if doubts else ""
    cut = ", and leave the figure where they are wider" if furthest > CUT * largest else ""
    most = f"; the {len(found)} largest of {every}" if every > len(found) else ""
    said = CAPTION.format(
        winning=gathered.winning, scaling=winner.spec.data.normalize, what=what, most=most, cut=cut, doubt=doubt
    )
    return canvas.drawn(TITLE, said)


def _largest(
    rows: list[dict[str, Any]], winner: Winner
) -> list[tuple[dict[str, Any], float, float | None, float | None]]:
    """Return the largest coefficients of scaled features, with the ends of their intervals."""
    steps = dict(zip(winner.artefact.columns, np.asarray(winner.artefact.x_scale, float).tolist(), strict=True))
    found = []
    for row in rows:
        step = steps.get(row["name"])
        if step is None or row["coefficient"] is None or row.get("role", "estimated") != "estimated":
            continue
        ends = [None if row.get(end) is None else row[end] * step for end in ("low", "high")]
        found.append((row, row["coefficient"] * step, *ends))
    found.sort(key=lambda one: -abs(one[1]))
    return found[:MOST]
