"""Which optimizer solves most problems, and how much longer than the best it takes (Dolan & Moré, 2002)."""

import math
from collections.abc import Sequence

import numpy as np

from onelayer.report.figures.canvas import Canvas, Painted, look, nothing
from onelayer.report.figures.gaps import why_none
from onelayer.report.gather import Gathered
from onelayer.report.measures import Array, profile, ratios
from onelayer.report.race import Racer, Target, first, racers, targets

NAME, TITLE = "profile", "Performance profile"
CAPTION = (
    "The share of problems ({problems}) that an optimizer solved with at most so many times the gradient evaluations "
    "of the best one. Its height at 1 says how often it was the best; at the right end, how often it arrived at all. "
    "Each optimizer runs with the setting that came to the target with the fewest gradient evaluations."
)


def draw(gathered: Gathered) -> Painted:
    """Draw the profiles of all optimizers."""
    names, costs, said = problems_of(gathered)
    if len(names) < 2:
        return nothing(
            NAME, TITLE, "There is one optimizer only." if names and not gathered.untrained else why_none(gathered)
        )
    if not np.isfinite(costs).any():
        return nothing(NAME, TITLE, "No run came to a target: did not converge.")
    ratio = ratios(costs)
    canvas = Canvas(NAME)
    end = max(2.0, float(ratio[np.isfinite(ratio)].max()) * 1.15)
    for name, mine in zip(names, ratio, strict=True):
        at, share = profile(mine)
        style = look(name)
        steps = np.concatenate([[1.0], at, [end]]), np.concatenate([[0.0], share, share[-1:] if len(share) else [0.0]])
        (line,) = canvas.axes.step(*steps, where="post", color=style.color, linestyle=style.dash)
        solved = int(np.isfinite(mine).sum())
        best = int((mine == 1).sum())
        canvas.point(line, f"{name}: the best of {best}, solved {solved} of {len(mine)}")
    canvas.axes.set_xscale("log", base=2)
    canvas.axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    canvas.axes.set(xlabel="times the gradient evaluations of the best", ylabel="share of problems", ylim=(-0.03, 1.05))
    canvas.legend(names)
    return canvas.drawn(TITLE, CAPTION.format(problems=said))


def problems_of(gathered: Gathered) -> tuple[list[str], Array, str]:
    """Return the optimizers, what each spent on each problem (solvers, problems), and what a problem is.

    A problem is a target, for one kind of data and model, with one seed and fold.
    """
    wanted, those = targets(gathered), racers(gathered)
    names = [name for name in gathered.names if any(one.optimizer == name for one in those)]
    kinds = list(dict.fromkeys(one.problem for one in those))
    columns: list[list[float]] = []
    for target in wanted:
        for kind in kinds:
            times = [_times(those, name, kind, target) for name in names]
            repetitions = dict.fromkeys(key for its in times for key in its)
            columns += [[its.get(key, math.inf) for its in times] for key in repetitions]
    if not columns:
        return [], np.zeros((0, 0)), ""
    per = len(columns) / (len(wanted) * len(kinds))
    parts = [f"{len(wanted)} target{'s' * (len(wanted) > 1)}"]
    parts += [f"{len(kinds)} kinds of data and model"] * (len(kinds) > 1) + [f"{per:g} repetitions"] * (per > 1)
    return names, np.array(columns).T, " × ".join(parts)


def _times(those: Sequence[Racer], name: str, kind: object, target: Target) -> dict[tuple[object, ...], float]:
    mine = [one for one in those if one.optimizer == name and one.problem == kind]
    return first(mine, target, "evaluations").times_by_repetition(target, "evaluations") if mine else {}
