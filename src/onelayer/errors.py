"""The one exception that users are meant to see."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can mend, said in one sentence: what, where and what to do."""


class CutShort(Exception):  # noqa: N818
    """A run or a sweep did not come to its end, though nothing is wrong with it.

    Attributes:
        code: what the process exits with.
    """

    code = 1


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest option, or ``""`` when none is near."""
    near = get_close_matches(word, list(options), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
