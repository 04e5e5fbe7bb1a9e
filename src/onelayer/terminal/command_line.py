"""Commands as they are told to a person, ready to be pasted into a shell."""

import re
import shlex
import sys
from collections.abc import Iterable

from onelayer import CONF


def shell(arguments: Iterable[str]) -> str:
    """Write arguments as one types them: in double quotes what holds single ones, but for signs that those leave."""
    plain = re.compile(r"""[^"$`!\\]*(\\'[^"$`!\\]*)*""")
    return " ".join(f'"{one}"' if "'" in one and plain.fullmatch(one) else shlex.quote(one) for one in arguments)


def train_command(arguments: Iterable[str]) -> str:
    """Return the command that trains with some arguments: by the script of a checkout, else by the console command."""
    in_checkout = (CONF.parent / "src" / "train.py").is_file()
    return shell([*(("python", "src/train.py") if in_checkout else ("onelayer", "train")), *arguments])


def same_command(arguments: Iterable[str]) -> str:
    """Return the command of this process with other arguments."""
    program = sys.argv[0]
    return shell([*(["python", program] if program.endswith(".py") else program.split()), *arguments])
