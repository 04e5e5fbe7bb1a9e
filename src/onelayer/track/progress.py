"""A progress bar with the current loss and gap; silent where nobody watches."""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

SECONDS = 0.1


class LiveBar:
    """A progress bar that is there while its context is, and silent where nobody watches.

    Args:
        columns: of the bar.
        total: of its one task; None: it is said later.
        shown: False silences it; so does an output that is no terminal.
    """

    def __init__(self, *columns: ProgressColumn, total: float | None, shown: bool) -> None:
        console = Console(stderr=True)
        self._shown = shown and console.is_terminal
        self._progress = Progress(*columns, console=console, transient=True)
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

    def due(self) -> bool:
        """Whether it is time to draw again, at most ten times a second."""
        if not self._shown or time.monotonic() - self._drawn < SECONDS:
            return False
        self._drawn = time.monotonic()
        return True


class EpochBar(LiveBar):
    """Shows the epochs of a run.

    Args:
        total: epochs to come.
        shown: False silences it.
    """

    def __init__(self, total: int, *, shown: bool = True) -> None:
        columns = (TextColumn("epoch"), MofNCompleteColumn(), BarColumn(12), TextColumn("{task.description}"))
        super().__init__(*columns, TimeRemainingColumn(), total=total, shown=shown)

    def update(self, epoch: int, values: Callable[[], Mapping[str, float]]) -> None:
        """Show an epoch's numbers, which are asked for only when they are shown."""
        if self.due():
            text = "  ".join(f"{name} {value:.4g}" for name, value in values().items())
            self._progress.update(self._task, completed=epoch, description=text)
