"""The tables of a report; their numbers are those of the files that they were read from."""

import math
from collections.abc import Callable, Sequence

from onelayer.report.drawn import Cell, Listing
from onelayer.report.figures.best import best_rows
from onelayer.report.figures.gaps import why_none
from onelayer.report.gather import Gathered
from onelayer.report.measures import LEVEL, interval, median
from onelayer.report.race import COSTS, first, racers, targets
from onelayer.report.records import Record
from onelayer.report.tables import as_sentence, weights_measured
from onelayer.track.rundir import ENDED

NOT = "did not converge"


def runs(gathered: Gathered) -> Listing:
    """List every run as its result.json has it, in the order of the leaderboard."""
    keys = [one.key for one in gathered.swept]
    metrics = list(dict.fromkeys([*gathered.board.shown, *gathered.board.metrics]))
    groups = ("group",) if gathered.board.groups > 1 else ()
    columns = ("rank", *groups, "status", "optimizer", *keys, *metrics, "best_epoch", *COSTS, "directory", "command")
    rows = []
    for row in gathered.board.rows:
        for record in row.runs:
            swept = [_typed(record.overrides.get(key)) for key in keys]
            measured = [record.metrics.get(name) for name in metrics]
            told = gathered.results.get(record.directory, {})
            costs: list[Cell] = [told.get("best_epoch"), record.epochs, told.get("evaluations"), record.seconds]
            head: list[Cell] = [row.rank, *([row.group] if groups else []), record.status, gathered.optimizer(record)]
            where: list[Cell] = [record.directory.as_posix(), record.command]
            rows.append((*head, *swept, *measured, *costs, *where))
    ranked = "; runs of one configuration share a rank, that of their mean" if gathered.board.repeated else ""
    caption = f"Every run with what it was asked for and what came of it, by {gathered.metric}{ranked}."
    caption += "".join(f" {one}; best_epoch is theirs." for one in weights_measured(gathered.board))
    return Listing("runs", "Runs", caption, columns, tuple(rows))


def best(gathered: Gathered) -> Listing:
    """List the best setting of each optimizer."""
    title, metric = "Best configuration of each optimizer", gathered.metric
    if gathered.board.apart:
        return Listing("best", title, as_sentence(gathered.board.apart), ("optimizer",), ())
    if not gathered.board.repeated:
        single = tuple(
            (n, r.best.value(metric), gathered.setting(r.best), r.best.command) for n, r in best_rows(gathered).items()
        )
        caption = f"The {metric} of the best setting of each optimizer, each of a single run."
        return Listing("best", title, caption, ("optimizer", metric, "setting", "command"), single)
    rows: list[tuple[Cell, ...]] = []
    for name, row in best_rows(gathered).items():
        mean, runs = row.mean(metric), len(row.counted)
        assert mean is not None
        ends = interval(mean, runs) or (None, None)
        rows.append((name, *mean, *ends, runs, gathered.setting(row.best), row.best.command))
    caption = (
        f"The mean {metric} of the best setting of each optimizer with the standard deviation of its runs (seeds or "
        f"folds), as in the leaderboard; low and high are the ends of Student's {LEVEL:.0%} interval of the mean. The "
        "command is that of the best of these runs."
    ).replace("%", " %")
    columns = ("optimizer", metric, f"{metric}_std", "low", "high", "runs", "setting", "command")
    return Listing("best", title, caption, columns, tuple(rows))


def time_to_target(gathered: Gathered) -> Listing:
    """List what each optimizer spent up to each target, in the median over repetitions."""
    rows: list[tuple[Cell, ...]] = []
    those, wanted = racers(gathered), targets(gathered)
    for target in wanted:
        for name in gathered.names:
            mine = [one for one in those if one.optimizer == name]
            if not mine:
                continue
            racer = first(mine, target)
            spent = [median(racer.times(target, cost)) for cost in COSTS]
            reached = sum(math.isfinite(one) for one in racer.times(target, "epochs"))
            cells: list[Cell] = [
                NOT if math.isinf(one) else int(one) if cost != "seconds" else one
                for cost, one in zip(COSTS, spent, strict=True)
            ]
            rows.append((target.said, name, *cells, f"{reached} of {len(racer.row.runs)}", racer.setting))
    caption = (
        "What an optimizer spent until it first was at a target, each number in the median over repetitions (seeds or "
        "folds), with the setting that was there in the fewest epochs. Epochs after the 128th are looked at 64 times "
        "for each doubling of their number."
        if rows
        else why_none(gathered)
    )
    columns = ("target", "optimizer", *COSTS, "reached by", "setting")
    return Listing("targets", "Time to target", caption, columns, tuple(rows))


def failures(gathered: Gathered) -> Listing:
    """List the runs that failed, diverged, or have not ended."""
    bad = [record for record in gathered.records if record.status not in ENDED]
    rows = tuple((record.status, gathered.label(record), record.epochs, _why(record), record.command) for record in bad)
    caption = "Runs that gave no result, and what stopped them." if rows else "Every run ended well."
    return Listing("failures", "Failed and diverged runs", caption, ("status", "run", "epochs", "why", "command"), rows)


def coefficients(gathered: Gathered) -> Listing:
    """List the winner's coefficients in original units."""
    title = "The winner's coefficients in original units"
    if isinstance(gathered.winner, str):
        return Listing("coefficients", title, f"There is no winner: {gathered.winner}.", ("name",), ())
    found, doubts = gathered.winner.coefficients
    if not found:
        return Listing("coefficients", title, f"There are none: {doubts[0]}.", ("name",), ())
    keys = list(dict.fromkeys(key for row in found for key in row))
    rows = tuple(tuple(row.get(key) for key in keys) for row in found)
    caption = (
        f"Of {gathered.winning}; with standard errors and the ends of 95 % intervals, low and high, from the train "
        "rows, where they can be had."
    )
    return Listing(
        "coefficients", title, " ".join([caption, *(f"Caution: {one}." for one in doubts)]), tuple(keys), rows
    )


# in the order of the page
LISTINGS: Sequence[Callable[[Gathered], Listing]] = (runs, best, time_to_target, failures, coefficients)


def tables(gathered: Gathered) -> list[Listing]:
    """Make all tables."""
    return [make(gathered) for make in LISTINGS]


def _why(record: Record) -> str | None:
    if record.status == "diverged":
        return f"diverged at epoch {record.epochs}; try a smaller optim.lr"
    return (record.error or "").strip() or ("has not ended" if record.status == "unfinished" else None)


def _typed(value: str | None) -> Cell:
    """Return a number where the text is one, so that a table can be sorted by it."""
    if value is None:
        return None
    for kind in (int, float):
        try:
            number = kind(value)
        except ValueError:
            continue
        return number if math.isfinite(number) else value
    return value
