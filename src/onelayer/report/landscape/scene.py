"""What a landscape shows: the objective on a grid, and the places of the paths on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelayer.errors import UserError
from onelayer.optimum.truth import ROUNDING
from onelayer.report.landscape.chosen import Chosen, Trace
from onelayer.report.landscape.ground import Ground
from onelayer.report.landscape.plane import Plane, plane_of_paths, plane_of_weights

Array = NDArray[Any]
FINEST, COARSEST = 90, 24  # places of the grid along each axis
ALONG = 241  # places along a line
WORK = 1e12  # multiplications of a grid, about a minute of one core
HIGHEST = 4.0  # what is so many times as high as the highest start is not in the picture
MARGIN = 0.12  # of the picture, around the paths
FLATTEST = 0.3  # the shorter side of the picture in weights, as a share of the longer one


@dataclass(frozen=True)
class Scene:
    """A landscape before it is drawn.

    Attributes:
        plane: over which it is.
        traces: the runs.
        places: of each of these, (k, d).
        axes: (n,) the places of the grid along each of d directions.
        heights: (n,) or (n, n), of the second direction and then the first: the objective above `lowest`.
        lowest: the objective at the optimum; where that is not known, the lowest that was seen.
        optimum: (d,), its place; None where it is not known.
        caption: sentences.
    """

    plane: Plane
    traces: tuple[Trace, ...]
    places: tuple[Array, ...]
    axes: tuple[Array, ...]
    heights: Array
    lowest: float
    optimum: Array | None
    caption: tuple[str, ...]


def survey(chosen: Chosen, weights: Sequence[str] = ()) -> Scene:
    """Measure a landscape.

    Args:
        chosen: its runs.
        weights: the names of two weights, or of one; none: the two main directions of the paths.

    Raises:
        UserError: the rows of training are gone, there are no such weights, or nothing moved.
    """
    traces = chosen.traces
    first = traces[0]  # the one that came lowest
    ground = Ground(first.directory, first.artefact)
    base, where = ground.optimum, "at the exact optimum"
    if base is None:
        base, where = first.theta[-1], f"where {first.label} ended"
    measured = [ground.measure(trace.theta) for trace in traces]
    known = ground.optimum is not None
    lowest = ground.lowest if known else float(min(objective.min() for objective, _ in measured))
    heights = [gap if known else objective - lowest for objective, gap in measured]
    seen = _in_view(traces, heights)
    if weights and not ground.names:
        raise UserError(f"--weights {','.join(weights)}: with a hidden layer weights have no names; leave it out")
    if not weights and base.size <= 2:
        weights = ground.names
    plane = (
        plane_of_weights(weights, ground.names, base, scaled=ground.scaled, where=where)
        if weights
        else plane_of_paths(seen, base, scaled=ground.scaled, where=where)
    )
    optimum = plane.project(base[None])[0] if known else None
    around = plane.project(seen if optimum is None else np.concatenate([seen, base[None]]))
    axes = _axes(around, COARSEST if not ground.quadratic and _coarse(ground) < COARSEST else _coarse(ground))
    mesh = np.stack(np.meshgrid(*axes), axis=-1)
    objective, gap = ground.measure(plane.weights(mesh.reshape(-1, len(axes))))
    if not known and objective.min() < lowest:
        lowest = float(objective.min())
    grid = (gap if known else objective - lowest).reshape(mesh.shape[:-1])
    if not np.nanmax(grid) > 0:
        raise UserError("the objective is the same all over the picture; name other weights with --weights")
    return Scene(
        plane=plane,
        traces=traces,
        places=tuple(plane.project(trace.theta) for trace in traces),
        axes=axes,
        heights=grid,
        lowest=lowest,
        optimum=optimum,
        caption=_caption(ground, plane, chosen, lowest, float(np.nanmax(grid)), base),
    )


def _in_view(traces: Sequence[Trace], heights: Sequence[Array]) -> Array:
    """Return the points of all paths that are not far above the starts, (points, outputs, columns)."""
    limit = HIGHEST * max(float(one[0]) for one in heights)
    inside = [trace.theta[one <= limit] for trace, one in zip(traces, heights, strict=True)]
    return np.concatenate(inside if limit > 0 else [trace.theta for trace in traces])


def _coarse(ground: Ground) -> int:
    """Return how many places along each axis can be afforded."""
    return FINEST if ground.quadratic else min(FINEST, max(COARSEST, int((WORK / ground.work) ** 0.5)))


def _axes(around: Array, count: int) -> tuple[Array, ...]:
    """Return the grid that holds some places, (points, d)."""
    low, high = around.min(axis=0), around.max(axis=0)
    span = np.maximum(high - low, FLATTEST * (high - low).max())
    span[span == 0] = 1.0
    middle, half = (low + high) / 2, (0.5 + MARGIN) * span
    places = ALONG if len(span) == 1 else count
    return tuple(np.linspace(m - h, m + h, places) for m, h in zip(middle, half, strict=True))


def _caption(
    ground: Ground, plane: Plane, chosen: Chosen, lowest: float, highest: float, base: Array
) -> tuple[str, ...]:
    """Say what is to be seen, a sentence each."""
    what = "Lines of equal objective" if len(plane.directions) == 2 else "The objective"
    at = f"f* = {lowest if abs(lowest) > ROUNDING * highest else 0.0:.5g}"
    if ground.optimum is None:
        said = [f"{what}, {at} the lowest that was seen; there is no exact optimum to compare with ({ground.note})"]
    else:
        said = [f"{what}, {at} at the exact optimum{f' ({ground.note})' if ground.note else ''}"]
    said.append(plane.note)
    moved = [trace for trace in chosen.traces if not trace.is_point]
    if moved:
        said.append("Dots on a path are the starts and epochs 1, 2, 4, 8, ...")
        off = [trace.theta - plane.weights(plane.project(trace.theta)) for trace in moved]
        if max(float(np.abs(one).max()) for one in off) > 1e-6 * max(float(np.abs(base).max()), 1e-300):
            said.append("Paths are projected: their own objective is not the one that they are drawn on")
    starts = {trace.theta[0].tobytes() for trace in moved}
    if len(starts) > 1:
        said.append(f"The paths have {len(starts)} different starts")
    diverged = [trace.label for trace in moved if trace.artefact.header["training"]["status"] == "diverged"]
    if diverged:
        said.append(f"{', '.join(diverged)} diverged and {'leaves' if len(diverged) == 1 else 'leave'} the picture")
    said += [note[0].upper() + note[1:] for note in chosen.notes]
    return tuple(f"{one.removesuffix('.')}." if not one.endswith("...") else one for one in said)
