"""Runs the jobs of a sweep as stacks: plan, train, write down."""

import logging
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from onelayer.config import RunSpec
from onelayer.errors import CutShort, NoRoom, UserError, is_full
from onelayer.explain import sentence
from onelayer.filenames import STACK_CHECKPOINTS, STACKS, TRAJECTORY
from onelayer.resume import last_checkpoint
from onelayer.sweeps.equal import equal_jobs, take_over
from onelayer.sweeps.jobs import Jobs
from onelayer.sweeps.memory import runs_that_fit
from onelayer.sweeps.observer import RunLogs, SweepObserver
from onelayer.sweeps.plan import Job, Stack, described, plan
from onelayer.sweeps.previous import interrupted_stacks, stack_path
from onelayer.sweeps.progress import SweepBar, stack_work
from onelayer.track.path import is_recorded
from onelayer.track.results import Results
from onelayer.track.signals import Interrupted
from onelayer.track.stored import read_curves, unite
from onelayer.track.tensorboard import trim
from onelayer.training import train_or_halve, train_stack

log = logging.getLogger("onelayer")


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        value: the monitored value; None where it has none.
        error: what stopped it, a `CutShort` for a job that was not tried, or not to its end; None where nothing did.
    """

    value: float | None = None
    error: Exception | None = None


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
        self._solved = jobs.solved
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
        self._refuse_pathless()
        for job in self._jobs.valid:
            if job.number in self._jobs.finished:
                self._observer.known(job.run, self._jobs.finished[job.number])
        if self._jobs.refusal:
            log.warning(self._jobs.refusal)
        for folder in (self._folder / STACKS).glob("*"):
            unite(folder)  # where a process was killed before it came to that
        try:
            todo = [job for job in self._jobs.valid if job.number not in self._jobs.finished and self._make(job)]
            stacks, equal = self._stacks(todo)
            self._announce(stacks, sum(map(len, equal.values())))
            with self._bar as bar:
                bar.expect(len(todo), [self._cost(stack) for stack in stacks])
                self._share([job for job in self._jobs.valid if job.number in self._jobs.finished], equal)
                for stack in stacks:
                    bar.stack(len(stack.jobs), stack.jobs[0].run.spec.trainer.max_epochs, stack.steps_per_epoch)
                    self._train(stack)
                    self._share(stack.jobs, equal)
        except CutShort as error:
            stopped = error
        except OSError as error:
            if not is_full(error):
                raise
            stopped = NoRoom(sentence(error))
        except KeyboardInterrupt:
            stopped = Interrupted(signal.SIGINT, "interrupted at once")
        self._observer.count_failures()
        return {job.number: self._outcome(job, stopped) for job in self._jobs.valid}

    def _refuse_pathless(self) -> None:
        """Refuse to keep weights of runs that will not be trained again.

        Raises:
            UserError: some have ended without.
        """
        finished = [job.run for job in self._jobs.valid if job.number in self._jobs.finished]
        without = [run for run in finished if run.spec.logger.weights and not (run.directory / TRAJECTORY).exists()]
        if without:
            raise UserError(self._pathless(len(without), "have ended"))

    def _pathless(self, runs: int, how: str) -> str:
        return (
            f"{self._folder}: {runs} of its runs {how} without logger.weights=true, so that no path was kept of them; "
            "set logger.weights=false, or choose another hydra.sweep.dir"
        )

    def _make(self, job: Job) -> bool:
        """Make a run directory; whatever prevents it is that run's failure."""
        try:
            self._jobs.make(job)
        except OSError as error:
            self._observer.failed(job.run, error)
            return False
        return True

    def _stacks(self, jobs: Sequence[Job]) -> tuple[list[Stack], dict[int, list[Job]]]:
        """Group jobs into stacks, those that were in training first; of equal jobs one alone, the others beside it."""
        resumed = interrupted_stacks(self._folder, jobs)
        for stack in resumed:
            if stack.jobs[0].run.spec.logger.weights and stack.checkpoint and not is_recorded(stack.checkpoint):
                raise UserError(self._pathless(len(stack.jobs), "were in training"))
        going = {job.number: job for stack in resumed for job in stack.jobs}
        ended = [job for job in self._jobs.valid if job.number in self._jobs.finished]
        equal = equal_jobs([job for job in jobs if job.number not in going], [*ended, *going.values()])
        without = {*going, *(job.number for ones in equal.values() for job in ones)}
        fresh = plan([job for job in jobs if job.number not in without], self._limit)
        for at, stack in enumerate(fresh):
            spec = stack.jobs[0].run.spec
            if spec.resume is not None:  # such a run is a stack of its own
                fresh[at] = replace(stack, checkpoint=last_checkpoint(spec))
        return [*resumed, *fresh], equal

    def _limit(self, job: Job) -> int:
        return self._most or runs_that_fit(job.data, job.run.spec)

    def _announce(self, stacks: Sequence[Stack], equal: int) -> None:
        if self._jobs.finished:
            log.info(f"{len(self._jobs.finished)} of {len(self._jobs.valid)} runs had ended before")
        going = sum(len(stack.jobs) for stack in stacks if stack.epoch is not None)
        if going:
            log.info(f"{going} runs go on from the checkpoint of their stack")
        fresh = [stack for stack in stacks if stack.epoch is None]
        if fresh:
            log.info("\n".join(described(fresh)))
        if equal:
            runs = "1 more run differs" if equal == 1 else f"{equal} more runs differ"
            said = f"{runs} from another in the seed alone, which changes nothing there: model.init draws none, "
            log.info(f"{said}and batches have one order; such runs are trained once")

    def _cost(self, stack: Stack) -> int:
        return stack_work(len(stack.jobs), stack.jobs[0].run.spec.trainer.max_epochs, stack.steps_per_epoch)

    def _train(self, stack: Stack) -> None:
        """Train a stack, or its halves where something stops all of it."""
        path = stack.checkpoint if stack.epoch is not None else None
        path = path or stack_path(self._folder, stack.jobs)
        halves = train_or_halve(
            stack.jobs,
            lambda jobs: self._fit(stack, path),
            has_ended=lambda job: self._observer.knows(job.run),
            failed=lambda job, error: self._observer.failed(job.run, error),
        )
        for half in halves:
            self._train(Stack(tuple(half), stack.key))
        path.unlink(missing_ok=True)
        folder = self._folder / STACK_CHECKPOINTS
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _fit(self, stack: Stack, path: Path) -> None:
        """Train a stack once; what its runs left when they were tried before goes first."""
        runs, data = [job.run for job in stack.jobs], stack.jobs[0].data
        curves = self._curves(runs[0].spec)
        folder = self._folder / STACKS / path.stem
        for directory in [*(run.directory for run in runs), folder]:
            trim(directory, stack.epoch)
            if stack.epoch is None:
                self._logs.clear(directory)
        sink = Results(
            runs,
            self._observer,
            self._bar,
            path=path,
            checkpoint=stack.checkpoint,
            curves=curves,
            folder=folder,
            overview=curves == "kept",
        )
        train_stack([run.spec for run in runs], data, sink, solved=self._solved.setdefault(data.data_hash, {}))

    def _share(self, jobs: Iterable[Job], equal: Mapping[int, Sequence[Job]]) -> None:
        """Write down the runs that are equal to some that have ended; what stopped one of these stopped them."""
        trained = [job for job in jobs if job.number in equal]
        names = {job.number: Path(os.path.relpath(job.run.directory, self._folder)) for job in trained}
        curves = read_curves(self._folder, names.values()) if names else {}
        for job in trained:
            error, curve = self._observer.failures.get(job.run.directory), curves.get(names[job.number])
            for run in (one.run for one in equal[job.number]):
                if error is not None:
                    self._observer.failed(run, error)
                    continue
                live = self._curves(run.spec) == "live"
                try:
                    trim(run.directory, None)
                    self._logs.clear(run.directory)
                    result = take_over(run, job.run, self._folder, curve, self._observer, live=live)
                except Exception as reason:
                    self._observer.failed(run, reason)
                    continue
                self._observer.ended(run, result)

    def _curves(self, spec: RunSpec) -> Literal["live", "kept", "none"]:
        if not spec.logger.tensorboard:
            return "none"
        return "live" if len(self._jobs.valid) <= spec.logger.max_live_runs else "kept"

    def _outcome(self, job: Job, stopped: Exception | None) -> Outcome:
        directory = job.run.directory
        if directory in self._observer.values:
            return Outcome(self._observer.values[directory])
        return Outcome(error=self._observer.failures.get(directory, stopped))
