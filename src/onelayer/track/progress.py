"""A progress bar with the current loss and gap; silent where nobody watches."""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column
from typing_extensions import override

from onelayer.terminal.console import above, watched

SECONDS = 0.1
ECHO = 4  # columns that stay free: the terminal writes ^C there, which must not break the line


class _Bar(Progress):
    @override
    def get_renderable(self) -> RenderableType:
        return _Short(super().get_renderable())


@dataclass(frozen=True)
class _Short:
    inside: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.inside, options.update_width(max(options.max_width - ECHO, 1)))


class LiveBar:
    """A progress bar that is there while its context is, and silent where nobody watches.

    Args:
        columns: that stand before the text, which has the rest of the line.
        total: of its one task; None: it is said later.
        shown: False silences it; so does a standard error that is no terminal.
    """

    def __init__(self, *columns: ProgressColumn, total: float | None, shown: bool) -> None:
        self._shown = shown and watched(sys.stderr)
        text = TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"))
        self._progress = _Bar(
            *columns,
            text,
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # which may be a file
            expand=True,
        )
        self._task = self._progress.add_task("", total=total)
        self._drawn = 0.0
        self._there = ExitStack()

    def __enter__(self) -> Self:
        if self._shown:
            self._there.enter_context(above(self._progress))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._there.close()

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
        columns = (TextColumn("epoch"), MofNCompleteColumn(), BarColumn(12), TimeRemainingColumn(compact=True))
        super().__init__(*columns, total=total, shown=shown)

    def update(self, epoch: int, values: Callable[[], Mapping[str, float]]) -> None:
        """Show an epoch's numbers, which are asked for only when they are shown."""
        if self.due():
            text = "  ".join(f"{name} {value:.4g}" for name, value in values().items())
            self._progress.update(self._task, completed=epoch, description=text)
