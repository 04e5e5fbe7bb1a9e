"""Runs the jobs of a sweep as stacks: compose, check, plan, train, write down."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from onelayer.config import RunSpec
from onelayer.errors import UserError
from onelayer.explain import sentence
from onelayer.model.truth import Solved
from onelayer.run import Interrupted, train_stack
from onelayer.sweep.check import Checker
from onelayer.sweep.compose import Composed, Composer
from onelayer.sweep.hydra_files import write_hydra_files
from onelayer.sweep.memory import runs_that_fit
from onelayer.sweep.observer import RunLogs, Stopped, SweepObserver
from onelayer.sweep.plan import Job, Stack, described, plan
from onelayer.sweep.previous import earlier_result, epoch_of, identity, interrupted_stacks, stack_path
from onelayer.sweep.progress import SweepBar, stack_work
from onelayer.track.results import Result, Run
from onelayer.track.rundir import RESULT
from onelayer.track.tensorboard import trim

log = logging.getLogger("onelayer")
# in the folder of the sweep: the curves of stacks as a whole
OVERVIEWS = "stacks"
# overrides listed of the jobs that one reason refuses
LISTED = 10


@dataclass(frozen=True)
class Settings:
    """What `hydra.launcher` may say.

    Attributes:
        max_runs_per_stack: at most so many runs train together; None: as many as memory allows.
        skip_invalid: go on without jobs that cannot be trained.
        fail_fast: stop at the first run that fails.
    """

    max_runs_per_stack: int | None = None
    skip_invalid: bool = False
    fail_fast: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        overrides: as Hydra keeps them.
        value: the monitored value; None where it has none.
        error: what stopped it; None where nothing did.
        ran: False for a job that was not tried, or not to its end.
    """

    overrides: Sequence[str]
    value: float | None = None
    error: Exception | None = None
    ran: bool = True


