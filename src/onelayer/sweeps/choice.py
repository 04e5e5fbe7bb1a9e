"""One choice of config groups, composed once: the jobs that share it differ in plain values.

Private names of Hydra and OmegaConf are used where the public ones would copy, or parse the same text for every job.
"""

import copy
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import AnyNode, DictConfig, ListConfig, OmegaConf, StringNode

from onelayer.sweeps import values as plainly
from onelayer.sweeps.values import MISSING, Keys, Tree

# such as ${now:%Y-%m-%d}, and such as ${run_name:${hydra.overrides.task}}
CLOCK = re.compile(r"\$\{now:[^${}]*\}")
NAME = re.compile(r"\$\{(\w+):(\$\{hydra\.overrides\.task\})\}")


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


class Choice:
    """A configuration as Hydra composed it for a choice of config groups, ready for the plain values of many jobs.

    Args:
        config: the configuration with its hydra node. The values of a job are set on it while they are needed.
        master: the configuration of the sweep; what it resolved once (`${now:}`) holds for the jobs too.

    Attributes:
        hydra: the hydra node in plain containers.
        depends_on_values: whether what Hydra fills into its node while composing depends on the values of a job.
    """

    def __init__(self, config: DictConfig, master: DictConfig) -> None:
        self.config = config
        self._master = master
        self._plain: Tree = OmegaConf.to_container(config, enum_to_str=True)  # type: ignore[assignment]
        self.hydra: Tree = self._plain.pop("hydra")
        job, folder = self.hydra["job"], self.hydra["sweep"]["dir"]
        self.depends_on_values = plainly.interpolates([job["config"], job["env_copy"]])
        self._interpolated = dict(plainly.interpolated(self._plain))
        self._is_typed = self._has_types()
        is_masters = folder == master.hydra.sweep._get_node("dir")._value()
        self._folder = master.hydra.sweep.dir if is_masters and "${" not in CLOCK.sub("", folder) else None
        # made now, while no job's values are set
        self._task = self._without_hydra() if self._interpolated or self._is_typed else self.config
        self._takes: dict[Keys, bool] = {}

    def _has_types(self) -> bool:
        """Say whether values may differ from what is written: enumerations, and links that are converted."""
        typed: Tree = OmegaConf.to_container(self.config)  # type: ignore[assignment]
        del typed["hydra"]
        links = (plainly.node_at(self.config, keys) for keys in self._interpolated)
        return typed != self._plain or any(type(link) not in (AnyNode, ListConfig) for link in links)

    def _without_hydra(self) -> DictConfig:
        """Copy the configuration as a job sees it: no interpolation reaches the hydra node."""
        content: Any = self.config._content
        hydra = content.pop("hydra")
        try:
            return copy.deepcopy(self.config)
        finally:
            content["hydra"] = hydra

    def copied_config(self) -> DictConfig:
        """Copy the configuration as Hydra composed it, for further overrides."""
        self._fill(self.hydra)
        return copy.deepcopy(self.config)

    def takes(self, keys: Keys | None) -> bool:
        """Say whether a plain value can be set here: what stands there is an untyped number, text, null or list."""
        if keys is None:
            return False
        if keys not in self._takes:
            self._takes[keys] = self._is_free(keys)
        return self._takes[keys]

    def _is_free(self, keys: Keys) -> bool:
        node: Any = self.config
        for key in keys:
            if not isinstance(node, DictConfig) or not isinstance(node._content, dict) or key not in node._content:
                return False
            if node._metadata.object_type not in (dict, None) or node._metadata.element_type is not Any:
                return False
            node = node._content[key]
        if isinstance(node, ListConfig):
            is_value = isinstance(node._content, list) and node._metadata.element_type is Any
        else:
            is_value = type(node) is AnyNode
        return is_value and node._metadata.ref_type is Any and not node._get_flag("readonly")

    def job(self, overrides: list[str], dirname: str, values: Mapping[Keys, Any], number: int) -> Composed:
        """Compose the job that sets some plain values.

        Args:
            overrides: its task overrides.
            dirname: the name that Hydra makes of them.
            values: by keys that the choice takes.
            number: of the job in the sweep.

        Raises:
            OmegaConfBaseException: an interpolation that cannot be resolved.
        """
        config = plainly.copied(self._plain)
        for keys, value in values.items():
            plainly.put(config, keys, value)
        hydra = self.hydra | {
            "overrides": self.hydra["overrides"] | {"task": overrides},
            "job": self.hydra["job"] | {"override_dirname": dirname, "id": str(number), "num": number},
            "runtime": self.hydra["runtime"] | {"output_dir": MISSING},
        }
        # for resolvers, and for what takes more than a look-up
        instance: Any = HydraConfig.instance()
        instance.cfg, before = self.config, instance.cfg
        try:
            with plainly.holding(self.config, values):
                self._fill(hydra)
                tree = config | {"hydra": hydra}
                place = Path(self._folder or self._text("dir", tree), self._subdir(tree))
                # as Hydra does it; Path.resolve would follow links
                directory = os.path.abspath(place)  # noqa: PTH100
                plainly.node_at(self.config, ("hydra", "runtime", "output_dir"))._val = directory
                resolved = self._resolved(config, values)
        finally:
            instance.cfg = before
        hydra["runtime"]["output_dir"] = directory
        return Composed(tuple(overrides), config, resolved, hydra, Path(directory))

    def _fill(self, hydra: Tree) -> None:
        """Write what belongs to a job alone into the hydra node."""
        job = plainly.node_at(self.config, ("hydra", "job"))._content
        for key in ("override_dirname", "id", "num"):
            job[key]._val = hydra["job"][key]
        plainly.node_at(self.config, ("hydra", "runtime", "output_dir"))._val = MISSING
        task = plainly.node_at(self.config, ("hydra", "overrides", "task"))
        task._content[:] = [StringNode(text, key, task) for key, text in enumerate(hydra["overrides"]["task"])]
        OmegaConf.copy_cache(self._master, self.config)

    def _subdir(self, tree: Tree) -> str:
        named = NAME.fullmatch(self.hydra["sweep"]["subdir"])
        resolver = OmegaConf._get_resolver(named[1]) if named else None
        if named and resolver:
            parent = plainly.node_at(self.config, ("hydra", "sweep"))
            task = plainly.node_at(self.config, ("hydra", "overrides", "task"))
            # what it raises, OmegaConf says below
            with suppress(Exception):
                name = resolver(self.config, parent, parent._content["subdir"], (task,), (named[2],))
                if isinstance(name, str):
                    return name
        return self._text("subdir", tree)

    def _text(self, key: str, tree: Tree) -> str:
        with suppress(LookupError):
            return str(plainly.linked(self.hydra["sweep"][key], tree))
        return str(OmegaConf.select(self.config, f"hydra.sweep.{key}"))

    def _resolved(self, config: Tree, values: Mapping[Keys, Any]) -> Tree:
        resolved: Tree = plainly.copied(config)
        if not self._is_typed:
            with suppress(LookupError):
                for keys, text in self._interpolated.items():
                    if keys not in values:
                        plainly.put(resolved, keys, plainly.linked(text, config))
                return resolved
        OmegaConf.copy_cache(self.config, self._task)
        with plainly.holding(self._task, values):
            return OmegaConf.to_container(self._task, resolve=True)  # type: ignore[return-value]
