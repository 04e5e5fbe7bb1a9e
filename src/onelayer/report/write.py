"""The figures of a report as files, and its tables as JSON; a report takes no place but its own."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onelayer.errors import UserError
from onelayer.report.drawn import GENERATOR
from onelayer.report.facts import facts
from onelayer.report.figures.canvas import Painted
from onelayer.report.gather import Gathered
from onelayer.report.listings import tables
from onelayer.track.rundir import plain
from onelayer.whole import whole

PAGE, DATA, FIGURES = "index.html", "data.json", "figures"
# how SVG is drawn where no page says it
ALONE = f' data-generator="{GENERATOR}" style="color:#1a1a1a"'
# what the head of each file of a report holds, and of no other
MARKS = {
    ".html": b'<meta name="generator" content="onelayer ',
    ".json": b'{"generator": "onelayer ',
    ".svg": b'data-generator="onelayer ',
    ".png": b"Software\0onelayer ",
}
HEAD = 4096  # bytes


def check_place(folder: Path, *, named: bool, files: bool) -> None:
    """Make sure that a report overwrites nothing but an earlier one.

    Args:
        folder: of the report.
        named: it is a user's choice; where there is no report yet, it must be empty.
        files: figures and tables are written beside the page.

    Raises:
        UserError: something else is there.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: that is a file; name a folder with -o")
    beside = [folder / DATA, *(path for path in (folder / FIGURES).glob("*") if path.suffix in MARKS)]
    for path in [folder / PAGE, *(beside if files else [])]:
        if path.exists() and not is_ours(path):
            raise UserError(f"{path}: this is no report of onelayer; move it away, or name another folder with -o")
    if named and folder.is_dir() and not (folder / PAGE).exists() and any(folder.iterdir()):
        raise UserError(f"{folder}: there are other files in that folder; name a new or an empty one with -o")


def is_ours(path: Path) -> bool:
    """Tell files of a report from those of others."""
    with path.open("rb") as file:
        return MARKS[path.suffix] in file.read(HEAD)


def write_files(gathered: Gathered, painted: Sequence[Painted], out: Path) -> None:
    """Write figures that are drawn already, and the tables; those of an earlier report that are gone are removed."""
    before = _figures_of(out / DATA)
    (out / FIGURES).mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {"generator": GENERATOR, "facts": facts(gathered), "figures": [], "tables": {}}
    for one in painted:
        drawn = one.drawn
        told["figures"].append({"name": drawn.name, "title": drawn.title, "caption": drawn.caption})
        if one.figure is not None:
            before.discard(drawn.name)
            _write(out / FIGURES / f"{drawn.name}.svg", drawn.svg.replace("<svg", f"<svg{ALONE}", 1).encode())
            _write(out / FIGURES / f"{drawn.name}.png", one.png())
    for table in tables(gathered):
        told["tables"][table.name] = {"columns": table.columns, "rows": table.rows}
    _write(out / DATA, json.dumps(plain(told), allow_nan=False).encode())
    for name in before:
        for suffix in (".svg", ".png"):
            (out / FIGURES / f"{name}{suffix}").unlink(missing_ok=True)


def _figures_of(data: Path) -> set[str]:
    try:
        return {str(one["name"]) for one in json.loads(data.read_bytes())["figures"]}
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or not all of it
        return set()


def _write(path: Path, data: bytes) -> None:
    with whole(path) as partial:
        partial.write_bytes(data)
