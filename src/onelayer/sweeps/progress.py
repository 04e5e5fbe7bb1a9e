"""One progress display for a sweep: runs, stacks, steps a second, the best so far, the time left."""

import time
from collections.abc import Callable, Mapping, Sequence
from math import isfinite

from rich.progress import BarColumn, TimeRemainingColumn

from onelayer.model.direction import higher_is_better
from onelayer.track.progress import LiveBar

# what a step costs beside its runs, counted in runs
OVERHEAD = 200


class SweepBar(LiveBar):
    """Shows a sweep on the terminal; silent where nobody watches.

    Args:
        monitor: the metric of which it shows the best value so far.
        shown: False silences it.
    """

    def __init__(self, monitor: str, *, shown: bool = True) -> None:
        super().__init__(BarColumn(12), TimeRemainingColumn(compact=True), total=None, shown=shown)
        self._monitor, self._pick = monitor, max if higher_is_better(monitor) else min
        self._best: float | None = None
        self._runs = self._stacks = self._ended = 0
        self._stack = self._before = self._epochs = self._epoch = self._steps = self._in_stack = 0
        self._taken, self._began = 0.0, time.monotonic()

    def expect(self, runs: int, costs: Sequence[int]) -> None:
        """Say how many runs there are to train, and what each stack costs (`stack_work`)."""
        self._runs, self._stacks, self._began = runs, len(costs), time.monotonic()
        self._progress.update(self._task, total=sum(costs))

    def stack(self, runs: int, epochs: int, steps_per_epoch: int) -> None:
        """Begin with the next stack."""
        self._before += stack_work(self._in_stack, self._epochs, self._steps)
        self._stack += 1
        self._in_stack, self._epochs, self._steps, self._epoch = runs, epochs, steps_per_epoch, 0

    def ended(self, value: float | None = None) -> None:
        """Count a run that has ended, with its monitored value."""
        self._ended += 1
        self._take(value)
        if self.due():
            self._draw()

    def update(self, epoch: int, values: Callable[[], Mapping[str, float]]) -> None:
        """Show an epoch's numbers, which are asked for only when they are shown."""
        self._taken += (epoch - self._epoch) * self._steps * self._in_stack
        self._epoch = epoch
        if self.due():
            self._take(values().get(self._monitor))
            self._draw()

    def _draw(self) -> None:
        runs = f"{self._ended}/{self._runs} runs"
        stack = f"stack {self._stack}/{self._stacks}  " if self._stacks > 1 else ""
        speed = f"{_short(self._taken / (time.monotonic() - self._began))} steps/s"
        best = "" if self._best is None else f"best {self._monitor} {self._best:.4g}  "
        self._progress.update(
            self._task,
            completed=self._before + stack_work(self._in_stack, self._epoch, self._steps),
            description=f"{runs}  {best}{stack}epoch {self._epoch}/{self._epochs}  {speed}",
        )

    def _take(self, value: float | None) -> None:
        if value is not None and isfinite(value):
            self._best = value if self._best is None else self._pick(self._best, value)


def stack_work(runs: int, epochs: int, steps_per_epoch: int) -> int:
    """Guess what a stack costs, in steps of a run."""
    return epochs * steps_per_epoch * (runs + OVERHEAD)


def _short(number: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.0f}"
