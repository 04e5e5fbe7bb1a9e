"""What can be refused before Hydra makes a folder."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from onelayer.explain import reported


class Preflight(Callback):
    """Checks a single run before anything of it is on disk; a sweep's jobs are checked one by one."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check the configuration and the run directory; exit with one sentence where they will not do."""
        with reported():
            from onelayer.config import RunSpec
            from onelayer.track.rundir import refuse_used

            plain = OmegaConf.to_container(config, resolve=False)
            assert isinstance(plain, dict)
            plain.pop("hydra")
            resolved = OmegaConf.to_container(OmegaConf.create(plain), resolve=True)
            assert isinstance(resolved, dict)
            RunSpec.from_config({str(key): value for key, value in resolved.items()})
            refuse_used(Path(config.hydra.run.dir))
