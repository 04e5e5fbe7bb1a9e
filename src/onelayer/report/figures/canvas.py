"""What all figures share: their size, their colours, and how they become SVG and PNG."""

import hashlib
import io
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter

from onelayer.report.drawn import GENERATOR, Drawn, Point
from onelayer.report.figures.layout import lay_out
from onelayer.report.figures.svg import svg_of
from onelayer.report.winner import shortened

# inches of 72 points, of which one is 0.85 pixels on a telephone: text of 13 points can be read there
WIDTH, HEIGHT = 6.0, 4.3
DPI = 160
# text and axes; in the page they have the colour of its text
INK = "#010101"
# what is behind text that lies on lines; in the page that has the colour of its sheet
PAPER = "#fefdfc"
GREY = "#8a8a8a"
# P. Tol, Colour Schemes (2021), `bright` and two of `vibrant`: told apart by the colour-blind, on light and on dark
COLOURS = ("#4477AA", "#EE6677", "#228833", "#AA3377", "#EE7733", "#66CCEE", "#CCBB44", "#009988")
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)))
MARKERS = ("o", "s")
# an optimizer looks the same in every report
KNOWN = (
    *("sgd", "adam", "lbfgs", "momentum", "adamw", "rmsprop", "nesterov", "adagrad"),
    *("amsgrad", "nadam", "radam", "adamax", "adadelta", "rprop", "asgd", "adafactor"),
)
SMALL, TINY = 12.5, 11.5  # points
STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 13,
    "axes.labelsize": 13,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "legend.handlelength": 1.8,
    "legend.columnspacing": 1.0,
    "legend.handletextpad": 0.5,
    "lines.linewidth": 2,
    "svg.fonttype": "none",
    "text.parse_math": False,  # names come from outside
    "path.simplify": True,
    "axes.unicode_minus": True,
}


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
WIDE = 10.0  # times the least value of an axis: from there on it is logarithmic
# signs in a line above the axes
LINE = 56
ROW = 0.26  # inches that one more of them takes


class Powers(LogFormatter):
    """Writes numbers of a logarithmic axis as plain text: 0.01 on a short one, 10⁻², 2·10⁻² on others."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the text of a number; empty where there is no room for it."""
        if not super().__call__(x, pos):
            return ""
        if x == 0:
            return "0"
        assert self.axis is not None
        low, high = self.axis.get_view_interval()
        if low > 0.5e-3 and high < 2e4:
            return f"{x:g}"
        digits, _, power = f"{x:.0e}".partition("e")
        if digits not in ("1", "2", "5"):  # their neighbours leave them no room
            return ""
        raised = str(int(power)).translate(RAISED)
        return f"10{raised}" if digits == "1" else f"{digits}·10{raised}"


def _write_powers(axis: Axis) -> None:
    axis.set_major_formatter(Powers())
    axis.set_minor_formatter(Powers(minor_thresholds=(1, 0.4)))


class Look(NamedTuple):
    """How an optimizer is drawn."""

    color: str
    dash: Any
    marker: str


def look(optimizer: str) -> Look:
    """Return the colour, dash and marker of an optimizer: the same wherever it is drawn."""
    if optimizer in KNOWN:
        place = KNOWN.index(optimizer)
    else:
        place = int(hashlib.sha256(optimizer.encode()).hexdigest()[:8], 16)
    again = place // len(COLOURS) % 2
    return Look(COLOURS[place % len(COLOURS)], DASHES[again], MARKERS[again])


