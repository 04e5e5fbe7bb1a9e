"""The figures of a report in TensorBoard: a run of their own, named after the folder that they lie in."""

import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from onelayer.errors import UserError
from onelayer.filenames import EVENTS
from onelayer.report.figures.canvas import Painted
from onelayer.report.records import Record
from onelayer.stored_config import stored_spec

# TensorBoard sorts by name, and opens the first two of train/, val/, verdict/ and this one
GROUP = "whole sweep"


def is_wanted(sweep: Path, records: Sequence[Record]) -> bool:
    """Tell whether the runs of a sweep were to be looked at in TensorBoard, with figures."""
    for record in records:
        with suppress(UserError):
            logger = stored_spec(sweep / record.directory).logger
            return logger.tensorboard and logger.figures
    return False


def write_events(painted: Sequence[Painted], folder: Path, step: int) -> None:
    """Write figures in the order of the page, in the place of those of an earlier report.

    Args:
        painted: those that could not be drawn are left out.
        folder: of the report.
        step: how many runs they are made of.
    """
    from onelayer.track.tensorboard import EventWriter

    drawn = [one for one in painted if one.figure is not None]
    with TemporaryDirectory(prefix=".", dir=folder) as made:
        writer = EventWriter(Path(made))
        for place, one in enumerate(drawn, 1):
            png = one.png()
            tag = f"{GROUP}/{place:02} {one.drawn.name}"
            writer.image(tag, png, _size(png), step, title=one.drawn.title, caption=one.drawn.caption)
        writer.close()
        (new,) = Path(made).iterdir()
        for old in folder.glob(f"{EVENTS}*"):
            old.unlink()
        new.replace(folder / new.name)


def _size(png: bytes) -> tuple[int, int]:
    """Read (width, height) where the format has them: PNG, third edition, 11.2.1."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height
