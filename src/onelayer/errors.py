"""The one exception that users are meant to see."""

import errno
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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


def rename_keys(text: str, names: Mapping[str, str]) -> str:
    """Return a message with keys of the configuration called what another interface calls them.

    Args:
        text: the message, such as ``data.split.val=2: must be ...``.
        names: key of the configuration -> name, such as ``{"data.split.val": "val"}``; of keys that begin alike, the
            longest counts.
    """
    keys = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.sub(rf"(?<![\w./-])({keys})(?=[=:.,;) ]|$)(?!\.\d)", lambda key: names[key[1]], text)


@contextmanager
def keys_renamed(names: Mapping[str, str]) -> Iterator[None]:
    """Call keys of the configuration in a `UserError` what another interface calls them; see `rename_keys`."""
    try:
        yield
    except UserError as error:
        raise UserError(rename_keys(str(error), names)) from None


def is_full(error: BaseException) -> bool:
    """Say whether there is no room for what was to be written: on the disk, or by a quota or a limit."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
