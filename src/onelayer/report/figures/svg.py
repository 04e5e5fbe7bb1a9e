"""From a figure to an element of SVG that fits into any page, with an id for each shape that may be pointed at."""

import io
import re
from collections.abc import Iterator, Mapping

from matplotlib.figure import Figure

OPENED = '<g id="'


def svg_of(figure: Figure, shapes: Mapping[str, int], colours: Mapping[str, str]) -> str:
    """Return the figure as an element: its size is that of its place, its ground that of the page.

    Args:
        figure: with its axes where they belong.
        shapes: id of an artist -> how many of its shapes get an id of their own: that of the artist, and a place.
        colours: as drawn -> as a page says them.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = _numbered(file.getvalue(), shapes)
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    head, _, rest = text.partition(">")
    text = re.sub(r' (?:width|height)="[^"]*"', "", head) + ">" + rest
    for drawn, said in colours.items():
        text = re.sub(drawn, said, text, flags=re.IGNORECASE)
    return text.strip()


def _numbered(svg: str, shapes: Mapping[str, int]) -> str:
    parts = []
    for part in re.split(f"(?={OPENED})", svg):
        gid = part[len(OPENED) :].partition('"')[0]
        places = iter(range(shapes.get(gid, 0)))

        def shape(found: re.Match[str], gid: str = gid, places: Iterator[int] = places) -> str:
            place = None if found[0].startswith("<defs") else next(places, None)
            return found[0] if place is None else f'{found[0]} id="{gid}-{place}"'

        parts.append(re.sub(r"<defs>.*?</defs>|<(?:use|path)\b", shape, part, flags=re.DOTALL))
        assert next(places, None) is None, f"{gid} has fewer shapes than labels"
    return "".join(parts)
