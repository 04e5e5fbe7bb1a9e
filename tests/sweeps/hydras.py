"""What Hydra itself makes of the jobs of a sweep."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks  # which a job of Hydra's own needs, and no public name makes
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import run_job
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from onelayer import CONF
from onelayer.compose import register_resolver, version_base
from onelayer.sweeps.compose import Composer
from onelayer.sweeps.hydra_files import write_hydra_files
from onelayer.sweeps.template import Composed
from onelayer.terminal.overrides import run_name

FILES = ("config.yaml", "hydra.yaml", "overrides.yaml")


class Sweep:
    """A sweep over real configuration files: its jobs by Hydra, and by the composer."""

    def __init__(self, *overrides: str, folder: Path = CONF, name: str = "train") -> None:
        register_resolver("run_name", run_name)
        with initialize_config_dir(str(folder), **version_base()):
            self.loader = GlobalHydra.instance().config_loader()
        self.master = self.loader.load_configuration(name, list(overrides), run_mode=RunMode.MULTIRUN)
        self.compose = Composer(self.loader, self.master)

    def hydras(self, overrides: Sequence[str], number: int = 0) -> Composed:
        """Run a job as the basic launcher does; its files are written too."""
        config = self.loader.load_sweep_config(self.master, list(overrides))
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        outcome: list[Any] = []

        def task(config: DictConfig) -> None:
            try:
                outcome.append(OmegaConf.to_container(config, resolve=True))
            except OmegaConfBaseException as error:
                outcome.append(error)

        job = run_job(
            hydra_context=HydraContext(config_loader=self.loader, callbacks=Callbacks()),
            task_function=task,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            configure_logging=False,
        )
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        assert job.cfg is not None
        assert job.hydra_cfg is not None
        hydra: Any = OmegaConf.to_container(job.hydra_cfg, enum_to_str=True)
        plain: Any = OmegaConf.to_container(job.cfg, enum_to_str=True)
        directory = Path(hydra["hydra"]["runtime"]["output_dir"])
        return Composed(tuple(job.overrides or ()), plain, outcome[0], hydra["hydra"], directory)

    @staticmethod
    def attempt(
        compose: Callable[[Sequence[str], int], Composed], overrides: Sequence[str], number: int
    ) -> Composed | Exception:
        try:
            return compose(overrides, number)
        except Exception as error:
            return error

    def check(self, *overrides: str, number: int = 0) -> Composed | None:
        """Hold a job equal to Hydra's, with its files; return None where both refuse it."""
        wanted, found = self.attempt(self.hydras, overrides, number), self.attempt(self.compose, overrides, number)
        if isinstance(wanted, Exception) or isinstance(found, Exception):
            assert (type(found), said(found)) == (type(wanted), said(wanted))
            return None
        # their texts, for which 1, 1.0 and true differ, as the order of keys does
        assert repr(found) == repr(wanted)
        folder = found.directory / str(found.hydra["output_subdir"])
        hydras = [(folder / name).read_bytes() for name in FILES]
        for name in FILES:
            (folder / name).unlink()
        write_hydra_files(found)
        assert [(folder / name).read_bytes() for name in FILES] == hydras
        return found


def said(error: object) -> str:
    """What an error says, but for where in Python a value that is made of itself ran out of stack.

    A key that does not fit is refused whatever its value, which the advice that follows repeats.
    """
    text = re.sub("(maximum recursion depth exceeded).*", r"\1", str(error))
    return re.sub("\n(To append to your config|Either remove) [\\s\\S]*", "", text)


def in_an_app_with(**plugins: str) -> list[tuple[dict[str, Any], list[str]]]:
    """What Hydra's integration tests are given: the defaults of an app, and the flags of its command line."""
    quiet = {"hydra_logging": "disabled", "job_logging": "disabled"}
    return [({"defaults": [{f"override hydra/{key}": name} for key, name in (plugins | quiet).items()]}, ["-m"])]
