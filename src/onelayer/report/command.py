"""`onelayer report`, and the report at the end of a sweep."""

import os
from collections.abc import Sequence
from pathlib import Path

from onelayer.console import say
from onelayer.errors import UserError
from onelayer.explain import TRACEBACK, reported
from onelayer.parser import Parser

FOLDER = "report"


def report(arguments: list[str]) -> None:
    """Write the report of one or several sweeps; exit 1 where there is nothing to report."""
    shown = {
        "onelayer report outputs/lr_study": "outputs/lr_study/report/index.html",
        "onelayer report outputs/lr_study outputs/l2_study -o both": "two sweeps, side by side",
    }
    parser = Parser("report", "One page of HTML on a sweep, or on several: figures, tables, and what won.", shown)
    parser.add_argument("directories", type=Path, nargs="+", metavar="DIR", help="folder of a sweep")
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="default: DIR/report, of a single DIR")
    given = parser.parse_args(arguments)
    os.environ[TRACEBACK] = os.environ.get("HYDRA_FULL_ERROR", "0")
    with reported():
        say(f"report at {write_page(given.directories, given.out)}")


def write_page(directories: Sequence[Path], out: Path | None = None, *, files: bool = True) -> Path:
    """Gather what sweeps left behind, and write the page.

    Args:
        directories: of sweeps.
        out: a folder, which is made where it is missing; None: ``report`` in the only sweep.
        files: beside the page write its figures as SVG and PNG, and its tables as JSON; where there are those of an
            earlier report, they are written anyway.

    Returns:
        The page.

    Raises:
        UserError: there is no run, or something else than a report is in the folder.
    """
    if out is None and len(directories) > 1:
        raise UserError(
            f"the report of {len(directories)} sweeps has no place of its own; name a folder with -o FOLDER"
        )

    # these bring matplotlib, scipy and more with them
    from onelayer.deliver.place import written
    from onelayer.report.contents import facts
    from onelayer.report.figures import paint_all
    from onelayer.report.gather import gather
    from onelayer.report.listings import tables
    from onelayer.report.page.answer import answer
    from onelayer.report.page.page import page
    from onelayer.report.tensorboard import is_wanted, write_events
    from onelayer.report.write import DATA, PAGE, check_place, write_files

    folder = out or directories[0] / FOLDER
    files = files or (folder / DATA).exists()
    check_place(folder, named=out is not None, files=files)
    path = folder / PAGE
    gathered = gather(directories)
    best = gathered.board.best
    reference = gathered.results[best.best.directory].get("reference") if best else None
    title = " and ".join(directory.resolve().name for directory in directories)
    painted = paint_all(gathered)
    drawn = [one.drawn for one in painted]
    text = page(title, answer(gathered.board, reference), drawn, tables(gathered), facts(gathered))
    folder.mkdir(parents=True, exist_ok=True)
    if files:
        write_files(gathered, painted, folder)
    with written(path, force=True) as partial:
        partial.write_text(text, encoding="utf-8")
    if out is None and is_wanted(directories[0], gathered.board.records):
        write_events(painted, folder, len(gathered.board.records))
    return path
