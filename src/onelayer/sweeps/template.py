"""A configuration that Hydra composed for one job, and from which others are made by setting plain values."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from onelayer.sweeps.values import MISSING, Keys, Tree, at, copied, interpolated, interpolates, linked, put
from onelayer.terminal.overrides import key_of, run_name

CLOCK = re.compile(r"\$\{now:[^${}]*\}")
ENVIRONMENT = re.compile(r"\$\{oc\.env:[^${}]*\}")
NAME = "${run_name:${hydra.overrides.task}}"
# a node that takes each of these as it is has no type
PROBES: tuple[Any, ...] = (0.5, "text", None, ["text", 0.5])


@dataclass(frozen=True, slots=True)
class Composed:
    """The configuration of one job.

    `config` and `resolved` belong to this job alone. The parts of `hydra` that no job changes are shared: only read it.

    Attributes:
        overrides: the task overrides, as Hydra keeps them in `hydra.overrides.task`.
        config: the configuration without the hydra node, interpolations unresolved, as in `.hydra/config.yaml`.
        resolved: the same with interpolations resolved, as `RunSpec.from_config` takes it.
        hydra: the hydra node, interpolations unresolved, as in `.hydra/hydra.yaml`.
        directory: the absolute run directory.
    """

    overrides: tuple[str, ...]
    config: Tree
    resolved: Tree
    hydra: Tree
    directory: Path


class Template:
    """Makes jobs that differ from a composed one in plain values alone.

    Args:
        composed: the job as Hydra composed it.
        config: the configuration that it was read from, hydra node included. It is used up: values are tried on it.
        values: the plain values of the job, by keys.
        sweep_dir: `hydra.sweep.dir` of the sweep, as written and as read.

    Raises:
        LookupError: other jobs have to be composed by Hydra: a value did not arrive as it was given, is converted to a
            type, or is read by more than simple links.
    """

    def __init__(
        self, composed: Composed, config: DictConfig, values: Mapping[Keys, Any], sweep_dir: tuple[str, str]
    ) -> None:
        self._composed = composed
        job, sweep = composed.hydra["job"], composed.hydra["sweep"]
        # from these Hydra has made texts while it composed
        if interpolates([job["config"], job["env_copy"]]):
            raise LookupError("hydra.job")
        for keys, value in values.items():
            if repr(at(composed.config, keys)) != repr(value):
                raise LookupError(".".join(keys))
        links = interpolated(composed.config)
        self._links = {keys: text for keys, text in links if not _is_of_environment(text)}
        for keys in (*values, *self._links):
            if not _is_untyped(config, ".".join(keys)):
                raise LookupError(".".join(keys))
        self._subdir, (written, read) = sweep["subdir"], sweep_dir
        self._dir = read if sweep["dir"] == written and "${" not in CLOCK.sub("", written) else sweep["dir"]
        # from Hydra 1.4 on it is an interpolation, which is the same for all jobs
        self._has_dirname = job["override_dirname"] == self._dirname(composed.overrides)
        number: int = job["num"]
        if repr(self.job(composed.overrides, values, number)) != repr(composed):
            raise LookupError("hydra")

    def job(self, overrides: Sequence[str], values: Mapping[Keys, Any], number: int) -> Composed:
        """Make another job.

        Args:
            overrides: all of its overrides, none of them for Hydra itself.
            values: its plain values, by the same keys as those of the template.
            number: of the job in the sweep.

        Raises:
            LookupError: Hydra has to compose this one.
        """
        config, resolved = copied(self._composed.config), copied(self._composed.resolved)
        for tree in (config, resolved):
            for keys, value in values.items():
                put(tree, keys, value)
        for keys, text in self._links.items():
            put(resolved, keys, linked(text, config))
        shared = self._composed.hydra
        job = shared["job"] | {"id": str(number), "num": number}
        if self._has_dirname:
            job["override_dirname"] = self._dirname(overrides)
        hydra = shared | {
            "overrides": shared["overrides"] | {"task": list(overrides)},
            "job": job,
            "runtime": shared["runtime"] | {"output_dir": MISSING},
        }
        tree = config | {"hydra": hydra}
        if self._subdir == NAME:
            subdir = run_name([linked(text, tree) if "${" in text else text for text in overrides])
        else:
            subdir = str(linked(self._subdir, tree))
        # as Hydra does it; Path.resolve would follow links
        directory = os.path.abspath(os.path.join(str(linked(self._dir, tree)), subdir))  # noqa: PTH100, PTH118
        hydra["runtime"]["output_dir"] = directory
        return Composed(tuple(overrides), config, resolved, hydra, Path(directory))

    def _dirname(self, overrides: Sequence[str]) -> str:
        """Return `hydra.job.override_dirname` as Hydra documents it."""
        how = self._composed.hydra["job"]["config"]["override_dirname"]
        keys = {text: key_of(text).partition("@")[0] for text in overrides}
        kept = sorted(text for text in overrides if keys[text] not in how["exclude_keys"])
        name: str = how["item_sep"].join(kept).replace("=", how["kv_sep"])
        return name


def _is_of_environment(text: Any) -> bool:
    """Return whether a text reads the environment alone, which is the same for all jobs."""
    return isinstance(text, str) and "${" not in ENVIRONMENT.sub("", text)


def _is_untyped(config: DictConfig, key: str) -> bool:
    """Return whether a node takes any plain value as it is; it is left with another value."""
    try:
        for probe in PROBES:
            OmegaConf.update(config, key, probe, merge=True)
            if repr(OmegaConf.select(config, key)) != repr(probe):
                return False
    except OmegaConfBaseException:
        return False
    return True
