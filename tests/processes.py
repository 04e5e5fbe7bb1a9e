"""Trainings in processes that can be killed."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


def started(arguments: Sequence[str], folder: Path) -> int:
    """Start `train` in a copy of this process, where everything is imported already; return its number."""
    number = os.fork()
    if number:
        return number

    def train() -> None:
        from onelayer import cli

        os.setsid()
        with (folder / "said.txt").open("w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        cli.train()

    live(train, ["src/train.py", *arguments], folder)


def live(command: Callable[[], object], argv: Sequence[str], folder: Path) -> NoReturn:
    """Spend what is left of a copy of this process on a command, and end with its exit code."""
    if "torch" in sys.modules:  # whose other threads are not copied, and would be waited for
        sys.modules["torch"].set_num_threads(1)
    code = 70
    try:
        os.chdir(folder)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        sys.argv = [*argv]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        command()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(number: int, seconds: float) -> int | None:
    """Wait for a process; return its exit code, None where it takes longer."""
    until = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            return None
        time.sleep(0.005)


def killed(number: int, how: signal.Signals) -> int:
    os.kill(number, how)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
