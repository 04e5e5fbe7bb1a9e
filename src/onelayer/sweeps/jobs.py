"""The jobs of a sweep, composed and checked before the first one starts."""

from collections.abc import Sequence
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from onelayer.config import RunSpec
from onelayer.errors import UserError
from onelayer.explain import sentence
from onelayer.filenames import RESULT
from onelayer.sweeps.check import Checker
from onelayer.sweeps.compose import Composer
from onelayer.sweeps.hydra_files import write_hydra_files
from onelayer.sweeps.plan import Job
from onelayer.sweeps.previous import earlier_result, refuse_other_data
from onelayer.sweeps.template import Composed
from onelayer.terminal.overrides import key_of
from onelayer.track.results import Result, Run

# overrides listed of the jobs that one reason refuses
LISTED = 10


class Jobs:
    """One batch of jobs.

    Args:
        loader: composes configurations.
        master: the configuration of the sweep.
        job_overrides: of each job.
        first: number of the first job in the sweep.
        skip_invalid: go on without jobs that cannot be trained.

    Attributes:
        valid: jobs that can be trained.
        refusal: what is wrong with the others; "" where there are none.
        finished: results of jobs that had ended before, by number.
        solved: references that the check had to find, by the hash of their rows.

    Raises:
        UserError: jobs that cannot be trained, or a directory with other runs in it.
    """

    def __init__(
        self,
        loader: ConfigLoader,
        master: DictConfig,
        job_overrides: Sequence[Sequence[str]],
        first: int,
        *,
        skip_invalid: bool,
    ) -> None:
        self._check_run = Checker()
        self.solved = self._check_run.solved
        self.valid: list[Job] = []
        self.finished: dict[int, Result] = {}
        self._composed: dict[int, Composed] = {}
        refused = self._check(loader, master, job_overrides, first)
        self.refusal = _listed(refused, len(job_overrides)) if refused else ""
        if refused and not skip_invalid:
            hint = "nothing was started; mend them, or go on without with hydra.launcher.skip_invalid=true"
            raise UserError(f"{self.refusal}\n{hint}")
        self._recognise()
        refuse_other_data(Path(master.hydra.sweep.dir), self.valid)

    def make(self, job: Job) -> None:
        """Make a run directory with what Hydra writes into it.

        Raises:
            OSError: it cannot be made.
        """
        write_hydra_files(self._composed.pop(job.number))
        (job.run.directory / RESULT).unlink(missing_ok=True)  # of a run that failed before

    def _check(
        self, loader: ConfigLoader, master: DictConfig, job_overrides: Sequence[Sequence[str]], first: int
    ) -> list[tuple[str, Sequence[str]]]:
        """Turn overrides into jobs; return the reason with the overrides of each that is none."""
        composer = Composer(loader, master)
        refused: list[tuple[str, Sequence[str]]] = []
        taken: set[Path] = set()
        for number, overrides in enumerate(job_overrides, first):
            try:
                composed = composer(overrides, number)
                _refuse_inner_sweep(composed, master)
                spec = RunSpec.from_config(composed.resolved)
                data, kind = self._check_run(spec)
                if composed.directory in taken:
                    raise UserError(
                        f"{composed.directory} is taken by another run; let hydra.sweep.subdir name all that differs"
                    )
            except (UserError, HydraException, OmegaConfBaseException) as error:
                refused.append((_reason(error, overrides), overrides))
                continue
            taken.add(composed.directory)
            self._composed[number] = composed
            self.valid.append(Job(Run(spec, composed.directory, composed.overrides), number, data, kind))
        return refused

    def _recognise(self) -> None:
        """Find the jobs that had ended before."""
        changed: dict[str, list[str]] = {}
        for job in self.valid:
            try:
                result = earlier_result(job.run, job.data.data_hash)
            except UserError as error:
                # of a reason that runs share the first one is named
                reason = str(error).replace(str(job.run.directory), "")
                changed.setdefault(reason, []).append(str(error))
                continue
            if result is not None:
                self.finished[job.number] = result
        if changed:
            lines = [f"{ones[0]}{_more(len(ones) - 1)}" for ones in changed.values()]
            more = [f"and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
            raise UserError("\n".join([*lines[:LISTED], *more]))


def _more(runs: int) -> str:
    return f" (and {runs} more for the same reason)" if runs else ""


def _refuse_inner_sweep(composed: Composed, master: DictConfig) -> None:
    """Refuse a choice that describes a sweep where it is one of several: its values would go unread."""
    own, read = composed.hydra["sweeper"], master.hydra.sweeper
    if (own.get("params") or {}).keys() - (read.get("params") or {}).keys() or (
        own.get("grids") and not read.get("grids")
    ):
        raise UserError(_inner_sweep(composed.overrides))


def _inner_sweep(overrides: Sequence[str]) -> str:
    experiment = next((text for text in overrides if key_of(text) == "experiment"), "experiment")
    return f"{experiment} is a sweep of its own; start it alone: -m {experiment}"


def _reason(error: Exception, overrides: Sequence[str]) -> str:
    """Say why a job is refused; Hydra itself refuses a sweep in a sweep from 1.4 on."""
    is_inner = isinstance(error, HydraException) and "'hydra.sweeper' must be configured before" in str(error)
    return _inner_sweep(overrides) if is_inner else sentence(error)


def _listed(refused: Sequence[tuple[str, Sequence[str]]], total: int) -> str:
    """List every job that cannot be trained, by reason."""
    by_reason: dict[str, list[str]] = {}
    for reason, overrides in refused:
        by_reason.setdefault(reason, []).append(" ".join(overrides))
    lines = [f"{len(refused)} of {total} jobs cannot be trained:"]
    for reason, jobs in by_reason.items():
        lines.append(f"  {reason}".replace("\n", "\n  "))
        lines += [f"      {overrides}" for overrides in jobs[:LISTED]]
        if len(jobs) > LISTED:
            lines.append(f"      and {len(jobs) - LISTED} more")
    return "\n".join(lines)
