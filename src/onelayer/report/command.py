"""`onelayer report`, and the report at the end of a sweep."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from onelayer.errors import UserError
from onelayer.explain import TRACEBACK, reported

PAGE = "index.html"
FOLDER = "report"
OURS = b'<meta name="generator" content="onelayer '
HEAD = 4096  # bytes of a page that hold that mark


def report(arguments: list[str]) -> None:
    """Write the report of one or several sweeps; exit 1 where there is nothing to report."""
    parser = argparse.ArgumentParser(
        "onelayer report", description="One page of HTML on a sweep, or on several: figures, tables, and what won."
    )
    parser.add_argument("directories", type=Path, nargs="+", metavar="DIR", help="folder of a sweep")
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="default: DIR/report, of a single DIR")
    given = parser.parse_args(arguments)
    os.environ[TRACEBACK] = os.environ.get("HYDRA_FULL_ERROR", "0")
    with reported():
        sys.stdout.write(f"report at {write_page(given.directories, given.out)}\n")


def write_page(directories: Sequence[Path], out: Path | None = None, *, files: bool = True) -> Path:
    """Gather what sweeps left behind, and write the page.

    Args:
        directories: of sweeps.
        out: a folder, which is made where it is missing; None: ``report`` in the only sweep.
        files: beside the page write its figures as SVG and PNG, and its tables as JSON.

    Returns:
        The page.

    Raises:
        UserError: there is no run, or something else than a report has the place of the page.
    """
    if out is None and len(directories) > 1:
        raise UserError(
            f"the report of {len(directories)} sweeps has no place of its own; name a folder with -o FOLDER"
        )
    path = (out or directories[0] / FOLDER) / PAGE
    if path.exists() and not _is_ours(path):
        raise UserError(f"{path}: this is no report of onelayer; move it away, or name another folder with -o")

    # these bring matplotlib, scipy and more with them
    from onelayer.deliver.place import written
    from onelayer.report.contents import facts
    from onelayer.report.figures import paint_all
    from onelayer.report.gather import gather
    from onelayer.report.listings import tables
    from onelayer.report.page.answer import answer
    from onelayer.report.page.page import page
    from onelayer.report.write import write_files

    gathered = gather(directories)
    best = gathered.board.best
    reference = gathered.results[best.best.directory].get("reference") if best else None
    title = " and ".join(directory.resolve().name for directory in directories)
    painted = paint_all(gathered)
    drawn = [one.drawn for one in painted]
    text = page(title, answer(gathered.board, reference), drawn, tables(gathered), facts(gathered))
    path.parent.mkdir(parents=True, exist_ok=True)
    if files:
        write_files(gathered, painted, path.parent)
    with written(path, force=True) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return OURS in file.read(HEAD)
