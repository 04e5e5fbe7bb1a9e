"""A landscape as a figure."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import FuncFormatter, LogLocator
from numpy.typing import NDArray

from onelayer.report.figures.canvas import GREY, INK, RAISED, STYLE, Canvas, look
from onelayer.report.landscape.chosen import Trace
from onelayer.report.landscape.scene import Scene

Array = NDArray[Any]
NAME = "landscape"
HEIGHT = 4.8  # inches
LEVELS = 15
SPAN = 1e5  # from the highest line to the lowest
# from the valley to the heights: light, so that the colours of optimizers stand out everywhere
HILLS = LinearSegmentedColormap.from_list("hills", ["#fdfdfe", "#e6ecf4", "#c7d3e3", "#a5b6cf"])
LINES = "#62779a"
# an optimizer's runs, one after the other
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
ABOVE = 7  # the order of what lies on top of paths
HALO = [Stroke(linewidth=3.4, foreground="white", alpha=0.85), Normal()]


class Moving:
    """What is drawn of one path up to an epoch: a line, or on a curve its points, and a dot at its head."""

    def __init__(self, axes: Axes, trace: Trace, x: Array, y: Array, *, on_curve: bool = False) -> None:
        self.trace, self._x, self._y = trace, x, y
        color, dash = look(trace.optimizer).color, dash_of(trace)
        how: Any = {"linestyle": dash, "path_effects": HALO}
        if on_curve:  # what a chord crosses was never passed
            how = {"linestyle": "none", "marker": "o", "markersize": 2.6, "markeredgewidth": 0}
        (self.line,) = axes.plot(x, y, color=color, zorder=4, **how)
        at = marks(trace.epochs)
        (self.dots,) = axes.plot(
            x[at], y[at], linestyle="none", marker="o", markersize=4.6, color=color, markeredgecolor="white", zorder=5
        )
        (self.head,) = axes.plot(
            x[-1:], y[-1:], marker="o", markersize=6.5, color=color, markeredgecolor="white", zorder=6
        )

    @property
    def artists(self) -> tuple[Line2D, ...]:
        """All of it."""
        return self.line, self.dots, self.head

    def show(self, epoch: int) -> None:
        """Show the path up to an epoch."""
        last = int(np.searchsorted(self.trace.epochs, epoch, side="right"))
        at = [one for one in marks(self.trace.epochs) if one < last]
        self.line.set_data(self._x[:last], self._y[:last])
        self.dots.set_data(self._x[at], self._y[at])
        self.head.set_data(self._x[last - 1 : last], self._y[last - 1 : last])


def paint(scene: Scene) -> tuple[Canvas, list[Moving]]:
    """Draw a landscape; return the canvas, and the paths of runs that were trained."""
    canvas = Canvas(NAME, height=HEIGHT)
    with mpl.rc_context(STYLE):
        moving = (_hills if len(scene.axes) == 2 else _curve)(canvas, scene)
        canvas.legend(handles=_legend(scene, moving))
    return canvas, moving


def levels(heights: Array) -> Array:
    """Return heights for lines, each the same multiple of the one below, (LEVELS,)."""
    positive = heights[np.isfinite(heights) & (heights > 0)]
    highest = float(positive.max())
    return np.geomspace(max(float(positive.min()), highest / SPAN), highest, LEVELS)


def marks(epochs: Array) -> list[int]:
    """Return where in a path the start and the epochs 1, 2, 4, 8, ... are."""
    return [place for place, epoch in enumerate(epochs.tolist()) if epoch & (epoch - 1) == 0]


def dash_of(trace: Trace) -> Any:
    """Return how the line of a run is dashed: a second one of the same optimizer must look different."""
    return look(trace.optimizer).dash if trace.place == 0 else DASHES[trace.place % len(DASHES)]


def _hills(canvas: Canvas, scene: Scene) -> list[Moving]:
    axes, (x, y) = canvas.axes, scene.axes
    axes.grid(visible=False)
    heights = np.ma.masked_invalid(scene.heights)
    at = levels(scene.heights)
    norm = LogNorm(at[0], at[-1])
    filled = axes.contourf(x, y, np.maximum(heights, at[0] * 1e-9), at, norm=norm, cmap=HILLS, extend="min", zorder=1)
    axes.contour(x, y, heights, at, colors=LINES, linewidths=0.6, alpha=0.75, zorder=2)
    bar = canvas.figure.colorbar(filled, ax=axes, pad=0.02, fraction=0.035, aspect=32)
    bar.set_label("objective above the optimum" if scene.optimum is not None else "objective above the lowest seen")
    bar.ax.yaxis.set_major_locator(LogLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(_power))
    bar.ax.yaxis.minorticks_off()
    bar.ax.grid(visible=False)
    bar.outline.set_visible(False)
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=scene.plane.labels[0], ylabel=scene.plane.labels[1])
    moving = []
    for trace, places in zip(scene.traces, scene.places, strict=True):
        if trace.is_point:
            _point(canvas, trace, places[0, 0], places[0, 1])
        else:
            moving.append(Moving(axes, trace, places[:, 0], places[:, 1]))
            _start(axes, places[0, 0], places[0, 1])
    if scene.optimum is not None:
        _star(axes, *scene.optimum)
    return moving


def _curve(canvas: Canvas, scene: Scene) -> list[Moving]:
    axes, (x,) = canvas.axes, scene.axes
    values = scene.lowest + scene.heights
    axes.plot(x, values, color=GREY, linewidth=1.4, zorder=2)
    room = 0.05 * float(np.ptp(values))
    axes.set(xlim=(x[0], x[-1]), ylim=(scene.lowest - room, values.max() + room))
    axes.set(xlabel=scene.plane.labels[0], ylabel="objective")
    moving = []
    for trace, places in zip(scene.traces, scene.places, strict=True):
        height = np.interp(places[:, 0], x, values)
        if trace.is_point:
            _point(canvas, trace, places[0, 0], height[0])
        else:
            moving.append(Moving(axes, trace, places[:, 0], height, on_curve=True))
            _start(axes, places[0, 0], height[0])
    if scene.optimum is not None:
        _star(axes, scene.optimum[0], scene.lowest)
    return moving


def _point(canvas: Canvas, trace: Trace, x: float, y: float) -> None:
    color = look(trace.optimizer).color
    canvas.axes.plot([x], [y], marker="o", markersize=5.5, color=color, markeredgecolor="white", zorder=4)


def _start(axes: Axes, x: float, y: float) -> None:
    axes.plot([x], [y], marker="o", markersize=8, color="white", markeredgecolor=INK, markeredgewidth=1.4, zorder=ABOVE)


def _star(axes: Axes, x: float, y: float) -> None:
    axes.plot([x], [y], marker="*", markersize=13, color=INK, markeredgecolor="white", zorder=ABOVE + 1, clip_on=False)


def _legend(scene: Scene, moving: Sequence[Moving]) -> list[Line2D]:
    dots: Any = {"linestyle": "none", "marker": "o", "markersize": 5}
    handles = [
        Line2D(
            [],
            [],
            color=look(one.trace.optimizer).color,
            label=one.trace.label,
            **({"linestyle": dash_of(one.trace)} if len(scene.axes) == 2 else dots),
        )
        for one in moving
    ]
    points: dict[str, int] = {}
    for trace in scene.traces:
        if trace.is_point:
            points[trace.optimizer] = points.get(trace.optimizer, 0) + 1
    for optimizer, count in points.items():
        label = f"{count} runs of one point" if count > 1 else "a run of one point"
        handles.append(Line2D([], [], color=look(optimizer).color, label=label, **dots))
    how: Any = {"linestyle": "none", "markersize": 7, "color": "white", "markeredgecolor": INK}
    handles += [Line2D([], [], marker="o", label="start", **how)] if moving else []
    if scene.optimum is not None:
        handles.append(Line2D([], [], marker="*", label="optimum", **{**how, "markersize": 10, "color": INK}))
    return handles


def _power(value: float, place: int | None = None) -> str:
    """Write a power of ten."""
    exponent = round(np.log10(value)) if value > 0 else 0
    return f"{value:g}" if -3 < exponent < 4 else f"10{str(exponent).translate(RAISED)}"
