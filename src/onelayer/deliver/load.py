"""A trained model from where training left it."""

import csv
from pathlib import Path

from onelayer.artefact import Artefact
from onelayer.deliver.choice import choosing, read_choice
from onelayer.deliver.model import Model
from onelayer.errors import UserError
from onelayer.filenames import HYDRA, LEADERBOARD, MODEL, MODEL_HEADER, RESULT
from onelayer.terminal.overrides import key_of
from onelayer.track.rundir import ENDED, REPEATED, read_result


def load(path: str | Path, *, mean: bool = False) -> Model:
    """Load the model of a run, or of the best run of a sweep.

    Args:
        path: a run directory, its `model/`, or the folder of a sweep: its leaderboard says which run is first, unless
            `onelayer leaderboard --choose` took another.
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
    if (path / MODEL_HEADER).is_file():
        return path
    if (path / MODEL / MODEL_HEADER).is_file():
        return path / MODEL
    choice = read_choice(path)
    if choice is not None:
        if not (path / choice.run / MODEL / MODEL_HEADER).is_file():
            raise UserError(f"{path}: the run that was chosen, {choice.run}, has no model; {_choose(path, 'again')}")
        return path / choice.run / MODEL
    if (path / LEADERBOARD).is_file():
        return _best(path)
    if not path.is_dir():
        raise UserError(f"{path}: there is no such folder; give a run or a sweep, such as outputs/lr_study")
    if any(path.glob(f"*/{RESULT}")):
        raise UserError(f"{path}: a sweep without a leaderboard; {_choose(path, 'the best of what has ended')}")
    if (path / HYDRA).is_dir():
        raise UserError(f"{path}: the run has no model; it failed or has not ended")
    raise UserError(f"{path}: neither a run nor a sweep; it holds no {MODEL}/{MODEL_HEADER} and no {LEADERBOARD}")


def _best(sweep: Path) -> Path:
    board = sweep / LEADERBOARD
    again = _choose(sweep, "again")
    try:
        with board.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            columns = table.fieldnames or ()
            table_rows = list(table)
            ranked = [row for row in table_rows if row.get("rank")]
    except (ValueError, csv.Error) as error:
        raise UserError(f"{board}: it cannot be read ({error}); {again}") from None
    for column in ("rank", "directory"):
        if column not in columns:
            raise UserError(f"{board}: it has no column '{column}'; {again}")
    if not ranked:
        raise UserError(f"{sweep}: no run of its leaderboard has a rank; {_why_none(sweep, table_rows)}")
    if not ranked[0]["directory"]:
        raise UserError(f"{board}: it does not say where its first run is; {again}")
    if len({row.get("group") for row in ranked}) > 1:
        first = sweep / ranked[0]["directory"]
        raise UserError(
            f"{sweep}: its runs saw different data, which do not compare, so that none is the best; give the folder of "
            f"one, such as {first}"
        )
    return sweep / ranked[0]["directory"] / MODEL


def _choose(sweep: Path, what: str) -> str:
    return f"choose {what} with {choosing(sweep)}"


def _why_none(sweep: Path, rows: list[dict[str, str]]) -> str:
    statuses = [{word.strip(" 0123456789") for word in (row.get("status") or "").split(",")} for row in rows]
    if not any(its <= {*ENDED} for its in statuses):
        return "all failed, diverged or did not end"
    return f"what they monitor has no value; choose by another metric with {choosing(sweep, '--sort', 'METRIC')}"


def _repetitions(run: Path) -> list[Path]:
    """Find the runs that differ in the seed or the fold alone.

    Raises:
        UserError: some of them were trained on other data.
    """
    wanted = _what(run)
    beside = sorted(path.parent for path in run.parent.glob(f"*/{RESULT}") if path.parent != run)
    repetitions = [other for other in beside if wanted is not None and _what(other) == wanted]
    for other in repetitions:
        if not _same_data(other, run):
            raise UserError(f"{other} was trained on other data than {run}, so that there is no mean of them")
    return repetitions


def _same_data(run: Path, other: Path) -> bool:
    """Whether two runs saw one table; of one fold, the same rows."""
    first, second = map(read_result, (run, other))
    folds = [{said for said in each["overrides"] if key_of(said) == "data.fold"} for each in (first, second)]
    keys = ("target_hash", "data_hash") if folds[0] == folds[1] else ("target_hash",)
    return all(first.get(key) == second.get(key) for key in keys)


def _what(run: Path) -> frozenset[str] | None:
    """Return what makes a run but for its seed and fold; None of one that diverged, failed or did not end."""
    try:
        result = read_result(run)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{run / RESULT}: it cannot be read ({error})") from None
    if result.get("status") not in ENDED:
        return None
    said = (str(override).lstrip("+") for override in result.get("overrides", ()))
    return frozenset(override for override in said if key_of(override) not in REPEATED)
