"""What can be refused before Hydra writes into a folder."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from onelayer.errors import UserError
from onelayer.explain import reported
from onelayer.terminal.overrides import key_of
from onelayer.track.rundir import discard, exclusive, missing_folders, refuse_used
from onelayer.whole import naming


class Preflight(Callback):
    """Checks a single run before anything of it is on disk; a sweep's jobs are checked one by one.

    Attributes:
        directory: of the run.
        made: the folders that are made for the run, innermost first, to be taken back if it cannot start.
        held: holds the run directory against other processes till the job ends.
    """

    directory: ClassVar[Path | None] = None
    made: ClassVar[list[Path]] = []
    held: ClassVar[ExitStack] = ExitStack()

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check the configuration and the run directory; exit with one sentence where they will not do."""
        with reported():
            refuse_lone_sweep(config)
            from onelayer.config import RunSpec

            ours = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            RunSpec.from_config(OmegaConf.to_container(ours, resolve=True))
            directory = Path(config.hydra.run.dir)
            Preflight.made = missing_folders(directory)
            Preflight.held.close()  # of an earlier run in this process that Hydra itself stopped
            with ExitStack() as lock:
                lock.enter_context(exclusive(directory, "hydra.run.dir"))
                refuse_used(directory)
                Preflight.held, Preflight.directory = lock.pop_all(), directory

    @staticmethod
    def unstarted(error: BaseException) -> None:
        """Take back what Hydra wrote before the disk was full, or whatever else the system says.

        Raises:
            OSError: naming the run directory, where the error or what lies behind it is one of the system.
        """
        reason = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(reason, OSError) or Preflight.directory is None:
            return
        with Preflight.held, naming(Preflight.directory):
            discard(Preflight.directory, Preflight.made)
            raise reason from None


def refuse_lone_sweep(config: DictConfig) -> None:
    """Refuse what only a sweep would read; one run of an experiment that is a sweep says all that this sweeps over.

    Raises:
        UserError: a named sweep, an experiment that is one, or grids of hydra.sweeper, without -m.
    """
    name, experiment = (config.hydra.runtime.choices.get(group) for group in ("sweep", "experiment"))
    every, grids = config.hydra.sweeper.get("params") or {}, config.hydra.sweeper.get("grids") or []
    if name is None and not every and not grids:
        return
    typed = any(str(one).startswith("hydra.sweeper.") for one in config.hydra.overrides.hydra)
    if name is not None:
        what, example = f"sweep={name} is a sweep", f"sweep={name}"
    elif typed or experiment is None:
        what, example = "hydra.sweeper describes a sweep", "sweep=optimizers"
    else:
        given = {key_of(str(override)) for override in config.hydra.overrides.task}
        if any(given.issuperset([*every, *grid]) for grid in grids or [{}]):
            return
        keys = " and ".join(dict.fromkeys([*every, *(key for grid in grids for key in grid)]))
        what, example = f"experiment={experiment} is a sweep over {keys}", f"experiment={experiment}"
    raise UserError(f"{what}, and without -m there is one run only; add -m, as in: train.py -m {example}")
