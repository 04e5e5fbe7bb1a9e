"""The leaderboard for the eye and for other programs: terminal, Markdown, CSV."""

import csv
import io
import logging
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.text import Text

from onelayer.filenames import LEADERBOARD, LEADERBOARD_PAGE
from onelayer.model.direction import higher_is_better
from onelayer.report.cautions import cautions
from onelayer.report.leaderboard import Leaderboard, Mean, Row, repetitions, tally
from onelayer.report.records import Record, comparable
from onelayer.terminal.table import Column, print_table
from onelayer.whole import whole

log = logging.getLogger("onelayer")
SHORT_DIRECTORY = 24  # characters of a directory that are worth showing
SHORT_TEXT = 16  # characters of a line of text to which a column of it may shrink
LONG_NUMBER = 8  # characters of a parameter
DIRECTORY, GROUP = "directory", "group"
FAILURE = ("overrides", "error", DIRECTORY)
COLOURS = {"diverged": "yellow", "failed": "red", "unfinished": "dim"}


def write(board: Leaderboard, directory: Path) -> None:
    """Write leaderboard.csv and leaderboard.md, each at once or not at all; warn where that cannot be done."""
    texts = {LEADERBOARD: csv_text(board), LEADERBOARD_PAGE: markdown(board, directory.resolve().name)}
    for name, text in texts.items():
        path = directory / name
        try:
            with whole(path) as partial:
                # a name on disk may hold bytes that are no text; they are kept as they are
                partial.write_bytes(text.encode("utf-8", "surrogateescape"))
        except OSError as error:
            log.warning(f"warning: {path} cannot be written ({error.strerror}); the table is on the screen only")
            return


def show(board: Leaderboard, console: Console, top: int = 20) -> None:
    """Print the table, the command of the best run, and the failed runs."""
    for line in headlines(board):
        console.print(Text(line))
    rows = board.rows[:top]
    styles = ["bold" if row.rank == 1 else COLOURS.get(row.best.status, "") for row in rows]
    print_table(_columns(board, rows), console, styles)
    if len(board.rows) > top:
        console.print(
            Text(f"{len(board.rows) - top} more rows; onelayer leaderboard --top {len(board.rows)} shows all")
        )
    for row in board.bests:
        console.print(Text(f"{best_line(board, row)}:"))
        # in one piece, so that it can be copied; the terminal breaks it
        console.print(Text(f"  {row.best.command}\n"), soft_wrap=True)
    failed = _failed(board)
    if failed:
        console.print(Text("failed runs:"))
        told = zip(*(_failure(board, record) for record in failed[:top]), strict=True)
        print_table([_failed_column(name, cells) for name, cells in zip(FAILURE, told, strict=True)], console)
        if len(failed) > top:
            console.print(Text(f"{len(failed) - top} more failed runs; --top {len(failed)} shows all"))


def markdown(board: Leaderboard, name: str) -> str:
    """Return the page: all rows, the command of the best run, and the failed runs.

    Args:
        board: the leaderboard.
        name: of the sweep.
    """
    lines = [f"# {_escaped(name)}", "", *(f"- {_escaped(line)}" for line in headlines(board)), ""]
    columns = _columns(board, board.rows)
    marks = ["---:" if column.numeric else "---" for column in columns]
    cells = zip(*(column.cells for column in columns), strict=True)
    lines += _markdown_table([column.header for column in columns], marks, cells)
    for row in board.bests:
        lines += ["", f"{_escaped(best_line(board, row))}:", "", "```sh", row.best.command, "```"]
    failed = _failed(board)
    if failed:
        lines += ["", "## Failed runs", ""]
        lines += _markdown_table(FAILURE, ["---"] * 3, [_failure(board, record) for record in failed])
    return "\n".join(lines) + "\n"


def csv_text(board: Leaderboard) -> str:
    """Return all rows with every metric in full precision; the spread of a mean has a column of its own."""
    measured = [*dict.fromkeys([*board.shown, *board.metrics]), "epochs", "seconds"]
    spread = bool(board.repeated)
    names = [column for name in measured for column in ((name, f"{name}_std") if spread else (name,))]
    counts = ("runs", "counted") if spread else ()
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    group = (GROUP,) if board.groups > 1 else ()
    writer.writerow(["rank", *group, "status", *counts, *board.swept, *names, "directory", "error", "command"])
    for row in board.rows:
        cells: list[object] = [row.rank, *([row.group] if group else []), row.status]
        cells += [*((len(row.runs), len(row.counted)) if spread else ())]
        cells += [row.best.overrides.get(key) for key in board.swept]
        for name in measured:
            cells += [*(row.mean(name) or (None, None))][: 2 if spread else 1]
        error = next((record.error for record in row.runs if record.error is not None), None)
        writer.writerow([*cells, row.best.directory.as_posix(), error, row.best.command])
    return file.getvalue()


def headlines(board: Leaderboard) -> list[str]:
    """Say what the table is of, in a few lines that stand above it."""
    runs = "1 run" if len(board.records) == 1 else f"{len(board.records)} runs"
    lines = [f"{runs}: {tally(board.records)}"]
    if board.shared:
        lines.append(f"shared by all: {' '.join(board.shared)}")
    direction = "higher" if higher_is_better(board.sort) else "lower"
    lines.append(f"sorted by {board.sort}, {direction} is better")
    if board.repeated:
        lines.append(f"mean ± standard deviation over {repetitions(board)}; --by-run shows each run")
    return [*lines, *weights_measured(board), *cautions(board)]


