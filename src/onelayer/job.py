"""One Hydra job: from its configuration to its result."""

import logging
import sys
from contextlib import suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from onelayer.config import RunSpec
from onelayer.errors import UserError
from onelayer.explain import reported, sentence
from onelayer.filenames import LAST
from onelayer.preflight import Preflight
from onelayer.track.rundir import discard, exclusive, refuse_used, resume_argument, write_result
from onelayer.whole import naming

log = logging.getLogger("onelayer")


def job(config: DictConfig) -> float | None:
    """Train one configuration; return the monitored value for a sweeper to judge.

    Raises:
        UserError: in a sweep, so that its other jobs go on; a single run exits with the sentence.
    """
    settings = HydraConfig.get()
    directory = Path(settings.runtime.output_dir)
    in_sweep = settings.mode == RunMode.MULTIRUN
    overrides = tuple(str(override) for override in settings.overrides.task)
    with Preflight.held, exclusive(directory, "hydra.sweep.dir"):
        if in_sweep:
            refuse_used(directory)
        return _reported(config, directory, overrides, in_sweep)


def _reported(config: DictConfig, directory: Path, overrides: tuple[str, ...], in_sweep: bool) -> float | None:
    Preflight.directory = None  # from here on errors of the system are the job's own
    try:
        with naming(directory):
            return _train(config, directory, overrides)
    except (UserError, OSError) as error:
        if not in_sweep:
            with reported():
                if not (directory / LAST).exists():
                    discard(directory, Preflight.made)
                elif isinstance(error, OSError):
                    log.warning(f"stopped; what {LAST} has is kept: go on with {resume_argument(directory)}")
                raise
        log.error(f"failed: {' '.join(overrides)}\n  {sentence(error)}")
        with suppress(OSError):  # where there is no room for that either
            write_result(directory, {"status": "failed", "error": sentence(error), "overrides": overrides})
        raise
    except KeyboardInterrupt:
        if not in_sweep and not (directory / LAST).exists():
            log.warning("interrupted before the first epoch ended; nothing is left behind")
            discard(directory, Preflight.made)
        raise
    except Exception as error:
        log.exception("failed: %s", " ".join(overrides))
        write_result(directory, {"status": "failed", "error": repr(error), "overrides": overrides})
        if in_sweep:
            raise
        sys.exit(1)


def _train(config: DictConfig, directory: Path, overrides: tuple[str, ...]) -> float | None:
    spec = RunSpec.from_config(OmegaConf.to_container(config, resolve=True))

    from onelayer.run import train
    from onelayer.track.results import Run
    from onelayer.track.signals import Interrupted
    from onelayer.track.summary import summary

    try:
        result = train(Run(spec, directory, overrides))
    except Interrupted as stop:
        log.warning(str(stop))
        sys.exit(stop.code)  # the rest of a sweep does not start
    log.info(summary(result, directory))
    value: float | None = result["metrics"].get(spec.monitor)
    return value
