"""Between Hydra and a sweep: what the plugins `fused` and `grid` call."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus, configure_log, env_override
from hydra.experimental.callback import Callback
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from onelayer.deliver.choice import choosing, read_choice
from onelayer.errors import CutShort, NoRoom, UserError
from onelayer.explain import sentence
from onelayer.filenames import LEADERBOARD, LEADERBOARD_PAGE
from onelayer.report.leaderboard import build_leaderboard
from onelayer.report.records import read_sweep
from onelayer.report.tables import show, write
from onelayer.terminal.command_line import same_command
from onelayer.terminal.console import stdout_console
from onelayer.terminal.overrides import quoted
from onelayer.track.rundir import exclusive

if TYPE_CHECKING:
    from onelayer.sweeps.launch import Outcome

log = logging.getLogger("onelayer")


@dataclass
class StackReturn(JobReturn):
    """How a job ended that was trained in a stack.

    Attributes:
        error: a `CutShort` where it was not tried, or not to its end; with status COMPLETED why it was skipped.
    """

    error: Exception | None = None


def launch(
    context: HydraContext,
    config: DictConfig,
    job_overrides: Sequence[Sequence[str]],
    first: int,
    *,
    max_runs_per_stack: int | None,
    skip_invalid: bool,
    fail_fast: bool,
) -> list[StackReturn]:
    """Train a batch of jobs as stacks.

    Args:
        context: as Hydra hands it to launchers.
        config: of the sweep.
        job_overrides: of each job.
        first: number of the first job in the sweep.
        max_runs_per_stack: at most so many runs train together; None: as many as memory allows.
        skip_invalid: go on without jobs that cannot be trained.
        fail_fast: stop at the first run that fails.

    Returns:
        How each job ended, in order.

    Raises:
        UserError: jobs that cannot be trained, or a directory with other runs in it; nothing was made or changed.
    """
    if max_runs_per_stack is not None and max_runs_per_stack < 1:
        raise UserError(f"hydra.launcher.max_runs_per_stack={max_runs_per_stack}: must be 1 or more, or null")
    if config.hydra.job.chdir:
        raise UserError(
            "hydra.job.chdir=true: runs that train together share a working directory; add hydra/launcher=basic"
        )
    for callback in context.callbacks.callbacks:
        if _listens(callback):
            name = type(callback).__name__
            raise UserError(f"hydra.callbacks: {name} waits for single jobs to start or end; add hydra/launcher=basic")

    from onelayer.sweeps.jobs import Jobs
    from onelayer.sweeps.launch import Launch, Outcome
    from onelayer.sweeps.observer import RunLogs

    jobs = Jobs(context.config_loader, config, job_overrides, first, skip_invalid=skip_invalid)
    if not jobs.valid:
        refusal = UserError(f"{jobs.refusal}\nthere is no other to go on with")
        return [StackReturn(list(one), status=JobStatus.COMPLETED, error=refusal) for one in job_overrides]
    folder = Path(config.hydra.sweep.dir)
    folder.mkdir(parents=True, exist_ok=True)
    with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = str(folder.absolute())  # where the sweep's own log goes
    configure_log(config.hydra.job_logging, config.hydra.verbose)
    logs = RunLogs(OmegaConf.to_container(config.hydra.job_logging, resolve=True), config.hydra.job.name)
    with exclusive(folder, "hydra.sweep.dir"), env_override(dict(config.hydra.job.env_set)):
        batch = Launch(jobs, folder, logs, max_runs_per_stack=max_runs_per_stack, fail_fast=fail_fast)
        outcomes = batch.run()
    # one that is not there was skipped, as the user asked
    ended = [outcomes.get(number, Outcome()) for number in range(first, first + len(job_overrides))]
    return [_returned(overrides, one) for overrides, one in zip(job_overrides, ended, strict=True)]


def _returned(overrides: Sequence[str], outcome: "Outcome") -> StackReturn:
    job = StackReturn(overrides=list(overrides), working_dir=str(Path.cwd()), error=outcome.error)
    job.return_value = outcome.value if outcome.error is None else outcome.error
    job.status = JobStatus.COMPLETED if outcome.error is None else JobStatus.FAILED
    return job


def conclude(config: DictConfig, returns: Sequence[JobReturn]) -> None:
    """End a sweep: its leaderboard and report, how to go on with it where it was cut short, and the exit code.

    Raises:
        UserError: every job was skipped.
        SystemExit: 1 where a run failed, 128 + signal after Ctrl-C or a termination.
    """
    failed = [job for job in returns if job.status == JobStatus.FAILED]
    # of jobs that Hydra ran one by one nothing more is known than that they failed, which each has said
    errors = [job.error for job in returns if isinstance(job, StackReturn) and job.error is not None]
    if len(errors) == len(returns) and not failed:
        raise errors[0]
    folder = Path(config.hydra.sweep.dir)
    unfinished = [error for error in errors if isinstance(error, CutShort)]
    full = [error for error in unfinished if isinstance(error, NoRoom)]
    if len(full) < len(returns):
        board = build_leaderboard(read_sweep(folder))
        if not full:
            write(board, folder)
        with suppress(BrokenPipeError):  # nobody reads on
            show(board, stdout_console())
        if not full:
            log.info(f"{folder}: {LEADERBOARD}, {LEADERBOARD_PAGE} and the runs")
            _recall(folder)
        if not unfinished and len(board.records) > 1 and config.logger.figures:
            report(folder)
    for error in full[:1]:
        log.error(f"error: {error}")
    if unfinished:
        counts = f"{len(unfinished)} of {len(returns)} runs have not ended"
        log.warning(f"{unfinished[0].what}: {counts}; go on with\n  {again(folder)}")
        sys.exit(unfinished[0].code)
    if failed:
        sys.exit(1)


def _recall(folder: Path) -> None:
    """Say that a run was chosen before, which stays so."""
    try:
        choice = read_choice(folder)
    except UserError as error:
        log.warning(f"warning: {error}")
        return
    if choice is not None:
        back = choosing(folder)
        log.warning(f"note: commands that take {folder} go by an earlier choice: {choice.said}; {back} undoes it")


def report(folder: Path) -> None:
    """Write the report of a sweep; a sweep that went well does not fail for want of one."""
    from onelayer.report.command import write_page

    try:
        log.info(f"report at {write_page([folder], files=False)}")  # SVG and PNG are for those who ask
    except Exception as error:
        log.warning(f"warning: no report ({sentence(error)}); onelayer report {quoted(str(folder))} tries it again")
        log.debug("what was wrong with the report", exc_info=True)


def again(folder: Path) -> str:
    """Return the command that goes on with this sweep, ready to be pasted into a shell."""
    given = [argument for argument in sys.argv[1:] if not argument.startswith("hydra.sweep.dir=")]
    return same_command([*given, f"hydra.sweep.dir={quoted(str(folder))}"])


def _listens(callback: Any) -> bool:
    kind = type(callback)
    return kind.on_job_start is not Callback.on_job_start or kind.on_job_end is not Callback.on_job_end
