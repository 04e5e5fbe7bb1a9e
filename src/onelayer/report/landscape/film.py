"""A landscape as an animation: the paths grow epoch by epoch, slowly at first."""

import io
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray
from PIL import Image

from onelayer.report.figures.canvas import STYLE
from onelayer.report.landscape.picture import ABOVE, paint
from onelayer.report.landscape.scene import Scene

FRAMES = 56
DPI = 100
COLOURS, WHITE = 96, 248
FIRST, EACH, LAST = 900, 110, 2600  # milliseconds


def film(scene: Scene) -> bytes | None:
    """Return the animation as GIF; None where nothing was trained."""
    canvas, moving = paint(scene)
    if not moving:
        return None
    with mpl.rc_context(STYLE):
        title = canvas.axes.set_title("epoch", loc="right", fontsize=11, animated=True)
        # what lies on top of paths is drawn anew with them
        above = [artist for artist in canvas.axes.lines if artist.zorder >= ABOVE]
        artists = [*(artist for one in moving for artist in one.artists), *above]
        for artist in artists:
            artist.set_animated(True)
        canvas.figure.set_dpi(DPI)
        agg: Any = FigureCanvasAgg(canvas.figure)
        agg.draw()
        background = agg.copy_from_bbox(canvas.figure.bbox)
        shots: list[NDArray[np.uint8]] = []
        epochs = frames(max(int(one.trace.epochs[-1]) for one in moving))
        for epoch in epochs:
            agg.restore_region(background)
            title.set_text(f"epoch {epoch}")
            for one in moving:
                one.show(epoch)
            for artist in (*artists, title):
                canvas.axes.draw_artist(artist)
            shots.append(np.asarray(agg.buffer_rgba())[..., :3].copy())
    # one palette for all, of the frame that has everything in it: else colours would flicker
    palette = _with_white(Image.fromarray(shots[-1]).quantize(COLOURS, dither=Image.Dither.NONE))
    first, *rest = (Image.fromarray(one).quantize(palette=palette, dither=Image.Dither.NONE) for one in shots)
    durations = [FIRST, *[EACH] * (len(epochs) - 2), LAST][: len(epochs)]
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=durations, loop=0, optimize=False)
    return file.getvalue()


def _with_white(palette: Image.Image) -> Image.Image:
    """Make what is nearly white so: paper would take any of these colours."""
    colours = np.asarray(palette.getpalette()).reshape(-1, 3)
    colours[colours.min(axis=1) >= WHITE] = 255
    palette.putpalette(colours.flatten().tolist())
    return palette


def frames(last: int) -> list[int]:
    """Return the epochs to be shown, as evenly as they can be on a logarithmic axis."""
    some = np.geomspace(1, last + 1, FRAMES) - 1
    return sorted({round(float(one)) for one in some} | {last})
