"""The one exception that users are meant to see."""

import errno
from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can mend, said in one sentence: what, where and what to do."""


class CutShort(Exception):  # noqa: N818
    """A run or a sweep did not come to its end, though nothing is wrong with it.

    Attributes:
        code: what the process exits with.
        what: happened, in a word.
    """

    code = 1
    what = "interrupted"


class NoRoom(CutShort):
    """A disk is full, which no other run would find otherwise."""

    what = "stopped"


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest option, or ``""`` when none is near."""
    near = get_close_matches(word, list(options), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def is_full(error: BaseException) -> bool:
    """Say whether there is no room for what was to be written: on the disk, or by a quota or a limit."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
