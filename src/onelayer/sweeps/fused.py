"""Between Hydra and a sweep: what its launcher and sweeper call instead of the task function."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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


class Launcher(Protocol):
    """What is asked of Hydra's launcher."""

    max_runs_per_stack: int | None
    skip_invalid: bool
    fail_fast: bool
    hydra_context: HydraContext
    config: DictConfig


def launch(launcher: Launcher, job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
    """Train a batch of jobs as stacks.

    Args:
        launcher: with its settings.
        job_overrides: of each job.
        first: number of the first job in the sweep.

    Returns:
        How each job ended, in order; what one "returns" that was not tried, or not to its end, is a `CutShort`.

    Raises:
        UserError: jobs that cannot be trained, or a directory with other runs in it; nothing was made or changed.
    """
    if launcher.max_runs_per_stack is not None and launcher.max_runs_per_stack < 1:
        raise UserError(f"hydra.launcher.max_runs_per_stack={launcher.max_runs_per_stack}: must be 1 or more, or null")
    config = launcher.config
    if config.hydra.job.chdir:
        raise UserError(
            "hydra.job.chdir=true: runs that train together share a working directory; add hydra/launcher=basic"
        )
    for callback in launcher.hydra_context.callbacks.callbacks:
        if _listens(callback):
            name = type(callback).__name__
            raise UserError(f"hydra.callbacks: {name} waits for single jobs to start or end; add hydra/launcher=basic")

    from onelayer.sweeps.jobs import Jobs
    from onelayer.sweeps.launch import Launch, Outcome
    from onelayer.sweeps.observer import RunLogs

    loader = launcher.hydra_context.config_loader
    jobs = Jobs(loader, config, job_overrides, first, skip_invalid=launcher.skip_invalid)
    if not jobs.valid:
        refusal = UserError(f"{jobs.refusal}\nthere is no other to go on with")
        return [JobReturn(list(one), status=JobStatus.COMPLETED, _return_value=refusal) for one in job_overrides]
    folder = Path(config.hydra.sweep.dir)
    folder.mkdir(parents=True, exist_ok=True)
    with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = str(folder.absolute())  # where the sweep's own log goes
    configure_log(config.hydra.job_logging, config.hydra.verbose)
    logs = RunLogs(OmegaConf.to_container(config.hydra.job_logging, resolve=True), config.hydra.job.name)
    with exclusive(folder, "hydra.sweep.dir"), env_override(dict(config.hydra.job.env_set)):
        batch = Launch(jobs, folder, logs, max_runs_per_stack=launcher.max_runs_per_stack, fail_fast=launcher.fail_fast)
        outcomes = batch.run()
    # one that is not there was skipped, as the user asked
    ended = [outcomes.get(number, Outcome()) for number in range(first, first + len(job_overrides))]
    return [_returned(overrides, one) for overrides, one in zip(job_overrides, ended, strict=True)]


def _returned(overrides: Sequence[str], outcome: "Outcome") -> JobReturn:
    job = JobReturn(overrides=list(overrides), working_dir=str(Path.cwd()))
    job.return_value = outcome.value if outcome.error is None else outcome.error
    job.status = JobStatus.COMPLETED if outcome.error is None else JobStatus.FAILED
    return job


def conclude(config: DictConfig, returns: Sequence[JobReturn]) -> None:
    """End a sweep: its leaderboard and report, how to go on with it where it was cut short, and the exit code.

    Raises:
        UserError: every job was skipped.
        SystemExit: 1 where a run failed, 128 + signal after Ctrl-C or a termination.
    """
    refused = [job._return_value for job in returns if isinstance(job._return_value, UserError)]
    if len(refused) == len(returns) and returns[0].status == JobStatus.COMPLETED:
        raise refused[0]
    folder = Path(config.hydra.sweep.dir)
    errors = [job._return_value for job in returns if job.status == JobStatus.FAILED]
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
    if errors:
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
