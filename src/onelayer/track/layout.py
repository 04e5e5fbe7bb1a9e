"""What stands together in TensorBoard's Custom Scalars: training and validation of one quantity in one chart."""

import re
from collections.abc import Iterable, Mapping

from tensorboard.plugins.custom_scalar.layout_pb2 import (
    Category,
    Chart,
    Layout,
    MarginChartContent,
    MultilineChartContent,
)

RUNS, STACKS = "runs", "stacks"
# charts of several tags, in their order; each metric has one of its own
TOGETHER: Mapping[str, tuple[str, ...]] = {
    "loss": ("train/loss", "val/loss"),
    "objective and gap to the optimum": ("train/objective", "train/gap", "train/rel_gap"),
}


def of_runs(tags: Iterable[str]) -> Layout:
    """Lay out the curves of a run.

    Args:
        tags: all that it has, as stage/name; charts of others are left out.
    """
    left = dict.fromkeys(tags)
    charts: dict[str, list[str]] = {}
    for title, wanted in TOGETHER.items():
        there = [tag for tag in wanted if tag in left]
        if there:
            charts[title] = there
        for tag in there:
            del left[tag]
    for tag in left:
        charts.setdefault(tag.partition("/")[2], []).append(tag)
    lines = [Chart(title=title, multiline=MultilineChartContent(tag=_exactly(tags))) for title, tags in charts.items()]
    return Layout(category=[Category(title=RUNS, chart=lines)])


def of_stacks(tags: Iterable[str], low: str, middle: str, high: str) -> Layout:
    """Lay out how the runs of a stack are spread: a line with a band, for each quantity.

    Args:
        tags: the quantities.
        low: what follows a tag and a slash for the lower edge of the band.
        middle: likewise for the line.
        high: likewise for the upper edge.
    """
    bands = [
        Chart(
            title=tag,
            margin=MarginChartContent(
                series=[MarginChartContent.Series(value=f"{tag}/{middle}", lower=f"{tag}/{low}", upper=f"{tag}/{high}")]
            ),
        )
        for tag in tags
    ]
    return Layout(category=[Category(title=STACKS, chart=bands)])


def _exactly(tags: Iterable[str]) -> list[str]:
    """Return expressions that match these tags and none that only begins with them."""
    return [f"{re.escape(tag)}$" for tag in tags]
