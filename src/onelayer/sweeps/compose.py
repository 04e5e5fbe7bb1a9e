"""Cheap composition: the configuration of every job of a sweep, equal to the one that Hydra composes.

Hydra composes a job from its files, in 60 to 90 ms. Here jobs that choose the same from the config groups and set the
same keys to plain values (`optim.lr=0.01`) are alike: Hydra composes one of them, and the others are copies of it with
values of their own. What is not known to come out the same (values with types, resolvers, `hydra.*`, a key that is
touched twice) Hydra composes itself.
"""

import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from onelayer.sweeps.template import Composed, Template
from onelayer.sweeps.values import Keys, is_plain

SETS = {OverrideType.CHANGE: "", OverrideType.ADD: "+", OverrideType.FORCE_ADD: "++"}
KEPT_TEMPLATES = 4096

Like = tuple[str, ...]  # what jobs that are alike have in common


@dataclass(frozen=True, slots=True)
class _Parsed:
    """An override and what is known of it.

    Attributes:
        like: the same for overrides that set the same key to another plain value of this kind.
        key: dotted; None for a choice from a config group.
        value: what it sets.
        is_plain: whether that may be set on a copy.
        is_hydras: whether Hydra has to compose each job with it: it is about Hydra itself, or deletes by a value.
    """

    like: str
    key: str | None
    value: Any
    is_plain: bool
    is_hydras: bool


class Composer:
    """Composes the jobs of one sweep.

    Args:
        loader: the loader that Hydra hands to launchers.
        master: the configuration of the sweep.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader = loader
        self._master = master
        written: Any = OmegaConf.to_container(master.hydra.sweep)
        # once read, a ${now:} in it keeps its value, so that all jobs get the same folder
        self._sweep_dir = written["dir"], str(master.hydra.sweep.dir)
        self._parser = OverridesParser.create()
        self._parsed: dict[str, _Parsed] = {}
        self._groups: dict[str, bool] = {}
        self._templates: dict[Like, Template | None] = {}
        self._refused: dict[Like, HydraException] = {}

    def __call__(self, overrides: Sequence[str], number: int) -> Composed:
        """Compose a job.

        Args:
            overrides: all overrides of the job, in order.
            number: becomes `hydra.job.num`.

        Raises:
            HydraException: an override that cannot be read or applied, as Hydra says it.
            OmegaConfBaseException: an interpolation that cannot be resolved.
        """
        parsed = [self._parse(text) for text in overrides]
        if any(one.is_hydras for one in parsed) or not _independent(parsed):
            return self._by_hydra(overrides, number)[0]
        like = tuple(one.like for one in parsed)
        if like in self._refused:
            raise self._refused[like].with_traceback(None)
        values: dict[Keys, Any] = {tuple(one.key.split(".")): one.value for one in parsed if one.is_plain and one.key}
        template = self._templates.get(like)
        if template is not None:
            try:
                return template.job(overrides, values, number)
            except LookupError:
                return self._by_hydra(overrides, number)[0]
        try:
            composed, config = self._by_hydra(overrides, number)
        except HydraException as error:
            if not _is_of_values(error):
                self._refused[like] = error
            raise
        if like not in self._templates:
            try:
                template = Template(composed, config, values, self._sweep_dir)
            except LookupError:
                template = None
            self._templates[like] = template
            if len(self._templates) > KEPT_TEMPLATES:
                del self._templates[next(iter(self._templates))]
        # what is returned belongs to the caller
        return composed if template is None else template.job(overrides, values, number)

    def _by_hydra(self, overrides: Sequence[str], number: int) -> tuple[Composed, DictConfig]:
        """Compose a job as Hydra's basic launcher and `run_job` do; return its configuration beside it."""
        config = self._loader.load_sweep_config(self._master, list(overrides))
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        instance = HydraConfig.instance()
        before = instance.cfg
        try:
            instance.set_config(config)  # for the resolver `hydra`
            place = [str(OmegaConf.select(config, f"hydra.sweep.{key}")) for key in ("dir", "subdir")]
            # as Hydra does it; Path.resolve would follow links
            directory = os.path.abspath(os.path.join(*place))  # noqa: PTH100, PTH118
            with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
                config.hydra.runtime.output_dir = directory
            instance.set_config(config)
            task = copy.deepcopy(config)
            with read_write(task), open_dict(task):
                del task["hydra"]
            plain: Any = OmegaConf.to_container(task, enum_to_str=True)
            resolved: Any = OmegaConf.to_container(task, resolve=True)
            hydra: Any = OmegaConf.to_container(config.hydra, enum_to_str=True)
        finally:
            instance.cfg = before
        return Composed(tuple(hydra["overrides"]["task"]), plain, resolved, hydra, Path(directory)), config

    def _parse(self, text: str) -> _Parsed:
        if text not in self._parsed:
            (override,) = self._parser.parse_overrides([text])
            key, value = override.key_or_group, override.value()
            is_group = not isinstance(value, dict) and self._is_group(key)
            is_set = not is_group and override.package is None and override.type in SETS and is_plain(value)
            # a list merges with what is there, and so is refused where a number would not be
            like = f"{SETS[override.type]}{key}={'[]' if isinstance(value, list) else ''}" if is_set else text
            is_hydras = override.is_hydra_override() or (override.is_delete() and value is not None)
            self._parsed[text] = _Parsed(like, None if is_group else key, value, is_set, is_hydras)
        return self._parsed[text]

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            given: Any = OmegaConf.to_container(self._master.hydra.overrides.hydra)  # hydra.searchpath may be in it
            name = self._master.hydra.job.config_name
            self._groups[key] = bool(self._loader.get_group_options(key, config_name=name, overrides=given))
        return self._groups[key]


def _independent(parsed: Sequence[_Parsed]) -> bool:
    """Return whether no plain value is set at, above or below a key that another override is about."""
    keys = [f"{one.key}." for one in parsed if one.key is not None]
    plain = [f"{one.key}." for one in parsed if one.is_plain]
    return all(sum(key.startswith(other) or other.startswith(key) for other in keys) == 1 for key in plain)


def _is_of_values(error: HydraException) -> bool:
    """Return whether other values of the same keys might not be refused: a value is, but no key and no choice."""
    cause = error.__cause__
    return isinstance(cause, OmegaConfBaseException) and not isinstance(cause, ConfigAttributeError | ConfigKeyError)
