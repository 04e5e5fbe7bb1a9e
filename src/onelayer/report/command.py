"""`onelayer leaderboard` and `onelayer report`, and the report at the end of a sweep."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from onelayer.errors import UserError
from onelayer.filenames import REPORT
from onelayer.terminal.console import say, warn
from onelayer.terminal.parser import Parser

if TYPE_CHECKING:
    from onelayer.report.leaderboard import Leaderboard


def leaderboard(arguments: list[str]) -> None:
    """Print the table of a sweep, and choose a run of it where that is asked for; exit 1 where there is nothing."""

    def count(text: str) -> int:
        if not text.isdecimal() or int(text) == 0:
            raise argparse.ArgumentTypeError(f"{text!r} is no number of rows; give one from 1 up")
        return int(text)

    shown = {
        "onelayer leaderboard outputs/lr_study": "while it runs, too",
        "onelayer leaderboard outputs/lr_study --sort test/r2 --top 5": "by another metric",
        "onelayer leaderboard outputs/lr_study --sort val/mae --choose": "take its first run from now on",
    }
    parser = Parser("leaderboard", "The runs of a sweep, the best first.", shown)
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder of a sweep, such as outputs/lr_study")
    parser.add_argument("--sort", metavar="METRIC", help="val/r2, train/gap, seconds, ...; default: what was monitored")
    parser.add_argument("--top", type=count, default=20, metavar="N", help="rows on the screen; default: 20")
    parser.add_argument("--by-run", action="store_true", help="a row for each run where seeds or folds were swept")
    parser.add_argument(
        "--choose",
        action="store_true",
        help="commands that take DIR take the first run shown; without --sort and --by-run they go by training again",
    )
    given = parser.parse_args(arguments)
    from onelayer.deliver.choice import read_choice
    from onelayer.report.leaderboard import build_leaderboard
    from onelayer.report.records import read_sweep
    from onelayer.report.tables import show
    from onelayer.terminal.console import stdout_console

    board = build_leaderboard(read_sweep(given.directory), sort=given.sort, by_run=given.by_run)
    show(board, stdout_console(), given.top)
    if given.choose:
        _choose(board, given.directory, again=given.sort is None and not given.by_run)
    elif (choice := read_choice(given.directory)) is not None:
        warn(f"note: commands that take {given.directory} go by a choice: {choice.said}")


def _choose(board: "Leaderboard", sweep: Path, *, again: bool) -> None:
    """Let commands that take a sweep take the first run of a table.

    Args:
        board: the table.
        sweep: its folder.
        again: as training orders runs.

    Raises:
        UserError: no run is the first.
    """
    from onelayer.deliver.choice import Choice, write_choice
    from onelayer.report.cautions import cautions
    from onelayer.report.tables import write

    if board.records[0].directory == Path():
        raise UserError(f"--choose: {sweep} is a single run, of which there is nothing to choose")
    if board.best is None:
        why = "; ".join(cautions(board)) or "no run ended well"
        raise UserError(f"--choose: {sweep} has no first run: {why}")
    run, mean = board.best.best.directory.as_posix(), board.best.mean(board.sort)
    assert mean is not None
    if again:
        write(board, sweep)
        write_choice(sweep, None)
        say(f"commands that take {sweep} take {run}, the first run of its leaderboard")
        return
    runs = len(board.best.runs)
    of_row = f", the best of {runs} of the row with the {board.direction} mean" if runs > 1 else ""
    reason = f"the {board.direction} {board.sort} of {len(board.rows)} {'rows' if board.repeated else 'runs'}{of_row}"
    choice = Choice(run, board.sort, mean.value, reason)
    write_choice(sweep, choice)
    say(f"commands that take {sweep} take another run than training would: {choice.said}")


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
    from onelayer.report.facts import facts
    from onelayer.report.figures import paint_all
    from onelayer.report.gather import gather
    from onelayer.report.listings import tables
    from onelayer.report.page.answer import answer
    from onelayer.report.page.page import page
    from onelayer.report.tensorboard import is_wanted, write_events
    from onelayer.report.write import DATA, PAGE, check_place, write_files

    folder = out or directories[0] / REPORT
    files = files or (folder / DATA).exists()
    check_place(folder, named=out is not None, files=files)
    path = folder / PAGE
    gathered = gather(directories)
    best = gathered.board.best
    result = gathered.results[best.best.directory] if best else None
    of = "a run" if len(gathered.records) == 1 else "a sweep" if len(directories) == 1 else f"{len(directories)} sweeps"
    title = " and ".join(directory.resolve().name for directory in directories)
    painted = paint_all(gathered)
    drawn = [one.drawn for one in painted]
    text = page(title, answer(gathered.board, result), drawn, tables(gathered), facts(gathered), of=of)
    folder.mkdir(parents=True, exist_ok=True)
    if files:
        write_files(gathered, painted, folder)
    with written(path, force=True) as partial:
        partial.write_text(text, encoding="utf-8")
    if out is None and is_wanted(directories[0], gathered.board.records):
        write_events(painted, folder, len(gathered.board.records))
    return path
