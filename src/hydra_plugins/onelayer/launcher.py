"""The launcher `fused`: compatible runs of a sweep are trained together, as stacks."""

from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig
from typing_extensions import override


@dataclass
class FusedLauncherConf:
    """What `hydra.launcher` may say.

    Attributes:
        max_runs_per_stack: at most so many runs train together; null: as many as memory allows.
        skip_invalid: go on without jobs that cannot be trained.
        fail_fast: stop at the first run that fails.
    """

    _target_: str = "hydra_plugins.onelayer.launcher.FusedLauncher"
    max_runs_per_stack: int | None = None
    skip_invalid: bool = False
    fail_fast: bool = False


ConfigStore.instance().store(group="hydra/launcher", name="fused", node=FusedLauncherConf, provider="onelayer")


class FusedLauncher(Launcher):
    """Trains the runs of a sweep as stacks; jobs of any other task function run one by one.

    Args:
        max_runs_per_stack: see `FusedLauncherConf`.
        skip_invalid: likewise.
        fail_fast: likewise.
    """

    def __init__(self, max_runs_per_stack: int | None, skip_invalid: bool, fail_fast: bool) -> None:
        self.max_runs_per_stack, self.skip_invalid, self.fail_fast = max_runs_per_stack, skip_invalid, fail_fast
        self.hydra_context: HydraContext | None = None
        self.task_function: TaskFunction | None = None
        self.config: DictConfig | None = None

    @override
    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    @property
    def trains_stacks(self) -> bool:
        """Whether the jobs are runs of onelayer, which are checked and trained together."""
        from onelayer.cli import task

        return self.task_function is task

    @override
    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run a batch of jobs; return how each ended, in order.

        Raises:
            UserError: jobs that cannot be trained; nothing is on disk then.
        """
        assert self.hydra_context is not None
        assert self.task_function is not None
        assert self.config is not None
        if self.trains_stacks:
            from onelayer.sweeps.fused import launch

            return launch(
                self.hydra_context,
                self.config,
                job_overrides,
                initial_job_idx,
                max_runs_per_stack=self.max_runs_per_stack,
                skip_invalid=self.skip_invalid,
                fail_fast=self.fail_fast,
            )
        from hydra.core.plugins import Plugins

        (basic,) = (kind for kind in Plugins.instance().discover(Launcher) if kind.__name__ == "BasicLauncher")
        launcher = basic()
        assert isinstance(launcher, Launcher)
        launcher.setup(hydra_context=self.hydra_context, task_function=self.task_function, config=self.config)
        return launcher.launch(job_overrides, initial_job_idx)
