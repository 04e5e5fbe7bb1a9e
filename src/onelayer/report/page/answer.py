"""What a sweep says, in one paragraph: which configuration won, how sure that is, how far it is from the truth."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from onelayer.model.direction import higher_is_better
from onelayer.report.leaderboard import Leaderboard, Row, cautions, repetitions, tally
from onelayer.report.records import comparable
from onelayer.report.tables import number

LEVEL = 0.95  # of the interval; it is said in words below
SPREAD = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"
GAP, REL_GAP = "train/gap", "train/rel_gap"


class Figure(NamedTuple):
    """A number that is shown large.

    Attributes:
        name: what it is.
        text: rounded.
        value: exactly; None for what is no single number.
    """

    name: str
    text: str
    value: float | int | None


@dataclass(frozen=True)
class Answer:
    """What stands at the top of a report.

    Attributes:
        winner: the configuration that won; "" where none did.
        sentences: what is to be known of it.
        figures: its numbers.
        command: trains its best run again; "" without a winner.
    """

    winner: str
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...]
    command: str


class Margin(NamedTuple):
    """How much better one row is than another: the mean of paired differences with its interval, and how many."""

    value: float
    low: float
    high: float
    pairs: int


def _all_ended(runs: int) -> str:
    return "The run came to its end." if runs == 1 else f"All {runs} runs came to their end."


def answer(board: Leaderboard, reference: Mapping[str, Any] | None = None) -> Answer:
    """Sum a leaderboard up.

    Args:
        board: of the sweep.
        reference: what the result of the best run says of the optimum.
    """
    runs = len(board.records)
    counts = Figure("runs", str(runs), runs)
    ended = tally(board.records)
    if board.best is None:
        said = f"No configuration has a finite {board.sort} from all of its runs: {ended}."
        return Answer("", (said, *_sentences(cautions(board))), (counts,), "")
    row = board.best
    told = _configuration(row, board)
    sentences = [_standing(row, board), *_sure(board), *_tested(row, board), _distance(row, reference)]
    worse = any(record.status not in ("done", "stopped") for record in board.records)
    sentences.append(f"Of {runs} runs, {ended}." if worse else _all_ended(runs))
    figures = [_figure(name, row) for name in dict.fromkeys([board.sort, _test_of(board), REL_GAP])]
    shown = tuple(figure for figure in figures if figure is not None)
    return Answer(told, (*sentences, *_sentences(cautions(board))), (*shown, counts), row.best.command)


def margin(first: Row, second: Row, board: Leaderboard) -> Margin | None:
    """Compare two rows over the seeds and folds that both have, as Student's t for paired samples does.

    Returns:
        How much better the first is, with the interval; None for fewer than two pairs.
    """
    # scipy takes a while to import, and a leaderboard alone does without
    from scipy.special import stdtrit

    sign = 1.0 if higher_is_better(board.sort) else -1.0
    ours, theirs = _by_repetition(first, board), _by_repetition(second, board)
    pairs = [sign * (ours[key] - theirs[key]) for key in ours if key in theirs]
    if len(pairs) < 2:
        return None
    mean = math.fsum(pairs) / len(pairs)
    variance = math.fsum((one - mean) ** 2 for one in pairs) / (len(pairs) - 1)
    half = float(stdtrit(len(pairs) - 1, (1 + LEVEL) / 2)) * math.sqrt(variance / len(pairs))
    return Margin(mean, mean - half, mean + half, len(pairs))


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
    mean = row.mean(board.sort)
    assert mean is not None
    value = number(mean.value)
    if mean.spread is not None:
        value += f"{SPREAD}{mean.spread:.2g} over {repetitions(board)}"
    direction = "highest" if higher_is_better(board.sort) else "lowest"
    if len(board.rows) == 1:
        return f"It has {board.sort} {value}."
    return f"It has the {direction} {board.sort} of {len(board.rows)} configurations: {value}."


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
    ahead = f"The next one, {other}, is {found.value:.3g} behind, with a 95 % interval of {low} to {high}"
    over = f"over {found.pairs} pairs"
    if found.low > 0:
        return [f"{ahead} {over}: the two are told apart."]
    return [f"{ahead} {over}: that includes zero, so the two are not told apart."]


def _tested(row: Row, board: Leaderboard) -> list[str]:
    name = _test_of(board)
    mean = row.mean(name)
    if mean is None or name == board.sort:
        return []
    spread = "" if mean.spread is None else f"{SPREAD}{mean.spread:.2g}"
    return [f"On the test rows, which chose nothing, {name} is {number(mean.value)}{spread}."]


def _test_of(board: Leaderboard) -> str:
    return f"test/{board.sort.partition('/')[2]}"


def _distance(row: Row, reference: Mapping[str, Any] | None) -> str:
    gap, relative = row.mean(GAP), row.mean(REL_GAP)
    note = str((reference or {}).get("note") or "").strip().rstrip(".")
    if gap is None:
        return f"How far it is from the exact optimum is not known{f': {note}' if note else ''}."
    said = f"Its training ended {gap.value:.3g} above the exact optimum of its objective"
    if relative is not None:
        said += f", with {100 * relative.value:.3g} % of the way from zero weights left to go"
    return f"{said}{f' ({note})' if note else ''}."


def _figure(name: str, row: Row) -> Figure | None:
    mean = row.mean(name)
    return None if mean is None else Figure(name, number(mean.value), mean.value)


def _sentences(lines: list[str]) -> list[str]:
    return [f"{line[:1].upper()}{line[1:]}." for line in lines]
