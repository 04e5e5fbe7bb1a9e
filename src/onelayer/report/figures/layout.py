"""Where axes stand, so that all text around them fits: measured once, where layout engines draw everything twice."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

# inches
MARGIN, BETWEEN = 0.09, 0.13
BAR = 0.17  # of a colour bar
AROUND = (0.8, 0.13, 0.65, 0.13)  # left, right, below and above: what text is likely to take, before it is measured


class Around(NamedTuple):
    """What text around some axes takes, in pixels."""

    left: float
    right: float
    below: float
    above: float


def lay_out(figure: Figure, columns: Sequence[Axes], shares: Sequence[float], bar: Axes | None = None) -> None:
    """Place axes side by side below the legends of a figure.

    Args:
        figure: its size is final.
        columns: from left to right.
        shares: of the width that text leaves free, one for each column.
        bar: a colour bar at the right.
    """
    assert isinstance(figure.canvas, FigureCanvasAgg)
    renderer = figure.canvas.get_renderer()  # type: ignore[no-untyped-call]
    legends = [legend.get_window_extent(renderer).height for legend in figure.legends]
    every = [*columns, *([] if bar is None else [bar])]
    around = [Around(*(inches * figure.dpi for inches in AROUND))] * len(every)
    _place(figure, every, shares, around, sum(legends))
    around = []
    for axes in every:
        box, text = axes.get_window_extent(renderer), axes.get_tightbbox(renderer, for_layout_only=True)
        assert text is not None
        # the height that is left may ask for other ticks, whose text was not measured
        axes.yaxis.set_major_locator(FixedLocator(axes.yaxis.get_majorticklocs().tolist()))
        around.append(Around(box.x0 - text.x0, text.x1 - box.x1, box.y0 - text.y0, text.y1 - box.y1))
    _place(figure, every, shares, around, sum(legends))


def _place(
    figure: Figure, every: Sequence[Axes], shares: Sequence[float], around: Sequence[Around], legend: float
) -> None:
    margin, between, bar = (inches * figure.dpi for inches in (MARGIN, BETWEEN, BAR))
    width, height = figure.bbox.width, figure.bbox.height
    bars = len(every) - len(shares)
    free = width - 2 * margin - between * (len(every) - 1) - bar * bars
    free -= sum(one.left + one.right for one in around)
    widths = [*(free * share / sum(shares) for share in shares), *[bar] * bars]
    bottom = margin + max(one.below for one in around)
    top = height - margin - legend - max(one.above for one in around)
    left = margin
    for axes, text, its in zip(every, around, widths, strict=True):
        left += text.left
        axes.set_position((left / width, bottom / height, its / width, (top - bottom) / height))
        left += its + text.right + between
