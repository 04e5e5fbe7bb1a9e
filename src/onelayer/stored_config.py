"""What Hydra noted of a run or a sweep, as it is read again; nothing heavy is imported before it is needed."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onelayer.errors import UserError
from onelayer.filenames import CONFIG, OVERRIDES
from onelayer.yaml_text import read_yaml

if TYPE_CHECKING:
    from onelayer.config import RunSpec


def stored_spec(run: Path) -> "RunSpec":
    """Read the specification that a run was started with.

    Args:
        run: its directory.

    Raises:
        UserError: the directory has none, or none that this version reads.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    from onelayer.config import RunSpec

    if not (run / CONFIG).is_file():
        raise UserError(f"{run}: it has no {CONFIG}, which says what was trained; give the whole directory of the run")
    try:
        config = OmegaConf.to_container(OmegaConf.load(run / CONFIG), resolve=True)
    except (OSError, ValueError, YAMLError, OmegaConfBaseException) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{run / CONFIG}: it cannot be read ({reason}); train the run again") from None
    return RunSpec.from_config(config)


def stored_overrides(run: Path) -> tuple[str, ...] | None:
    """Read the overrides that a run was started with; None where its directory does not say."""
    try:
        listed = read_yaml(run / OVERRIDES)
    except (OSError, ValueError):
        return None
    # a file that is being written is empty for a moment
    return tuple(map(str, listed)) if isinstance(listed, list) else None


def stored_settings(path: Path) -> Mapping[str, Any]:
    """Read Hydra's own settings from the file in which it noted them; none where it cannot be read."""
    try:
        node = read_yaml(path)["hydra"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return node if isinstance(node, Mapping) else {}
