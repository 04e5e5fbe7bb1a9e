"""The table that a run was trained on, read again as its configuration says."""

import contextlib
from pathlib import Path

from omegaconf import OmegaConf

from onelayer.config import RunSpec
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Table
from onelayer.errors import UserError
from onelayer.prepared import load_table

CONFIG, SETTINGS = ".hydra/config.yaml", ".hydra/hydra.yaml"


def spec_of(run: Path) -> RunSpec:
    """Read what a run was asked to do.

    Args:
        run: its directory.

    Raises:
        UserError: the directory does not say.
    """
    if not (run / CONFIG).is_file():
        raise UserError(
            f"{run}: it has no {CONFIG}, which says where its rows are; give the whole directory of the run"
        )
    return RunSpec.from_config(OmegaConf.to_container(OmegaConf.load(run / CONFIG), resolve=True))


def table_again(run: Path, spec: RunSpec) -> Table | Stream:
    """Read the table of a run; paths go by the folder in which it was started, as long as that is there.

    Args:
        run: its directory.
        spec: what it was asked to do.

    Raises:
        UserError: the rows are no longer where they were, or no longer what they were.
    """
    settings = OmegaConf.load(run / SETTINGS) if (run / SETTINGS).is_file() else OmegaConf.create()
    started = Path(str(OmegaConf.select(settings, "hydra.runtime.cwd", default=".")))
    try:
        with contextlib.chdir(started if started.is_dir() else "."):
            return load_table(spec)
    except UserError as error:
        raise UserError(f"the rows that {run} was trained on cannot be read again: {error}") from None
