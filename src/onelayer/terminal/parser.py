"""How the arguments of a command are read: help ends with examples, and a mistake is one sentence."""

import argparse
from collections.abc import Mapping
from typing import NoReturn

from typing_extensions import override

from onelayer.terminal.console import warn


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
    def error(self, message: str) -> NoReturn:
        """Exit with 2 after one sentence."""
        warn(f"error: {self.prog}: {message}; see {self.prog} --help")
        raise SystemExit(2)
