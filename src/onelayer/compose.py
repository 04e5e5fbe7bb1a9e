"""The configuration of a run, composed outside of a start of Hydra."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from onelayer import CONF

# what a configuration may name for Hydra to call: logging and our checks, and the callbacks that Hydra brings
TRUSTED = ("onelayer.*", "hydra.experimental.callbacks.*")


def main_options() -> dict[str, Any]:
    """Return what `hydra.main` is given beside the configuration.

    Up to 1.3 Hydra warns where `version_base` is not given, after that where it is; and then it wants to be told what
    configurations may call.
    """
    base = version_base()
    return base or {"execution_whitelist": list(TRUSTED)}


def version_base() -> dict[str, str]:
    """Return the argument `version_base` for Hydra, as keywords; none where Hydra warns of it."""
    from hydra import errors

    return {} if hasattr(errors, "Hydra15MigrationWarning") else {"version_base": "1.3"}


def register_resolver(name: str, resolver: Callable[..., Any], *, use_cache: bool = False) -> None:
    """Let configurations call a function by `${name:...}`."""
    from omegaconf import OmegaConf

    # OmegaConf 2.4 gives the plain name, which was that of an older kind of resolvers, to those called new before
    is_new = "replace" in inspect.signature(OmegaConf.register_resolver).parameters
    register: Any = OmegaConf.register_resolver if is_new else OmegaConf.register_new_resolver
    register(name, resolver, use_cache=use_cache, replace=True)


@contextmanager
def initialized() -> Iterator[None]:
    """Let Hydra know our `conf/` for a while."""
    from hydra import initialize_config_dir

    with initialize_config_dir(str(CONF), **version_base()):
        yield


def compose_train(overrides: Sequence[str] = (), *, resolve: bool = True) -> dict[str, Any]:
    """Return what `train` composes of these overrides, in plain containers and without Hydra's own node.

    Raises:
        HydraException: an override that cannot be read or applied.
        OmegaConfBaseException: an interpolation that cannot be resolved.
    """
    from hydra import compose
    from omegaconf import OmegaConf

    with initialized():
        plain: Any = OmegaConf.to_container(compose("train", list(overrides)), resolve=resolve)
    return dict(plain)
