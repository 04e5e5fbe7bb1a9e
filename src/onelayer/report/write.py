"""The figures of a report as files, and its tables as JSON."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onelayer.report.contents import facts
from onelayer.report.figures import paint_all
from onelayer.report.figures.canvas import Painted
from onelayer.report.gather import Gathered, gather
from onelayer.report.listings import tables
from onelayer.track.rundir import plain

FIGURES, DATA = "figures", "data.json"
# how SVG is drawn where no page says it
ALONE = ' style="color:#1a1a1a"'


def write_report(directories: Sequence[Path], out: Path) -> Path:
    """Write the figures of sweeps as SVG and PNG, and all tables as JSON.

    Args:
        directories: of sweeps.
        out: a folder, which is made where it is missing; files of an earlier report are written anew.

    Returns:
        The folder.

    Raises:
        UserError: there is no run, or a result in another format.
    """
    gathered = gather(directories)
    write_files(gathered, paint_all(gathered), out)
    return out


def write_files(gathered: Gathered, painted: Sequence[Painted], out: Path) -> None:
    """Write figures that are drawn already, and the tables."""
    (out / FIGURES).mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {"facts": facts(gathered), "figures": [], "tables": {}}
    for one in painted:
        drawn = one.drawn
        told["figures"].append({"name": drawn.name, "title": drawn.title, "caption": drawn.caption})
        if one.figure is not None:
            _write(out / FIGURES / f"{drawn.name}.svg", drawn.svg.replace("<svg", f"<svg{ALONE}", 1).encode())
            _write(out / FIGURES / f"{drawn.name}.png", one.png())
    for table in tables(gathered):
        told["tables"][table.name] = {"columns": table.columns, "rows": table.rows}
    _write(out / DATA, json.dumps(plain(told), allow_nan=False).encode())


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)
