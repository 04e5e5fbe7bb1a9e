"""`onelayer landscape`."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from onelayer.errors import UserError
from onelayer.filenames import LANDSCAPE
from onelayer.terminal.parser import Parser

SVG, PNG, GIF, TXT = "landscape.svg", "landscape.png", "landscape.gif", "landscape.txt"


def landscape(arguments: list[str]) -> None:
    """Draw the objective of runs with their paths; exit 1 where that cannot be done."""
    shown = {
        "onelayer train -m optim=sgd,adam logger.weights=true hydra.sweep.dir=outputs/paths": "keeps the paths",
        "onelayer landscape outputs/paths": "over their two main directions",
        "onelayer landscape outputs/paths --weights bmi,bp -o bmi_bp": "over two weights",
    }
    description = (
        "The objective over two weights, or over one, with the paths of optimizers: a\n"
        "figure and an animation. Runs keep their paths where they were trained with\n"
        "logger.weights=true."
    )
    parser = Parser("landscape", description, shown)
    parser.add_argument("directories", type=Path, nargs="+", metavar="RUN", help="folder of a run, or of a sweep")
    parser.add_argument(
        "--weights",
        metavar="A,B",
        help="two weights, or one, by the names of features or as (intercept); of several classes, class:feature; "
        "default: the two main directions of the paths",
    )
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="default: RUN/landscape, of a single RUN")
    parser.add_argument("--force", action="store_true", help="write over the files of FOLDER")
    parser.add_argument("--animation", choices=("gif", "none"), default="gif", help="default: gif")
    given = parser.parse_args(arguments)
    out, caption = draw(
        given.directories,
        given.weights,
        given.out,
        force=given.force,
        animated=given.animation == "gif",
    )
    sys.stdout.write(f"{caption}\nlandscape at {out}\n")


def draw(
    directories: Sequence[Path],
    weights: str | None = None,
    out: Path | None = None,
    *,
    force: bool = False,
    animated: bool = True,
) -> tuple[Path, str]:
    """Draw the landscape of runs: ``landscape.svg``, ``.png`` and ``.gif``, and in ``.txt`` what they show.

    Args:
        directories: of runs, or of sweeps.
        weights: the names of two weights, or of one, with a comma between; None: the two main directions.
        out: a folder, which is made where it is missing; None: ``landscape`` in the only directory.
        force: write over files that are there.
        animated: make the animation, too; there is none where nothing was trained.

    Returns:
        The folder, and what the picture shows, in words.

    Raises:
        UserError: there is nothing to draw, or no place for it; then nothing is written.
    """
    if out is None and len(directories) > 1:
        raise UserError(
            f"the landscape of {len(directories)} runs has no place of its own; name a folder with -o FOLDER"
        )
    out = out or directories[0] / LANDSCAPE
    _refuse_taken(out, force=force)

    # these bring matplotlib and torch with them
    from onelayer.report.landscape.chosen import choose
    from onelayer.report.landscape.film import film
    from onelayer.report.landscape.picture import paint
    from onelayer.report.landscape.plane import parse_names
    from onelayer.report.landscape.scene import survey
    from onelayer.report.write import ALONE

    scene = survey(choose(directories), () if weights is None else parse_names(weights))
    caption = " ".join(scene.caption)
    painted = paint(scene)[0].drawn("Loss landscape", caption)
    head, _, rest = painted.drawn.svg.replace("<svg", f"<svg{ALONE}", 1).partition(">")
    svg = f"{head}><desc>{escape(caption)}</desc>{rest}"
    files = {SVG: svg.encode(), PNG: painted.png(), TXT: "\n".join([*scene.caption, ""]).encode()}
    moving = film(scene) if animated else None
    if moving is not None:
        files[GIF] = moving
    _write(out, files)
    return out, caption


def _refuse_taken(out: Path, *, force: bool) -> None:
    if out.is_file():
        raise UserError(f"{out}: that is a file; name a folder with -o")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise UserError(f"{out}: there are files in that folder; name another one with -o, or add --force")


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    """Write all files, or none.

    Raises:
        UserError: they cannot be written there.
    """
    beside = out.resolve()  # "." has no name
    partial = beside.with_name(f".{beside.name}.{os.getpid()}")
    try:
        shutil.rmtree(partial, ignore_errors=True)  # left by a killed process of the same number
        partial.mkdir(parents=True)
        for name, data in files.items():
            (partial / name).write_bytes(data)
        out.mkdir(exist_ok=True)
        for name in (SVG, PNG, GIF, TXT):
            if name in files:
                (partial / name).replace(out / name)
            else:  # of an earlier landscape, which is no longer this one
                (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{out}: it cannot be written ({error.strerror}); name another folder with -o") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
