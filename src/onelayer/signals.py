"""How a command ends when it is told to."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from onelayer.data.tables.sql import interruptible


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a termination go the way of Ctrl-C, so that nothing half-written and no temporary file stays.

    The exit code is what shells say of such an end: 130 after Ctrl-C, 143 after a termination.
    """
    code = 128 + signal.SIGINT

    def end(number: int, frame: object) -> None:
        nonlocal code
        code = 128 + number
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        with interruptible():
            yield
    except KeyboardInterrupt:
        sys.exit(code)
    finally:
        signal.signal(signal.SIGTERM, before)
