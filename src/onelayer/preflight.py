"""What can be refused before Hydra makes a folder."""

from pathlib import Path
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from onelayer.errors import UserError
from onelayer.explain import reported


class Preflight(Callback):
    """Checks a single run before anything of it is on disk; a sweep's jobs are checked one by one.

    Attributes:
        made: the folders that Hydra then makes for the run, innermost first, to be taken back if it cannot start.
    """

    made: ClassVar[list[Path]] = []

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check the configuration and the run directory; exit with one sentence where they will not do."""
        with reported():
            refuse_lone_sweep(config)
            from onelayer.config import RunSpec
            from onelayer.track.rundir import missing_folders, refuse_used

            ours = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            RunSpec.from_config(OmegaConf.to_container(ours, resolve=True))
            directory = Path(config.hydra.run.dir)
            refuse_used(directory)
            Preflight.made = missing_folders(directory)


def refuse_lone_sweep(config: DictConfig) -> None:
    """Refuse what only a sweep would read.

    Raises:
        UserError: a named sweep, or grids of hydra.sweeper, without -m.
    """
    name, sweeper = config.hydra.runtime.choices.get("sweep"), config.hydra.sweeper
    if name is not None or sweeper.get("params") or sweeper.get("grids"):
        what = "hydra.sweeper describes a sweep" if name is None else f"sweep={name} is a sweep"
        raise UserError(f"{what}, and without -m there is one run only; add -m, as in: train.py -m sweep=optimizers")
