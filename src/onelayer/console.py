"""Where tables are shown."""

import io
import sys

from rich.console import Console

PLAIN_WIDTH = 200  # of an output that is no terminal


def stdout_console() -> Console:
    """Return a console for standard output: as wide as the terminal, and of a fixed width where there is none."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an old encoding may lack a sign, such as ±
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)