class Canvas:
    """A figure with one pair of axes, or several side by side, and the points of it that may be hovered over.

    Args:
        name: of the figure.
        shares: of its width, one for each pair of axes.
        height: in inches.
    """

    def __init__(self, name: str, shares: Sequence[float] = (1.0,), height: float = HEIGHT) -> None:
        self.name, self._points = name, list[Point]()
        self._shapes: dict[str, int] = {}  # id of an artist -> how many shapes of it are points
        self._shares = shares
        self._bar: Axes | None = None
        with mpl.rc_context(STYLE):
            self.figure = Figure(figsize=(WIDTH, height), layout="constrained")
            FigureCanvasAgg(self.figure)
            columns = self.figure.subplots(1, len(shares), width_ratios=shares, squeeze=False)
            self.all: Sequence[Axes] = columns[0].tolist()
        self.axes = self.all[0]

    def logarithmic(self, *names: Literal["x", "y"]) -> None:
        """Make axes logarithmic."""
        for name in names:
            self._scale(name, "log")

    def spread_x(self, values: Sequence[float]) -> None:
        """Make the axis logarithmic where steps between its values grow with them; at its left is room for zeros."""
        positive = sorted({value for value in values if value > 0})
        if not positive or min(values) < 0 or positive[-1] / positive[0] < WIDE:
            return
        if positive[(len(positive) - 1) // 2] > positive[-1] / 4:  # in equal steps that would be a half
            return
        if min(values) > 0:
            self.logarithmic("x")
        else:
            self._scale("x", "symlog", linthresh=positive[0], linscale=0.6)
            self.axes.set_xlim(left=-0.3 * positive[0])

    def spread_y(self, values: Sequence[float]) -> None:
        """Make the axis logarithmic where its values are of several sizes."""
        if min(values) > 0 and max(values) / min(values) > WIDE:
            self.logarithmic("y")

    def _scale(self, name: Literal["x", "y"], kind: str, **how: Any) -> None:
        (self.axes.set_xscale if name == "x" else self.axes.set_yscale)(kind, **how)
        _write_powers(self.axes.xaxis if name == "x" else self.axes.yaxis)

    def point(self, artist: Any, *labels: str) -> None:
        """Let a reader hover over what was drawn.

        Args:
            artist: a line, a patch, the markers of a line, or a collection.
            labels: one for each shape that the artist draws, in its order.
        """
        gid = f"at{len(self._shapes)}"
        artist.set_gid(gid)
        self._shapes[gid] = len(labels)
        self._points += [Point(f"{gid}-{place}", label) for place, label in enumerate(labels)]

    def dots(
        self, x: Sequence[float], y: Sequence[float], labels: Sequence[str], axes: Axes | None = None, **how: Any
    ) -> None:
        """Draw markers of which each may be hovered over."""
        markers: dict[str, Any] = {"marker": "o", "markersize": 6, "markeredgewidth": 0, "linestyle": "none"}
        (line,) = (axes or self.axes).plot(x, y, **markers | how)
        self.point(line, *labels)

    def boxes(self, places: Sequence[tuple[int, int]], colours: Sequence[Any], labels: Sequence[str]) -> PolyCollection:
        """Draw squares around places (column, line), of which each may be hovered over."""
        corners = np.array([(-0.48, -0.48), (0.48, -0.48), (0.48, 0.48), (-0.48, 0.48)])
        drawn = PolyCollection(np.asarray(places)[:, None] + corners, facecolors=colours, linewidth=0)
        self.axes.add_collection(drawn, autolim=False)
        self.point(drawn, *labels)
        return drawn

    def write(self, x: float, y: float, text: str, ground: Any) -> None:
        """Write into a square, light or dark as its colour asks for."""
        dark = float(np.dot(ground[:3], (0.299, 0.587, 0.114))) < 0.5
        colour = "#fefefe" if dark else "#111111"
        self.axes.text(x, y, text, ha="center", va="center", fontsize=TINY, color=colour)

    def bar(self, shown: ScalarMappable, *, logarithmic: bool) -> None:
        """Say beside the axes which colour is which number."""
        with mpl.rc_context(STYLE):
            self._bar = self.figure.add_axes((0, 0, 1, 1), label="bar")
            self._bar.grid(visible=False)
            drawn = self.figure.colorbar(shown, cax=self._bar)
        drawn.outline.set_visible(False)
        if logarithmic:
            _write_powers(self._bar.yaxis)

    def legend(self, optimizers: Sequence[str] = (), handles: Sequence[Any] = ()) -> None:
        """Write what is what above the axes, where no data are."""
        drawn: list[Any] = []
        for name, label in zip(optimizers, shortened(optimizers), strict=True):
            color, dash, marker = look(name)
            drawn.append(Line2D([], [], color=color, linestyle=dash, marker=marker, markersize=6, label=label))
        drawn += handles
        if drawn:
            longest = max(len(str(one.get_label())) for one in drawn)
            ncols = max(1, min(len(drawn), LINE // (longest + 6)))
            self.figure.set_figheight(self.figure.get_figheight() + ROW * (-(-len(drawn) // ncols) - 1))
            with mpl.rc_context(STYLE):
                self.figure.legend(handles=drawn, loc="outside upper left", ncols=ncols, borderaxespad=0.3)

    def drawn(self, title: str, caption: str) -> "Painted":
        """Return what was drawn."""
        with mpl.rc_context(STYLE):
            if len(self.figure.axes) == len(self.all) + (self._bar is not None):
                lay_out(self.figure, self.all, self._shares, self._bar)
            else:  # a figure with axes of its own making
                self.figure.get_layout_engine().execute(self.figure)  # type: ignore[union-attr]
            # it is laid out, and would be so again each time that it is written
            self.figure.set_layout_engine(None)
        with mpl.rc_context({**STYLE, "svg.hashsalt": self.name}):
            svg = svg_of(self.figure, self._shapes, {INK: "currentColor", PAPER: "var(--sheet, #fff)"})
        return Painted(Drawn(self.name, title, caption, svg, tuple(self._points)), self.figure)


class Painted(NamedTuple):
    """A figure as the page shows it, and as matplotlib holds it."""

    drawn: Drawn
    figure: Figure | None

    def png(self) -> bytes:
        """Return it as PNG, on white."""
        assert self.figure is not None
        file = io.BytesIO()
        with mpl.rc_context(STYLE):
            self.figure.savefig(file, format="png", dpi=DPI, facecolor="white", metadata={"Software": GENERATOR})
        return file.getvalue()


def nothing(name: str, title: str, why: str) -> Painted:
    """Say why there is no such figure."""
    return Painted(Drawn(name, title, why, "", ()), None)
