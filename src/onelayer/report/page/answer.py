"""What a sweep says, in one paragraph: which configuration won, how sure that is, how far it is from the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from onelayer.model.direction import higher_is_better
from onelayer.report.cautions import cautions
from onelayer.report.leaderboard import Leaderboard, Mean, Row, tally
from onelayer.report.measures import interval
from onelayer.report.records import comparable
from onelayer.report.tables import as_sentence, number, stated, weights_measured
from onelayer.track.rundir import ENDED

GAP, REL_GAP = "train/gap", "train/rel_gap"
SPREAD = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"


class Figure(NamedTuple):
    """A number that is shown large.

    Attributes:
        name: what it is.
        text: rounded.
        value: exactly; None for what is no single number.
        of: what it was measured of, and over how many runs.
    """

    name: str
    text: str
    value: float | int | None
    of: str = ""


@dataclass(frozen=True)
class Answer:
    """What stands at the top of a report.

    Attributes:
        winner: the configuration that won; "" where none did.
        sentences: what is to be known of it.
        figures: its numbers.
        command: trains its best run again; "" without a winner.
        again: says so.
    """

    winner: str
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...]
    command: str
    again: str = "Train it again"


class Margin(NamedTuple):
    """How much better one row is than another: the mean of paired differences with its interval, and how many."""

    value: float
    low: float
    high: float
    pairs: int


def _all_ended(runs: int) -> str:
    return "The run came to its end." if runs == 1 else f"All {runs} runs came to their end."


def answer(board: Leaderboard, result: Mapping[str, Any] | None = None) -> Answer:
    """Sum a leaderboard up.

    Args:
        board: of the sweep.
        result: of the best run.
    """
    runs = len(board.records)
    counts = Figure("runs", str(runs), runs)
    ended = tally(board.records)
    if board.apart:
        firsts = [
            f"Of group {row.group}, {_configuration(row, board)} has the {board.direction} {board.sort}: "
            f"{stated(row, board.sort)}."
            for row in board.bests
        ]
        return Answer("", (*firsts, *map(as_sentence, cautions(board))), (counts,), "")
    if board.best is None:
        said = f"No configuration has a finite {board.sort} from all of its runs: {ended}."
        return Answer("", (said, *map(as_sentence, cautions(board))), (counts,), "")
    row, result = board.best, result or {}
    told = _configuration(row, board)
    sentences = [_standing(row, board), *_sure(board), *_tested(row, board), _distance(row, result)]
    sentences += [f"{one}{_epoch_of(row, result)}." for one in weights_measured(board)]
    worse = any(record.status not in ENDED for record in board.records)
    sentences.append(f"Of {runs} runs, {ended}." if worse else _all_ended(runs))
    figures = [_figure(name, row, board) for name in dict.fromkeys([board.sort, _test_of(board), REL_GAP])]
    shown = tuple(figure for figure in figures if figure is not None)
    every = tuple(one.replace(" ± ", SPREAD) for one in (*sentences, *map(as_sentence, cautions(board))))
    return Answer(told, every, (*shown, counts), row.best.command, _again(row, board))


def margin(first: Row, second: Row, board: Leaderboard) -> Margin | None:
    """Compare two rows over the seeds and folds that both have, as Student's t for paired samples does.

    Returns:
        How much better the first is, with the interval; None for fewer than two pairs.
    """
    sign = 1.0 if higher_is_better(board.sort) else -1.0
    ours, theirs = _by_repetition(first, board), _by_repetition(second, board)
    pairs = [sign * (ours[key] - theirs[key]) for key in ours if key in theirs]
    if len(pairs) < 2:
        return None
    mean = Mean.of(pairs)
    ends = interval(mean, len(pairs))
    assert ends is not None
    return Margin(mean.value, *ends, len(pairs))


def _by_repetition(row: Row, board: Leaderboard) -> dict[tuple[object, ...], float]:
    found: dict[tuple[object, ...], float] = {}
    for run in row.counted:
        value = run.value(board.sort)
        if value is not None:
            found[tuple(comparable(run.overrides.get(key)) for key in board.repeated)] = value
    return found


def _configuration(row: Row, board: Leaderboard) -> str:
    """Name what was swept, or all that was said where nothing was."""
    told = [f"{key}={row.best.overrides[key]}" for key in board.swept if key in row.best.overrides]
    return " ".join(told or board.shared) or "The only configuration"


def _standing(row: Row, board: Leaderboard) -> str:
    value = stated(row, board.sort)
    if len(board.rows) == 1:
        return f"It has {board.sort} {value}."
    return f"It has the {board.direction} {board.sort} of {len(board.rows)} configurations: {value}."


def _sure(board: Leaderboard) -> list[str]:
    """Say whether the first row is told apart from the second, and by what."""
    ranked = [row for row in board.rows if row.rank is not None]
    if len(ranked) < 2:
        return []
    first, second = ranked[:2]
    equal = sum(row.rank == 1 for row in ranked) - 1
    if equal:
        return [f"{equal} other{'s have' if equal > 1 else ' has'} exactly the same value."]
    other = _configuration(second, board)
    found = margin(first, second, board)
    if found is None:
        ours, theirs = first.mean(board.sort), second.mean(board.sort)
        assert ours is not None
        assert theirs is not None
        ahead = f"The next one, {other}, is {abs(theirs.value - ours.value):.3g} behind"
        return [f"{ahead}; with one run each nothing says how much of that is chance: sweep seed=0,1,2 as well."]
    low, high = f"{found.low:.3g}", f"{found.high:.3g}"
    ahead = f"The next one, {other}, is {found.value:.3g} behind, the mean of {found.pairs} paired differences"
    ahead += f", with a 95 % interval of {low} to {high}"
    if found.low > 0:
        return [f"{ahead}: the two are told apart."]
    return [f"{ahead}: that includes zero, so the two are not told apart."]


def _tested(row: Row, board: Leaderboard) -> list[str]:
    name = _test_of(board)
    if row.mean(name) is None or name == board.sort:
        return []
    return [f"On the test rows, which chose nothing, {name} is {stated(row, name, explained=False)}."]


def _test_of(board: Leaderboard) -> str:
    return f"test/{board.sort.partition('/')[2]}"


def _distance(row: Row, result: Mapping[str, Any]) -> str:
    gap, relative = row.mean(GAP), row.mean(REL_GAP)
    note = str((result.get("reference") or {}).get("note") or "").strip().rstrip(".")
    if gap is None:
        return f"How far it is from the exact optimum is not known{f': {note}' if note else ''}."
    average = "" if gap.spread is None else "on average "
    said = f"After its last epoch it was {average}{gap.value:.3g} above the exact optimum of its objective"
    if relative is not None:
        said += f", with {100 * relative.value:.3g} % of the way from zero weights left to go"
    return f"{said}{f' ({note})' if note else ''}."


def _epoch_of(row: Row, result: Mapping[str, Any]) -> str:
    """Say which epoch was chosen in the best run, whose model is shown below."""
    epoch, run = result.get("best_epoch"), "" if len(row.runs) == 1 else " in its best run"
    return "" if epoch is None else f"; epoch {epoch} of {row.best.epochs} was chosen{run}"


def _figure(name: str, row: Row, board: Leaderboard) -> Figure | None:
    mean = row.mean(name)
    if mean is None:
        return None
    which = "after the last epoch" if name.startswith("train/") else "of the weights chosen"
    of = [which] if weights_measured(board) else []
    of += [] if mean.spread is None else [f"mean of {len(row.counted)} runs"]
    return Figure(name, number(mean.value), mean.value, ", ".join(of))


def _again(row: Row, board: Leaderboard) -> str:
    if len(row.runs) == 1:
        return "Train it again"
    return f"Train the best of its {len(row.runs)} runs again, {board.sort} {number(row.best.value(board.sort))}"
