"""Runs the jobs of a sweep as stacks: plan, train, write down."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from onelayer.config import RunSpec
from onelayer.model.truth import Solved
from onelayer.resume import checkpoint_of
from onelayer.run import Interrupted, train_stack
from onelayer.sweep.jobs import Jobs
from onelayer.sweep.memory import runs_that_fit
from onelayer.sweep.observer import RunLogs, Stopped, SweepObserver
from onelayer.sweep.plan import Job, Stack, described, plan
from onelayer.sweep.previous import STACKS, epoch_of, identity, interrupted_stacks, stack_path
from onelayer.sweep.progress import SweepBar, stack_work
from onelayer.track.tensorboard import trim

log = logging.getLogger("onelayer")
# in the folder of the sweep: the curves of stacks as a whole
OVERVIEWS = "stacks"


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        value: the monitored value; None where it has none.
        error: what stopped it; None where nothing did.
        ran: False for a job that was not tried, or not to its end.
    """

    value: float | None = None
    error: Exception | None = None
    ran: bool = True


class Launch:
    """Trains a batch of jobs.

    Args:
        jobs: checked.
        folder: of the sweep.
        logs: of the runs.
        max_runs_per_stack: at most so many runs train together; None: as many as memory allows.
        fail_fast: stop at the first run that fails.
    """

    def __init__(
        self, jobs: Jobs, folder: Path, logs: RunLogs, *, max_runs_per_stack: int | None, fail_fast: bool
    ) -> None:
        shared = jobs.valid[0].run.spec
        self._jobs, self._folder, self._logs, self._most = jobs, folder, logs, max_runs_per_stack
        self._solved: dict[str, Solved] = {}  # by the hash of the data
        self._bar = SweepBar(shared.monitor, shown=shared.trainer.enable_progress_bar)
        self._observer = SweepObserver(
            logs,
            self._bar,
            monitor=shared.monitor,
            max_curves=shared.logger.max_live_runs,
            max_figures=shared.logger.max_figures,
            fail_fast=fail_fast,
        )

    def run(self) -> dict[int, Outcome]:
        """Train what has not ended yet; return how each job ended, by number."""
        stopped: Exception | None = None
        for job in self._jobs.valid:
            if job.number in self._jobs.finished:
                self._observer.known(job.run, self._jobs.finished[job.number])
        if self._jobs.refusal:
            log.warning(self._jobs.refusal)
        try:
            todo = [job for job in self._jobs.valid if job.number not in self._jobs.finished and self._make(job)]
            stacks = self._stacks(todo)
            self._announce([stack for stack, _ in stacks])
            with self._bar as bar:
                bar.expect(len(todo), [self._cost(stack) for stack, _ in stacks])
                for stack, checkpoint in stacks:
                    self._train(stack, checkpoint)
        except (Stopped, Interrupted) as error:
            stopped = error
        except KeyboardInterrupt:
            stopped = Interrupted(2, "interrupted between two stacks")
        return {job.number: self._outcome(job, stopped) for job in self._jobs.valid}

    def _make(self, job: Job) -> bool:
        """Make a run directory; whatever prevents it is that run's failure."""
        try:
            self._jobs.make(job)
        except OSError as error:
            self._observer.failed(job.run, error)
            return False
        return True

    def _stacks(self, jobs: Sequence[Job]) -> list[tuple[Stack, Path | None]]:
        """Group jobs into stacks, each with the checkpoint to go on from; those that were in training first."""
        hashes = {identity(job.run): job.data.data_hash for job in jobs}
        resumed = [(Stack(going, {}), path) for going, path in interrupted_stacks(self._folder, jobs, hashes)]
        going = {job.number for stack, _ in resumed for job in stack.jobs}
        fresh = plan([job for job in jobs if job.number not in going], self._limit)
        return [*resumed, *((stack, self._resumed(stack)) for stack in fresh)]

    def _resumed(self, stack: Stack) -> Path | None:
        """Return the checkpoint that `resume` names; such a run is a stack of its own."""
        job = stack.jobs[0]
        return checkpoint_of(job.run.spec, job.data.data_hash)

    def _limit(self, job: Job) -> int:
        return self._most or runs_that_fit(job.data, job.run.spec.trainer.accelerator)

    def _announce(self, stacks: Sequence[Stack]) -> None:
        if self._jobs.finished:
            log.info(f"{len(self._jobs.finished)} of {len(self._jobs.valid)} runs had ended before")
        going = sum(len(stack.jobs) for stack in stacks if not stack.key)
        if going:
            log.info(f"{going} runs go on from the checkpoint of their stack")
        fresh = [stack for stack in stacks if stack.key]
        if fresh:
            log.info("\n".join(described(fresh)))

    def _cost(self, stack: Stack) -> int:
        job = stack.jobs[0]
        return stack_work(len(stack.jobs), job.run.spec.trainer.max_epochs, job.data.steps_per_epoch)

    def _train(self, stack: Stack, checkpoint: Path | None) -> None:
        """Train a stack; where it stops for a reason that is no run's own, its halves are tried, down to the run."""
        runs = [job.run for job in stack.jobs]
        spec, data = runs[0].spec, stack.jobs[0].data
        going_on = checkpoint is not None and checkpoint.parent == self._folder / STACKS
        path = checkpoint if checkpoint is not None and going_on else stack_path(self._folder, stack.jobs)
        curves = self._curves(spec)
        overview = self._folder / OVERVIEWS / path.stem if curves == "kept" else None
        self._bar.stack(len(runs), spec.trainer.max_epochs, data.steps_per_epoch)
        last = epoch_of(path) if going_on else None
        for directory in [run.directory for run in runs] + ([overview] if overview else []):
            trim(directory, last)
            if not going_on:
                self._logs.clear(directory)
        try:
            train_stack(
                runs,
                data,
                self._observer,
                self._bar,
                path=path,
                checkpoint=checkpoint,
                curves=curves,
                overview=overview,
                solved=self._solved.setdefault(data.data_hash, {}),
            )
        except (Stopped, Interrupted):
            raise
        except Exception as error:
            left = [job for job in stack.jobs if not self._observer.knows(job.run)]
            if len(left) == 1:
                self._observer.failed(left[0].run, error)
            elif left:
                log.debug(f"a stack of {len(stack.jobs)} runs stopped, its halves are tried", exc_info=error)
                for half in (left[: len(left) // 2], left[len(left) // 2 :]):
                    self._train(Stack(tuple(half), stack.key), None)
        path.unlink(missing_ok=True)
        if (self._folder / STACKS).is_dir() and not any((self._folder / STACKS).iterdir()):
            (self._folder / STACKS).rmdir()

    def _curves(self, spec: RunSpec) -> Literal["live", "kept", "none"]:
        if not spec.logger.tensorboard:
            return "none"
        return "live" if len(self._jobs.valid) <= spec.logger.max_live_runs else "kept"

    def _outcome(self, job: Job, stopped: Exception | None) -> Outcome:
        directory = job.run.directory
        if directory in self._observer.values:
            return Outcome(self._observer.values[directory])
        failure = self._observer.failures.get(directory)
        return Outcome(error=failure or stopped, ran=failure is not None)
