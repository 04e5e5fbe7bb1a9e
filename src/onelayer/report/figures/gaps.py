"""How far the optimizers are from the exact optimum: against epochs, gradient evaluations, and seconds."""

import numpy as np

from onelayer.report.figures.canvas import Canvas, Painted, look, nothing
from onelayer.report.gather import Gathered
from onelayer.report.measures import Array, band
from onelayer.report.race import GAP, Racer, fastest
from onelayer.report.tables import number

COSTS = {"epochs": "epochs", "evaluations": "gradient evaluations", "seconds": "seconds of training"}
UNTRAINED = "No run was trained (0 epochs): each measures its start."
SMALLEST = 1e-16  # what is nearer to the optimum is at it, as far as float64 can tell
WHAT = (
    "Relative gap (f − f*) / (f(0) − f*) of the training objective, train/rel_gap: 1 at zero weights, 0 at the exact "
    "optimum; of the weights of each epoch, whichever of them is delivered. Of each optimizer the setting that came "
    "down to its targets in the fewest epochs: the line is the median over its repetitions, the band holds 20–80 % of "
    "them."
)
HOW = {
    "epochs": " An epoch is one pass over the train rows, whatever a method does with them.",
    "evaluations": " Each minibatch gradient counts once; a line search of L-BFGS needs several of them a step.",
    "seconds": " Runs that trained together share the time of their steps equally, so that seconds tell stacks apart "
    "rather than runs of one stack.",
}


def draw_epochs(gathered: Gathered) -> Painted:
    """Draw gaps against epochs."""
    return _draw(gathered, "epochs")


def draw_evaluations(gathered: Gathered) -> Painted:
    """Draw gaps against gradient evaluations."""
    return _draw(gathered, "evaluations")


def draw_seconds(gathered: Gathered) -> Painted:
    """Draw gaps against training seconds."""
    return _draw(gathered, "seconds")


def _draw(gathered: Gathered, cost: str) -> Painted:
    name, title = f"gap-{cost}", f"Gap to the exact optimum against {COSTS[cost]}"
    found = {racer.optimizer: racer for racer in fastest(gathered) if _moved(racer, cost)}
    if not found:
        return nothing(name, title, why_none(gathered))
    canvas = Canvas(name)
    for optimizer, racer in found.items():
        _line(canvas, optimizer, racer, cost)
    canvas.logarithmic("x", "y")
    canvas.axes.set(xlabel=COSTS[cost], ylabel="relative gap")
    canvas.legend(list(found))
    return canvas.drawn(title, WHAT + HOW[cost])


def why_none(gathered: Gathered) -> str:
    """Say why there is no gap to draw."""
    if gathered.untrained:
        return UNTRAINED
    if not gathered.curves:
        return "No curves were kept of these runs."
    notes = {str((one.get("reference") or {}).get("note") or "") for one in gathered.results.values()} - {""}
    return f"There is no optimum to compare with: {'; '.join(sorted(notes))}." if notes else "No run has a gap."


def _moved(racer: Racer, cost: str) -> list[tuple[Array, Array]]:
    """Return what can be drawn on logarithmic axes."""
    curves = [(at[at > 0], np.maximum(gap[at > 0], SMALLEST)) for at, gap in racer.curves(cost, GAP)]
    return [one for one in curves if len(one[0])]


def _line(canvas: Canvas, optimizer: str, racer: Racer, cost: str) -> None:
    style = look(optimizer)
    at, (low, middle, high) = band(_moved(racer, cost))
    canvas.axes.fill_between(at, low, high, color=style.color, alpha=0.18, linewidth=0)
    canvas.axes.plot(at, middle, color=style.color, linestyle=style.dash)
    runs = len(_moved(racer, cost))
    of = f", median of {runs} runs" if runs > 1 else ""
    said = f"{racer.setting}: relative gap {number(float(middle[-1]))} after {at[-1]:.5g} {COSTS[cost]}{of}"
    canvas.dots([at[-1]], [middle[-1]], [said], color=style.color, marker=style.marker)
