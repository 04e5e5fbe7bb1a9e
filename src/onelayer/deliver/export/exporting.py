"""Write a model for another program, and hand it over only where it says what `predict` says.

A new target is a file that has a `TARGET`, and a line here.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from onelayer import __version__
from onelayer.artefact import Artefact
from onelayer.deliver.export.invented import with_invented
from onelayer.deliver.export.onnx_graph import TARGET as ONNX
from onelayer.deliver.export.parity import ALLOWED, largest_difference
from onelayer.deliver.export.pipeline import TARGET as SKLEARN
from onelayer.deliver.export.rows import Rows, real_rows
from onelayer.deliver.export.sql_text import TARGET as SQL
from onelayer.deliver.export.target import Target
from onelayer.deliver.export.torch_program import TARGET as TORCH
from onelayer.deliver.load import model_folder
from onelayer.deliver.model import Model
from onelayer.deliver.place import written
from onelayer.errors import UserError
from onelayer.filenames import EXPORT, MODEL, MODEL_HEADER

TARGETS: dict[str, Target] = {"onnx": ONNX, "torch": TORCH, "sklearn": SKLEARN, "sql": SQL}


class Exported(NamedTuple):
    """What was written.

    Attributes:
        path: of the file.
        record: what stands in the file and beside it.
        notes: what is to be known of it, a sentence each.
    """

    path: Path
    record: dict[str, Any]
    notes: tuple[str, ...]


def export(
    path: str | Path, to: str, *, out: Path | None = None, table: str | None = None, force: bool = False
) -> Exported:
    """Export the model of a run, or of the best run of a sweep.

    The file and the record beside it, ``<file>.json``, are there as a whole or not at all.

    Args:
        path: a run directory, its `model/`, or the folder of a sweep.
        to: one of `TARGETS`.
        out: the file; None: in the folder `export` of the run, under the target's name for it.
        table: rows that the file is checked on; None: those of the run.
        force: write over a file that is there.

    Raises:
        UserError: the model cannot be expressed there, no rows are found, or the file says something else than
            `predict`.
    """
    target, folder = TARGETS[to], model_folder(Path(path).expanduser())
    run = folder.parent if folder.name == MODEL else folder
    _require(target)
    place = run / EXPORT / target.file if out is None else out
    beside = place.with_name(f"{place.name}.json")
    if place.suffix.lower() != Path(target.file).suffix:
        raise UserError(f"{place}: write a file that ends in {Path(target.file).suffix}")
    with (
        written(place, force=force, make_folder=out is None) as partial,
        written(beside, force=force) as described,
    ):
        model = Model(Artefact.load(folder))
        target.check(model)
        frame, raw = real_rows(run, model, table)
        rows = with_invented(frame, model, raw)
        record = {
            "target": to,
            "model_sha256": json.loads((folder / MODEL_HEADER).read_bytes())["sha256"],
            "predicts": model.target,
            "dtype": str(model.artefact.weight.dtype),
            **target.facts,
            "types": rows.types,
            "versions": {"onelayer": __version__, **{name: version(name) for name in target.packages}},
        }
        record |= write_checked(target, model, rows, partial, record, str(place))
        digest = hashlib.sha256(partial.read_bytes()).hexdigest()
        said = json.dumps({"file": place.name, "sha256": digest, **record}, indent=2, allow_nan=False)
        described.write_text(f"{said}\n", encoding="utf-8")
    return Exported(place, record, (*model.doubts, *target.notes(model)))


def write_checked(
    target: Target, model: Model, rows: Rows, path: Path, record: Mapping[str, Any], what: str
) -> dict[str, Any]:
    """Write a file, and compare what it says, as it lies on disk, with `predict`; then again with the record in it.

    Returns:
        What the record then has more: rows, invented rows among them, largest difference, and what is allowed.

    Raises:
        UserError: it says something else.
    """
    wanted = model.of_frame(rows.frame)
    found: dict[str, Any] = {}
    for _ in range(2):
        target.write(model, path, {**record, **found})
        difference = largest_difference(target.predict(path, rows), wanted, model, what)
        found = {
            "rows": len(rows),
            "invented_rows": len(rows) - rows.real,
            "largest_difference": difference,
            "allowed": ALLOWED[str(model.artefact.weight.dtype)],
        }
    return found


def _require(target: Target) -> None:
    lacking = [name for name in target.packages if find_spec(target.imported.get(name, name)) is None]
    if lacking:
        raise UserError(f"{', '.join(lacking)}: not installed; pip install 'onelayer[export]' brings what exports need")
