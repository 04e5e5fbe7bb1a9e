"""What all figures share: their size, their colours, and how they become SVG and PNG."""

import hashlib
import io
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from onelayer.report.drawn import Drawn, Point
from onelayer.report.winner import shortened

# inches of 72 points: on a telephone a point is somewhat less than a pixel
WIDTH, HEIGHT = 6.0, 3.9
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
STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
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
    "legend.columnspacing": 1.2,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "text.parse_math": False,  # names come from outside
    "path.simplify": True,
    "axes.unicode_minus": True,
}


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# signs in a line above the axes
LINE = 62
ROW = 0.2  # inches that one more of them takes


class Powers(LogFormatter):
    """Writes numbers of a logarithmic axis as plain text: 0.01 on a short one, 10⁻², 2·10⁻² on others."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the text of a number; empty where there is no room for it."""
        if not super().__call__(x, pos):
            return ""
        assert self.axis is not None
        low, high = self.axis.get_view_interval()
        if low > 0.5e-3 and high < 2e4:
            return f"{x:g}"
        digits, _, power = f"{x:.0e}".partition("e")
        raised = str(int(power)).translate(RAISED)
        return f"10{raised}" if digits == "1" else f"{digits}·10{raised}"


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
        columns: axes side by side.
        height: in inches.
    """

    def __init__(self, name: str, columns: int = 1, height: float = HEIGHT) -> None:
        self.name, self._points = name, list[Point]()
        with mpl.rc_context(STYLE):
            self.figure = Figure(figsize=(WIDTH, height), layout="constrained")
            self.figure.get_layout_engine().set(w_pad=0.07, h_pad=0.06)  # type: ignore[union-attr,call-arg]
            FigureCanvasAgg(self.figure)
            self.all: Sequence[Axes] = np.atleast_1d(self.figure.subplots(1, columns)).tolist()
        self.axes = self.all[0]

    def logarithmic(self, *names: Literal["x", "y"]) -> None:
        """Make axes logarithmic."""
        for name in names:
            (self.axes.set_xscale if name == "x" else self.axes.set_yscale)("log")
            axis = self.axes.xaxis if name == "x" else self.axes.yaxis
            axis.set_major_formatter(Powers())
            axis.set_minor_formatter(Powers(minor_thresholds=(1, 0.4)))

    def point(self, artist: Any, label: str) -> None:
        """Let a reader hover over something that was drawn."""
        gid = f"at{len(self._points)}"
        artist.set_gid(gid)
        self._points.append(Point(gid, label))

    def dots(
        self, x: Sequence[float], y: Sequence[float], labels: Sequence[str], axes: Axes | None = None, **how: Any
    ) -> None:
        """Draw markers of which each may be hovered over."""
        for at, height, label in zip(x, y, labels, strict=True):
            (line,) = (axes or self.axes).plot(
                [at], [height], linestyle="none", **{"marker": "o", "markersize": 5, "markeredgewidth": 0, **how}
            )
            self.point(line, label)

    def legend(self, optimizers: Sequence[str] = (), handles: Sequence[Any] = ()) -> None:
        """Write what is what above the axes, where no data are."""
        from matplotlib.lines import Line2D

        drawn: list[Any] = []
        for name in optimizers:
            one = look(name)
            drawn.append(
                Line2D(
                    [],
                    [],
                    color=one.color,
                    linestyle=one.dash,
                    marker=one.marker,
                    markersize=4.5,
                    label=shortened([name])[0],
                )
            )
        drawn += handles
        if drawn:
            longest = max(len(str(one.get_label())) for one in drawn)
            ncols = max(1, min(len(drawn), LINE // (longest + 6)))
            self.figure.set_figheight(self.figure.get_figheight() + ROW * (-(-len(drawn) // ncols) - 1))
            with mpl.rc_context(STYLE):
                self.figure.legend(handles=drawn, loc="outside upper left", ncols=ncols)

    def drawn(self, title: str, caption: str) -> "Painted":
        """Return what was drawn."""
        with mpl.rc_context(STYLE):
            self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # it is laid out, and would be so again each time that it is written
        return Painted(Drawn(self.name, title, caption, self._svg(), tuple(self._points)), self.figure)

    def _svg(self) -> str:
        """Return the figure as an element that fits into any page: its size is that of its place."""
        file = io.StringIO()
        with mpl.rc_context({**STYLE, "svg.hashsalt": self.name}):
            self.figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        text = file.getvalue()
        text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
        head, _, rest = text.partition(">")
        head = re.sub(r' (?:width|height)="[^"]*"', "", head)
        text = re.sub(INK, "currentColor", f"{head}>{rest}", flags=re.IGNORECASE)
        return re.sub(PAPER, "var(--sheet, #fff)", text, flags=re.IGNORECASE).strip()


class Painted(NamedTuple):
    """A figure as the page shows it, and as matplotlib holds it."""

    drawn: Drawn
    figure: Figure | None

    def png(self) -> bytes:
        """Return it as PNG, on white."""
        assert self.figure is not None
        file = io.BytesIO()
        with mpl.rc_context(STYLE):
            self.figure.savefig(file, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
        return file.getvalue()


def nothing(name: str, title: str, why: str) -> Painted:
    """Say why there is no such figure."""
    return Painted(Drawn(name, title, why, "", ()), None)
