"""A progress bar with the current loss and gap; silent where nobody watches."""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS = 0.1


class EpochBar:
    """Shows the epochs of a stack on the terminal.

    Args:
        total: epochs to come.
        shown: False silences it; so does an output that is no terminal.
    """

    def __init__(self, total: int, *, shown: bool = True) -> None:
        console = Console(stderr=True)
        self._shown = shown and console.is_terminal
        columns = (TextColumn("epoch"), MofNCompleteColumn(), BarColumn(12), TextColumn("{task.description}"))
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
        self._task = self._progress.add_task("", total=total)
        self._drawn = 0.0

    def __enter__(self) -> Self:
        if self._shown:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._progress.stop()

    def update(self, epoch: int, values: Callable[[], Mapping[str, float]]) -> None:
        """Show an epoch's numbers, at most ten times a second; they are asked for only when they are shown."""
        if not self._shown or time.monotonic() - self._drawn < SECONDS:
            return
        self._drawn = time.monotonic()
        text = "  ".join(f"{name} {value:.4g}" for name, value in values().items())
        self._progress.update(self._task, completed=epoch, description=text)
