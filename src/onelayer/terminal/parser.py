"""How the arguments of a command are read: help ends with examples, and a mistake is one sentence."""

import argparse
import sys
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, NoReturn

from typing_extensions import override

from onelayer.errors import did_you_mean
from onelayer.terminal.console import warn


def unknown_flags(arguments: Iterable[str], known: Iterable[str]) -> list[str]:
    """List the long flags that are none, nor the beginning of one; behind `--` there are no flags."""
    given = [one.partition("=")[0] for one in takewhile(lambda one: one != "--", arguments) if one.startswith("--")]
    return [flag for flag in given if not any(one.startswith(flag) for one in known)]


def examples(shown: Mapping[str, str]) -> str:
    """Write commands, each below what it does, so that a line can be copied as a whole."""
    return "\n".join(["Examples", *(f"  # {what}\n  {command}" for command, what in shown.items())])


class Parser(argparse.ArgumentParser):
    """The arguments of a command.

    Args:
        command: what stands after `onelayer`.
        description: what it does; its lines stay as they are.
        shown: examples, each with what it does.
    """

    def __init__(self, command: str, description: str, shown: Mapping[str, str]) -> None:
        as_written = argparse.RawDescriptionHelpFormatter
        super().__init__(
            f"onelayer {command}", description=description, epilog=examples(shown), formatter_class=as_written
        )

    @override
    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Refuse a flag that there is not before anything is missed that may stand behind it."""
        for flag in unknown_flags(sys.argv[1:] if args is None else args, self._option_string_actions):
            self.error(f"there is no flag {flag}{did_you_mean(flag, self._option_string_actions)}")
        return super().parse_known_args(args, namespace)

    @override
    def error(self, message: str) -> NoReturn:
        """Exit with 2 after one sentence."""
        warn(f"error: {self.prog}: {message}; see {self.prog} --help")
        raise SystemExit(2)
