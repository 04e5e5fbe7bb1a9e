"""Follows the runs of a sweep: each one's log, what is worth pictures, and what failed."""

import heapq
import logging
import traceback
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onelayer.errors import CutShort, NoRoom, UserError, is_full
from onelayer.explain import sentence
from onelayer.model.direction import higher_is_better
from onelayer.sweeps.progress import SweepBar
from onelayer.track.results import Result, Run
from onelayer.track.rundir import write_result
from onelayer.track.summary import summary
from onelayer.whole import naming

log = logging.getLogger("onelayer")


class Stopped(CutShort):
    """A run failed, and the sweep was to stop at the first one."""

    what = "stopped at the first failure"


class RunLogs:
    """Writes into the log of each run what its own process would have written.

    Args:
        logging_config: `hydra.job_logging` in plain containers; without a file in it there are no logs.
        name: `hydra.job.name`.
    """

    def __init__(self, logging_config: Any, name: str) -> None:
        config: Mapping[str, Any] = logging_config if isinstance(logging_config, dict) else {}
        handlers = [one for one in config.get("handlers", {}).values() if "FileHandler" in str(one.get("class"))]
        self._name = f"{name}.log" if handlers else None
        formatters = config.get("formatters", {})
        chosen = formatters.get(handlers[0].get("formatter"), {}) if handlers else {}
        self._formatter = logging.Formatter(chosen.get("format"), chosen.get("datefmt"))

    def say(self, directory: Path, *lines: str, level: int = logging.INFO) -> None:
        """Append lines."""
        if self._name is None:
            return
        records = [logging.LogRecord("onelayer", level, "", 0, line, None, None) for line in lines]
        path = directory / self._name
        with naming(path), path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{self._formatter.format(record)}\n" for record in records))

    def clear(self, directory: Path) -> None:
        """Begin anew."""
        if self._name is not None:
            (directory / self._name).unlink(missing_ok=True)


class Best:
    """Tells whether a value is among the best so many that were seen.

    Args:
        size: how many.
        higher: whether more is better.
    """

    def __init__(self, size: int, *, higher: bool) -> None:
        self._size, self._sign = size, 1.0 if higher else -1.0
        self._heap: list[float] = []

    def admits(self, value: float | None) -> bool:
        """Take a value into account; a missing one and NaN are never among the best."""
        if value is None or value != value or self._size == 0:
            return False
        signed = self._sign * value
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, signed)
            return True
        return heapq.heappushpop(self._heap, signed) != signed


class SweepObserver:
    """Observes all stacks of a sweep.

    Args:
        logs: of the runs.
        bar: is told of each run that ends.
        monitor: the value that tells which runs are best.
        max_curves: runs with curves; the rest have their final numbers only.
        max_figures: runs with a figure.
        fail_fast: stop the sweep at the first failure.

    Attributes:
        values: the monitored value of each run that has ended, by its directory; None where it has none.
        failures: what stopped each run that failed, by its directory.
    """

    def __init__(
        self, logs: RunLogs, bar: SweepBar, *, monitor: str, max_curves: int, max_figures: int, fail_fast: bool
    ) -> None:
        self._logs, self._bar, self._fail_fast = logs, bar, fail_fast
        higher = higher_is_better(monitor)
        self._curves, self._figures = Best(max_curves, higher=higher), Best(max_figures, higher=higher)
        self._reasons = Counter[str]()
        self.values: dict[Path, float | None] = {}
        self.failures: dict[Path, Exception] = {}

    def known(self, run: Run, result: Result) -> None:
        """Take account of a run that had ended before."""
        value = result["metrics"].get(run.spec.monitor)
        self._curves.admits(value)
        self._figures.admits(value)
        self.values[run.directory] = value

    def knows(self, run: Run) -> bool:
        """Whether a run has ended or failed."""
        return run.directory in self.values or run.directory in self.failures

    def say(self, run: Run, *lines: str) -> None:
        """Write lines into the log of a run."""
        self._logs.say(run.directory, *lines)

    def ended(self, run: Run, result: Result) -> None:
        """Take the result of a run, which is on disk by now."""
        value = self.values[run.directory] = result["metrics"].get(run.spec.monitor)
        self._bar.ended(value)
        try:
            self._logs.say(run.directory, summary(result, run.directory))
        except OSError as error:
            if not is_full(error):  # which the next run will say
                log.warning(f"warning: {sentence(error)}")

    def failed(self, run: Run, error: Exception) -> None:
        """Report a failure at once, and leave its traceback with the run; of one reason the first run is named.

        Raises:
            Stopped: where the sweep is to stop at the first failure.
            NoRoom: there is no room for what the run has to write.
        """
        if is_full(error):
            raise NoRoom(sentence(error)) from None
        said = sentence(error) if isinstance(error, UserError | OSError) else repr(error)
        overrides = " ".join(run.overrides)
        self._reasons[said] += 1
        if self._reasons[said] == 1:
            log.error(f"failed: {overrides}\n  {said}")
        detail = said if isinstance(error, UserError) else "".join(traceback.format_exception(error))
        self.failures[run.directory] = error.with_traceback(None)  # which would hold the memory of its stack
        self._bar.ended()
        try:
            self._logs.say(run.directory, f"failed: {overrides}\n{detail}", level=logging.ERROR)
            told = {"status": "failed", "error": said, "overrides": run.overrides, "config_hash": run.config_hash}
            write_result(run.directory, told)
        except OSError as reason:  # the directory itself may be what failed
            if self._reasons[said] == 1:
                log.error(f"  {run.directory}: {reason.strerror}; its failure is noted here only")
        if self._fail_fast:
            raise Stopped(said)

    def count_failures(self) -> None:
        """Say how many more runs failed for a reason that was given."""
        for reason, runs in self._reasons.items():
            if runs > 1:
                log.error(f"failed: {runs - 1} more for this reason: {reason.splitlines()[0]}")

    def shows(self, run: Run, result: Result) -> bool:
        """Whether the run is among the best so far, which get their curves."""
        return self._curves.admits(result["metrics"].get(run.spec.monitor))

    def draws(self, run: Run, result: Result) -> bool:
        """Whether the run is among the best so far, which get a figure."""
        return self._figures.admits(result["metrics"].get(run.spec.monitor))