class Launch:
    """One batch of jobs.

    Args:
        settings: of the launcher.
        loader: composes configurations.
        master: the configuration of the sweep.
        job_overrides: of each job.
        first: number of the first job in the sweep.

    Raises:
        UserError: jobs that cannot be trained, or a directory with other runs in it; nothing was made or changed.
    """

    def __init__(
        self,
        settings: Settings,
        loader: ConfigLoader,
        master: DictConfig,
        job_overrides: Sequence[Sequence[str]],
        first: int,
    ) -> None:
        self._settings, self._overrides, self._first = settings, job_overrides, first
        self._folder = Path(master.hydra.sweep.dir)
        self._checker = Checker()
        self._solved: dict[str, Solved] = {}  # by the hash of the data
        self._composed: dict[int, Composed] = {}
        self._refused: dict[int, str] = {}
        self._jobs = self._check(Composer(loader, master), first)
        if self._refused and not settings.skip_invalid:
            raise UserError(self._refusal())
        if not self._jobs:
            raise UserError("none of the jobs can be trained\n" + self._refusal())
        self._finished = self._earlier()

    def run(self, logs: RunLogs) -> list[Outcome]:
        """Train what has not ended yet; return the outcome of every job, in order."""
        if self._refused:
            log.warning(self._refusal())
        todo = [job for job in self._jobs if job.number not in self._finished]
        shared = self._jobs[0].run.spec
        stopped: Exception | None = None
        bar = SweepBar(shared.monitor, shown=shared.trainer.enable_progress_bar)
        observer = SweepObserver(
            logs,
            bar,
            monitor=shared.monitor,
            max_curves=shared.logger.max_live_runs,
            max_figures=shared.logger.max_figures,
            fail_fast=self._settings.fail_fast,
        )
        for job in self._jobs:
            if job.number in self._finished:
                observer.known(job.run, self._finished[job.number])
        try:
            todo = [job for job in todo if self._made(job, observer)]
            stacks = self._stacks(todo)
            self._announce(todo, [stack for stack, _ in stacks])
            with bar:
                bar.expect(len(todo), [self._cost(stack) for stack, _ in stacks])
                for stack, checkpoint in stacks:
                    self._train(stack, checkpoint, observer, bar, logs)
        except Stopped as error:
            stopped = error
        except Interrupted as error:
            stopped = error
        except KeyboardInterrupt:
            stopped = Interrupted(2, "interrupted")
        return self._outcomes(observer, stopped)

    def _check(self, composer: Composer, first: int) -> list[Job]:
        """Turn overrides into jobs; what is wrong with the others is noted."""
        jobs: list[Job] = []
        taken: dict[Path, int] = {}
        for number, overrides in enumerate(self._overrides, first):
            try:
                composed = composer(overrides, number)
                spec = RunSpec.from_config(composed.resolved)
                kind = self._checker.kind(spec)
                other = taken.setdefault(composed.directory, number)
                if other != number:
                    raise UserError(
                        f"{composed.directory} is the directory of another run too; "
                        "let hydra.sweep.subdir name all that differs"
                    )
            except (UserError, HydraException, OmegaConfBaseException) as error:
                self._refused[number - first] = sentence(error)
                continue
            self._composed[number] = composed
            full = self._checker.data_of(spec).steps_per_epoch == 1
            jobs.append(Job(Run(spec, composed.directory, composed.overrides), number, full, kind))
        return jobs

    def _refusal(self) -> str:
        """List every job that cannot be trained, by reason."""
        by_reason: dict[str, list[str]] = {}
        for index, reason in self._refused.items():
            by_reason.setdefault(reason, []).append(" ".join(self._overrides[index]))
        lines = [f"{len(self._refused)} of {len(self._overrides)} jobs cannot be trained:"]
        for reason, jobs in by_reason.items():
            lines.append(f"  {reason}".replace("\n", "\n  "))
            lines += [f"      {overrides}" for overrides in jobs[:LISTED]]
            if len(jobs) > LISTED:
                lines.append(f"      and {len(jobs) - LISTED} more")
        if not self._settings.skip_invalid:
            lines.append("nothing was started; mend them, or go on without with hydra.launcher.skip_invalid=true")
        return "\n".join(lines)

    def _earlier(self) -> dict[int, Result]:
        """Find the jobs that had ended before, by number."""
        finished: dict[int, Result] = {}
        changed: list[str] = []
        for job in self._jobs:
            try:
                result = earlier_result(job.run, self._checker.data_of(job.run.spec).data_hash)
            except UserError as error:
                changed.append(str(error))
                continue
            if result is not None:
                finished[job.number] = result
        if changed:
            more = [f"and {len(changed) - LISTED} more"] if len(changed) > LISTED else []
            raise UserError("\n".join([*changed[:LISTED], *more]))
        return finished

    def _made(self, job: Job, observer: SweepObserver) -> bool:
        """Make a run directory; whatever prevents it is that run's failure."""
        try:
            write_hydra_files(self._composed.pop(job.number))
            (job.run.directory / RESULT).unlink(missing_ok=True)  # of a run that failed before
        except OSError as error:
            observer.failed(job.run, error)
            return False
        return True

    def _stacks(self, jobs: Sequence[Job]) -> list[tuple[Stack, Path | None]]:
        """Group jobs into stacks, each with the checkpoint to go on from; those that were in training first."""
        hashes = {identity(job.run): self._checker.data_of(job.run.spec).data_hash for job in jobs}
        resumed = [(Stack(going, {}), path) for going, path in interrupted_stacks(self._folder, jobs, hashes)]
        going = {job.number for stack, _ in resumed for job in stack.jobs}
        fresh = plan([job for job in jobs if job.number not in going], self._limit)
        return [*resumed, *((stack, None) for stack in fresh)]

    def _limit(self, spec: RunSpec) -> int:
        most = self._settings.max_runs_per_stack
        return runs_that_fit(self._checker.data_of(spec), spec.trainer.accelerator) if most is None else most

    def _announce(self, todo: Sequence[Job], stacks: Sequence[Stack]) -> None:
        if self._finished:
            log.info(f"{len(self._finished)} of {len(self._jobs)} runs had ended before")
        going = sum(len(stack.jobs) for stack in stacks if not stack.key)
        if going:
            log.info(f"{going} runs go on from the checkpoint of their stack")
        fresh = [stack for stack in stacks if stack.key]
        if fresh:
            log.info("\n".join(described(fresh)))

    def _cost(self, stack: Stack) -> int:
        spec = stack.jobs[0].run.spec
        return stack_work(len(stack.jobs), spec.trainer.max_epochs, self._checker.data_of(spec).steps_per_epoch)

    def _train(
        self, stack: Stack, checkpoint: Path | None, observer: SweepObserver, bar: SweepBar, logs: RunLogs
    ) -> None:
        """Train a stack; where it stops for a reason that is no run's own, its halves are tried, down to the run."""
        runs = [job.run for job in stack.jobs]
        spec = runs[0].spec
        data = self._checker.data_of(spec)
        path = checkpoint or stack_path(self._folder, stack.jobs)
        curves = self._curves(spec)
        overview = self._folder / OVERVIEWS / path.stem if curves == "kept" else None
        bar.stack(len(runs), spec.trainer.max_epochs, data.steps_per_epoch)
        last = None if checkpoint is None else epoch_of(checkpoint)
        for directory in [run.directory for run in runs] + ([overview] if overview else []):
            trim(directory, last)
        if checkpoint is None:
            for run in runs:
                logs.clear(run.directory)
        try:
            train_stack(
                runs,
                data,
                observer,
                bar,
                path=path,
                checkpoint=checkpoint,
                curves=curves,
                overview=overview,
                solved=self._solved.setdefault(data.data_hash, {}),
            )
        except (Stopped, Interrupted):
            raise
        except Exception as error:
            left = [job for job in stack.jobs if not observer.knows(job.run)]
            if len(left) == 1:
                observer.failed(left[0].run, error)
            elif left:
                log.debug(f"a stack of {len(stack.jobs)} runs stopped, its halves are tried", exc_info=error)
                for half in (left[: len(left) // 2], left[len(left) // 2 :]):
                    self._train(Stack(tuple(half), stack.key), None, observer, bar, logs)
        path.unlink(missing_ok=True)

    def _curves(self, spec: RunSpec) -> Literal["live", "kept", "none"]:
        if not spec.logger.tensorboard:
            return "none"
        return "live" if len(self._jobs) <= spec.logger.max_live_runs else "kept"

    def _outcomes(self, observer: SweepObserver, stopped: Exception | None) -> list[Outcome]:
        by_index = {job.number - self._first: job for job in self._jobs}
        outcomes = []
        for index, overrides in enumerate(self._overrides):
            job = by_index.get(index)
            if job is None:
                outcomes.append(Outcome(overrides))  # skipped, as the user asked
            elif job.run.directory in observer.values:
                outcomes.append(Outcome(job.run.overrides, observer.values[job.run.directory]))
            else:
                failure = observer.failures.get(job.run.directory)
                outcomes.append(Outcome(job.run.overrides, error=failure or stopped, ran=failure is not None))
        return outcomes
