"""Cheap composition: the configuration of every job of a sweep, equal to the one that Hydra composes.

Hydra composes a job from its files, in 60 to 90 ms. Here each choice of config groups is composed once, by Hydra
itself, and plain values (`optim.lr=0.01`) are set on copies of it. Every other override (`+key=`, `~key`, dictionaries,
interpolations, keys that do not exist) is applied to a copy by Hydra's own code. Jobs that change Hydra's own values
(`hydra.*`) are composed by Hydra from the start.

Private names of Hydra and OmegaConf are used where the public ones would compose or copy again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from onelayer.sweeps.choice import Choice, Composed
from onelayer.sweeps.values import Keys, is_plain

__all__ = ["Composed", "Composer"]

# choices on which Hydra applied further overrides; the others are as many as the sweep has choices of groups
KEPT_EDITS = 64


@dataclass(frozen=True, slots=True)
class _Parsed:
    """An override and what is known of it.

    Attributes:
        text: the override as it was given.
        is_group: whether it chooses from a config group.
        is_of_hydra: whether it sets a value of Hydra's own.
        keys: of its value, where that may be set plainly.
    """

    override: Override
    text: str
    is_group: bool
    is_of_hydra: bool
    keys: Keys | None


class Composer:
    """Composes the jobs of one sweep.

    Args:
        loader: the loader that Hydra hands to launchers.
        master: the configuration of the sweep.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        assert isinstance(loader, ConfigLoaderImpl)
        self._loader = loader
        self._master = master
        # once read, a ${now:} in it keeps its value, so that all jobs get the same folder
        str(master.hydra.sweep.dir)
        # this one knows the folders of hydra.searchpath too
        given: list[str] = OmegaConf.to_container(master.hydra.overrides.hydra)  # type: ignore[assignment]
        _, self._repository = loader._parse_overrides_and_create_caching_repo(master.hydra.job.config_name, given)
        self._parser = OverridesParser.create()
        self._parsed: dict[str, _Parsed] = {}
        self._choices: dict[Keys, Choice] = {}
        self._refused: dict[Keys, Exception] = {}
        self._edits: dict[tuple[Keys, Keys], Choice] = {}

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
        ConfigLoaderImpl.validate_sweep_overrides_legal([one.override for one in parsed], RunMode.RUN, from_shell=True)
        groups = tuple(one.text for one in parsed if one.is_group)
        if any(one.is_of_hydra for one in parsed) or self._choice(groups).depends_on_values:
            choice = self._load(overrides)
            return choice.job(choice.hydra["overrides"]["task"], choice.hydra["job"]["override_dirname"], {}, number)
        choice, left = self._edited(groups, [one for one in parsed if not one.is_group])
        values = {one.keys: one.override.value() for one in left if one.keys is not None}
        task = [one for one in parsed if not one.override.is_hydra_override()]
        dirname = get_overrides_dirname(
            [one.override for one in task], **choice.hydra["job"]["config"]["override_dirname"]
        )
        return choice.job([one.text for one in task], dirname, values, number)

    def _load(self, overrides: Sequence[str]) -> Choice:
        return Choice(self._loader.load_sweep_config(self._master, list(overrides)), self._master)

    def _parse(self, text: str) -> _Parsed:
        if text not in self._parsed:
            (override,) = self._parser.parse_overrides([text])
            key, value = override.key_or_group, override.value()
            is_group = not isinstance(value, dict) and self._repository.group_exists(key)
            is_change = override.type == OverrideType.CHANGE and override.package is None and not is_group
            keys = tuple(key.split(".")) if is_change and is_plain(value) else None
            is_of_hydra = key == "hydra" or key.startswith(("hydra.", "hydra["))
            self._parsed[text] = _Parsed(override, text, is_group, is_of_hydra, keys)
        return self._parsed[text]

    def _choice(self, groups: Keys) -> Choice:
        """Compose a choice of config groups, or refuse it, once."""
        if groups in self._refused:
            raise self._refused[groups].with_traceback(None)
        if groups not in self._choices:
            try:
                self._choices[groups] = self._load(groups)
            except Exception as error:
                self._refused[groups] = error
                raise
        return self._choices[groups]

    def _edited(self, groups: Keys, given: Sequence[_Parsed]) -> tuple[Choice, Sequence[_Parsed]]:
        """Let Hydra apply all overrides up to the last that it alone can; return the rest beside the choice."""
        choice, applied = self._choice(groups), 0
        while hard := [at for at in range(applied, len(given)) if not choice.takes(given[at].keys)]:
            applied = hard[-1] + 1
            choice = self._edit(groups, given[:applied])
        return choice, given[applied:]

    def _edit(self, groups: Keys, given: Sequence[_Parsed]) -> Choice:
        key = groups, tuple(one.text for one in given)
        choice = self._edits.pop(key, None)
        if choice is None:
            config = self._choice(groups).copied_config()
            ConfigLoaderImpl._apply_overrides_to_config([one.override for one in given], config)
            choice = Choice(config, self._master)
        self._edits[key] = choice
        if len(self._edits) > KEPT_EDITS:
            del self._edits[next(iter(self._edits))]
        return choice