def as_sentence(clause: str) -> str:
    """Begin a clause with a capital letter and end it with a full stop."""
    return f"{clause[:1].upper()}{clause[1:]}."


def weights_measured(board: Leaderboard) -> list[str]:
    """Say which weights numbers are of, where these are not the same for all."""
    monitors = sorted({record.monitor for record in board.records if record.monitor in board.metrics})
    if not monitors or not any(name.startswith(("val/", "test/")) for name in board.metrics):
        return []
    chose = " or ".join(monitors)
    return [f"val/* and test/* are of the weights that {chose} chose, train/* of those after the last epoch"]


def stated(row: Row, name: str, *, explained: bool = True) -> str:
    """Write what came of a row: a run's number, or ``1.5 ± 0.1 (mean ± standard deviation of 3 runs)``."""
    mean = row.mean(name)
    if mean is None or mean.spread is None:
        return number(mean and mean.value)
    what = f" (mean ± standard deviation of {_runs(row)} runs)" if explained else ""
    return f"{number(mean.value)} ± {mean.spread:.2g}{what}"


def best_line(board: Leaderboard, row: Row) -> str:
    """Name the best run of a group, and of a row of several its best."""
    value = number(row.best.value(board.sort))
    of_row = f", the best of the {len(row.runs)} in the first row" if len(row.runs) > 1 else ""
    of_group = f" of group {row.group}" if board.groups > 1 else ""
    return f"best run{of_group} ({board.sort} {value}{of_row})"


def number(value: float | None) -> str:
    """Write a number with five significant digits, a whole one as it is, and ``-`` for one that is missing."""
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:#.5g}".rstrip(".")


def _columns(board: Leaderboard, rows: Sequence[Row]) -> list[Column]:
    def of(name: str) -> tuple[str, ...]:
        return tuple(_mean(row.mean(name)) for row in rows)

    columns = [
        Column("rank", tuple("-" if row.rank is None else str(row.rank) for row in rows)),
        *([Column(GROUP, tuple(str(row.group or "-") for row in rows))] if board.groups > 1 else []),
        Column("status", tuple(row.status for row in rows), numeric=False),
    ]
    if board.repeated:
        columns.append(Column("runs", tuple(_runs(row) for row in rows), 100))
    for key in board.swept:
        columns.append(_parameter(key, [row.best.overrides.get(key, "") for row in rows]))
    judged = board.sort if board.sort in board.shown else None
    weights = {name: 90 - 10 * place for place, name in enumerate(board.shown)} | {"train/gap": 65}
    columns += [Column(name, of(name), None if name == judged else weights[name]) for name in board.shown]
    for name, weight in (("epochs", 5), ("seconds", 4)):
        cells = tuple(f"{mean.value:.4g}" if (mean := row.mean(name)) else "-" for row in rows)
        columns.append(Column(name, cells, None if name == board.sort else weight))
    directories = tuple(row.best.directory.as_posix() for row in rows)
    columns.append(Column(DIRECTORY, directories, 3, numeric=False, least=SHORT_DIRECTORY, cut=True))
    return columns


def _parameter(key: str, values: Sequence[str]) -> Column:
    """Shorten numbers, unless two that differ would then look alike."""
    numeric = all(value == "" or isinstance(comparable(value), Decimal) for value in values)
    long = [numeric and len(value) > LONG_NUMBER and not value.isdecimal() for value in values]
    short = [f"{float(value):.5g}" if is_long else value for value, is_long in zip(values, long, strict=True)]
    distinct = len({*map(comparable, short)}) == len({*map(comparable, values)})
    return Column(key, tuple(short if distinct else values), numeric=numeric)


def _mean(mean: Mean | None) -> str:
    if mean is None:
        return "-"
    return number(mean.value) if mean.spread is None else f"{number(mean.value)} ±{mean.spread:.2g}"


def _runs(row: Row) -> str:
    return str(len(row.runs)) if len(row.counted) == len(row.runs) else f"{len(row.counted)} of {len(row.runs)}"


def _failed(board: Leaderboard) -> list[Record]:
    return [record for record in board.records if record.status == "failed"]


def _failed_column(header: str, cells: tuple[str, ...]) -> Column:
    # the directory repeats the overrides
    return Column(header, cells, 0 if header == DIRECTORY else None, numeric=False, least=SHORT_TEXT)


def _failure(board: Leaderboard, record: Record) -> tuple[str, str, str]:
    differing = {*board.swept, *board.repeated}
    told = [f"{key}={value}" for key, value in record.overrides.items() if key in differing or not differing]
    error = (record.error or "").strip().splitlines() or ["no reason was written down"]
    return " ".join(told), error[0], record.directory.as_posix()


def _markdown_table(header: Sequence[str], marks: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [[_escaped(cell) for cell in row] for row in (header, *rows)]
    lines.insert(1, list(marks))
    return [f"| {' | '.join(line)} |" for line in lines]


def _escaped(text: str) -> str:
    """Make text fit for a cell: no sign of it is read as Markdown."""
    return re.sub(r"([\\|*`<>\[\]~])", r"\\\1", " ".join(text.splitlines()))
