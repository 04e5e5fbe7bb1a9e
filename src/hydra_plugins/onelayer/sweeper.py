"""The sweeper `grid`: from the command line to jobs, and in batches to the launcher."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from typing_extensions import override

from onelayer.errors import CutShort, UserError

if TYPE_CHECKING:
    from onelayer.sweeps.grid import Job


@dataclass
class GridSweeperConf:
    """What `hydra.sweeper` may say.

    Attributes:
        params: key -> what may stand after the equal sign on the command line; combined with everything.
        grids: likewise; one after another.
        points: how many values an interval has.
        max_batch_size: jobs that the launcher gets at a time; null: all.
    """

    _target_: str = "hydra_plugins.onelayer.sweeper.GridSweeper"
    _convert_: str = "all"  # to plain dicts and lists
    params: dict[str, Any] = field(default_factory=dict)
    grids: list[dict[str, Any]] = field(default_factory=list)
    points: int = 8
    max_batch_size: int | None = None


_node = OmegaConf.structured(GridSweeperConf)
# its keys are the user's: hydra.sweeper.params={...} on the command line adds to them
OmegaConf.set_struct(_node.params, False)
ConfigStore.instance().store(group="hydra/sweeper", name="grid", node=_node, provider="onelayer")


class GridSweeper(Sweeper):
    """Makes the jobs of a sweep by `onelayer.sweeps.grid` and hands them to the launcher.

    Args:
        params: see `GridSweeperConf`.
        grids: likewise.
        points: likewise.
        max_batch_size: likewise.
    """

    def __init__(
        self,
        params: dict[str, Any],
        grids: list[dict[str, Any]],
        points: int,
        max_batch_size: int | None,
    ) -> None:
        self.params = params
        self.grids = grids
        self.points = points
        self.max_batch_size = max_batch_size
        self.hydra_context: HydraContext | None = None
        self.config: DictConfig | None = None
        self._jobs_config: DictConfig | None = None
        self.launcher: Launcher | None = None
        self.task_function: TaskFunction | None = None

    @override
    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from hydra.core.plugins import Plugins

        from onelayer.sweeps.grid import config_of_jobs

        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config
        self._jobs_config = config_of_jobs(config, hydra_context.config_loader)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=self._jobs_config
        )

    @override
    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Run a sweep.

        Args:
            arguments: the overrides of the command line, without those of Hydra itself.

        Returns:
            What the launcher returned for each batch.

        Raises:
            UserError: the sweep cannot be made of this command line; nothing is on disk then.
        """
        from onelayer.sweeps.grid import batches, sweep_jobs

        assert self.config is not None
        assert self.hydra_context is not None
        # what was typed, unresolved: it may speak of ${hydra.job.num}, which only a job has
        typed = OmegaConf.to_container(self.config.hydra.overrides.hydra, resolve=False)
        assert isinstance(typed, list)
        jobs = sweep_jobs(
            arguments,
            params=self.params,
            grids=self.grids,
            points=self.points,
            loader=self.hydra_context.config_loader,
            points_given=any(str(one).startswith("hydra.sweeper.points=") for one in typed),
        )
        queue = list(batches(jobs, self.max_batch_size))
        with _recorded(self.config):
            return self._launch(queue)

    def _launch(self, queue: Sequence[Sequence["Job"]]) -> list[Sequence[JobReturn]]:
        from hydra_plugins.onelayer.launcher import FusedLauncher
        from onelayer.cli import task

        assert self.config is not None
        assert self.launcher is not None
        is_checked = isinstance(self.launcher, FusedLauncher) and self.launcher.trains_stacks
        returns: list[Sequence[JobReturn]] = []
        started = 0
        for batch in queue:
            if not is_checked:
                self._check(batch, started)
            try:
                results = self.launcher.launch(batch, initial_job_idx=started)
            except UserError:
                if returns and self.task_function is task:  # what earlier batches did is worth a table
                    with suppress(SystemExit):
                        self._conclude(returns)
                raise
            started += len(batch)
            returns.append(results)
            if self.task_function is not task:
                for result in results:
                    _ = result.return_value  # raises what a failed job raised
            elif any(isinstance(getattr(result, "error", None), CutShort) for result in results):
                break
        if self.task_function is task:
            self._conclude(returns)
        return returns

    def _conclude(self, returns: Sequence[Sequence[JobReturn]]) -> None:
        from onelayer.sweeps.fused import conclude

        assert self.config is not None
        conclude(self.config, [result for results in returns for result in results])

    def _check(self, batch: Sequence["Job"], first: int) -> None:
        """Compose all jobs before one starts, as `validate_batch_is_legal` does, but each choice of groups once."""
        from onelayer.sweeps.compose import Composer

        assert self._jobs_config is not None
        assert self.hydra_context is not None
        composer = Composer(self.hydra_context.config_loader, self._jobs_config)
        for number, overrides in enumerate(batch, first):
            composer(overrides, number)


@contextmanager
def _recorded(config: DictConfig) -> Iterator[None]:
    """Hold the sweep's folder and write multirun.yaml; take both back when the sweep is refused, as after a typo."""
    from onelayer.filenames import LOCK, MULTIRUN
    from onelayer.track.rundir import exclusive, missing_folders
    from onelayer.whole import whole

    directory = Path(config.hydra.sweep.dir)
    made = missing_folders(directory)
    record = directory / MULTIRUN
    try:
        with exclusive(directory, "hydra.sweep.dir"):
            before = record.read_bytes() if record.exists() else None
            with whole(record) as partial:
                OmegaConf.save(config, partial)
            try:
                yield
            except Exception:
                if before is not None:
                    record.write_bytes(before)
                elif {one.name for one in directory.iterdir()} <= {record.name, LOCK}:
                    record.unlink()
                raise
    except Exception:
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise
