"""The table that a run was trained on, read again as its configuration says."""

import contextlib
from pathlib import Path

from onelayer.config import RunSpec
from onelayer.data.sources import load
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Table
from onelayer.errors import UserError
from onelayer.filenames import SETTINGS
from onelayer.stored_config import stored_settings


def table_again(run: Path, spec: RunSpec) -> Table | Stream:
    """Read the table of a run; paths go by the folder in which it was started, as long as that is there.

    Args:
        run: its directory.
        spec: what it was asked to do.

    Raises:
        UserError: the rows are no longer where they were, or no longer what they were.
    """
    started = Path(str(stored_settings(run / SETTINGS).get("runtime", {}).get("cwd", ".")))
    try:
        with contextlib.chdir(started if started.is_dir() else "."):
            return load(spec.data.source, by=spec.data.split.by, task=spec.task, **spec.data.args)
    except UserError as error:
        raise UserError(f"the rows that {run} was trained on cannot be read again: {error}") from None
