"""The figures of a report, one to a file: to add one, write a file and a line here."""

from collections.abc import Callable, Sequence

from onelayer.report.figures import (
    best,
    budget,
    coefficients,
    diagnostics,
    gaps,
    heat,
    links,
    parallel,
    profile,
    response,
)
from onelayer.report.figures.canvas import Painted, nothing
from onelayer.report.gather import Gathered
from onelayer.report.tables import as_sentence

# in the order of the page
FIGURES: Sequence[Callable[[Gathered], Painted | list[Painted]]] = (
    best.draw,
    response.draw_rate,
    response.draw,
    links.draw,
    gaps.draw_epochs,
    gaps.draw_evaluations,
    gaps.draw_seconds,
    profile.draw,
    budget.draw,
    heat.draw,
    parallel.draw,
    diagnostics.draw,
    coefficients.draw,
)
# what runs are judged by stands on an axis, or chooses what is drawn
COMPARING = (best.draw, response.draw_rate, response.draw, links.draw, budget.draw, heat.draw, parallel.draw)


def paint_all(gathered: Gathered) -> list[Painted]:
    """Draw all figures; one that does not apply says why."""
    found: list[Painted] = []
    for draw in FIGURES:
        if draw in COMPARING and gathered.board.apart:
            continue
        painted = draw(gathered)
        found += painted if isinstance(painted, list) else [painted]
    if gathered.board.apart:
        found.append(nothing("comparing", "Figures that compare runs", as_sentence(gathered.board.apart)))
    return found
