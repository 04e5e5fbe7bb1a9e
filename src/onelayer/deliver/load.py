"""A trained model from where training left it."""

import csv
from pathlib import Path

from onelayer.artefact import HEADER, Artefact
from onelayer.deliver.model import Model
from onelayer.errors import UserError

MODEL = "model"
LEADERBOARD = "leaderboard.csv"


def load(path: str | Path) -> Model:
    """Load the model of a run, or of the best run of a sweep.

    Args:
        path: a run directory, its `model/`, or the folder of a sweep, whose leaderboard says which run is first.

    Raises:
        UserError: there is no model, or it is not whole.
    """
    return Model(Artefact.load(model_folder(Path(path).expanduser())))


def model_folder(path: Path) -> Path:
    """Find the folder that holds the model.

    Raises:
        UserError: there is none.
    """
    if (path / HEADER).is_file():
        return path
    if (path / MODEL / HEADER).is_file():
        return path / MODEL
    if (path / LEADERBOARD).is_file():
        return _best(path)
    if not path.is_dir():
        raise UserError(f"{path}: there is no such folder; give a run or a sweep, such as outputs/lr_study")
    if any(path.glob("*/result.json")):
        raise UserError(f"{path}: a sweep without a leaderboard; write it with onelayer leaderboard {path}")
    if (path / ".hydra").is_dir():
        raise UserError(f"{path}: the run has no model; it failed or has not ended")
    raise UserError(f"{path}: neither a run nor a sweep; it holds no {MODEL}/{HEADER} and no {LEADERBOARD}")


def _best(sweep: Path) -> Path:
    with (sweep / LEADERBOARD).open(newline="", encoding="utf-8") as file:
        ranked = [row for row in csv.DictReader(file) if row.get("rank")]
    if not ranked:
        raise UserError(f"{sweep}: no run of its leaderboard has a rank; all failed, diverged or did not end")
    return sweep / ranked[0]["directory"] / MODEL
