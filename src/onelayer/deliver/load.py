"""A trained model from where training left it."""

import csv
import json
from pathlib import Path

from onelayer.artefact import HEADER, Artefact
from onelayer.deliver.model import Model
from onelayer.errors import UserError

MODEL = "model"
LEADERBOARD, RESULT = "leaderboard.csv", "result.json"
# runs that differ only in these are repetitions of each other
REPEATED = ("seed=", "data.fold=")
ENDED = ("done", "stopped")


def load(path: str | Path, *, mean: bool = False) -> Model:
    """Load the model of a run, or of the best run of a sweep.

    Args:
        path: a run directory, its `model/`, or the folder of a sweep, whose leaderboard says which run is first.
        mean: of a sweep, the mean of that run and those that differ from it in the seed or the fold alone.

    Raises:
        UserError: there is no model, it is not whole, or there is nothing to take the mean of.
    """
    folder = model_folder(Path(path).expanduser())
    best = Artefact.load(folder)
    if not mean:
        return Model(best)
    repetitions = _repetitions(folder.parent)
    if not repetitions:
        raise UserError(f"{path}: no other run differs from {folder.parent} in the seed or the fold alone")
    return Model(best, *(Artefact.load(run / MODEL) for run in repetitions))


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
    if any(path.glob(f"*/{RESULT}")):
        raise UserError(f"{path}: a sweep without a leaderboard; write it with onelayer leaderboard {path}")
    if (path / ".hydra").is_dir():
        raise UserError(f"{path}: the run has no model; it failed or has not ended")
    raise UserError(f"{path}: neither a run nor a sweep; it holds no {MODEL}/{HEADER} and no {LEADERBOARD}")


def _best(sweep: Path) -> Path:
    board = sweep / LEADERBOARD
    again = f"write it again with onelayer leaderboard {sweep}"
    try:
        with board.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            columns = table.fieldnames or ()
            ranked = [row for row in table if row.get("rank")]
    except (ValueError, csv.Error) as error:
        raise UserError(f"{board}: it cannot be read ({error}); {again}") from None
    for column in ("rank", "directory"):
        if column not in columns:
            raise UserError(f"{board}: it has no column '{column}'; {again}")
    if not ranked:
        raise UserError(f"{sweep}: no run of its leaderboard has a rank; all failed, diverged or did not end")
    if not ranked[0]["directory"]:
        raise UserError(f"{board}: it does not say where its first run is; {again}")
    return sweep / ranked[0]["directory"] / MODEL


def _repetitions(run: Path) -> list[Path]:
    wanted = _what(run)
    beside = sorted(path.parent for path in run.parent.glob(f"*/{RESULT}") if path.parent != run)
    return [one for one in beside if wanted is not None and _what(one) == wanted]


def _what(run: Path) -> frozenset[str] | None:
    """Return what makes a run but for its seed and fold; None of one that diverged, failed or did not end."""
    try:
        result = json.loads((run / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{run / RESULT}: it cannot be read ({error})") from None
    said = (str(one).lstrip("+") for one in result.get("overrides", ()))
    return frozenset(one for one in said if not one.startswith(REPEATED)) if result.get("status") in ENDED else None
