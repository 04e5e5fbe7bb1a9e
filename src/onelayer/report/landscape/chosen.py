"""Which runs a landscape shows, and where their weights were."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelayer.artefact import Artefact
from onelayer.config import ModelSpec
from onelayer.errors import UserError
from onelayer.filenames import MODEL, RESULT
from onelayer.model.linear import architecture_of
from onelayer.report.gather import Gathered, gather
from onelayer.report.records import TRAINED, Record
from onelayer.stored_config import stored_spec
from onelayer.track.path import read_path

Array = NDArray[Any]
MOST = 12  # paths that can be told apart
HOW = "train it again with logger.weights=true"
# what runs must have in common, as the header of a model calls it and as a user does
SHARED = {"data_hash": "the train rows", "objective": "model.objective", "link": "model.link", "l2": "model.l2"}


@dataclass(frozen=True)
class Trace:
    """One run.

    Attributes:
        directory: of the run.
        optimizer: its name.
        label: what it is called in a legend.
        place: among the runs of its optimizer, from 0.
        epochs: (k,), rising; a run of 0 epochs has one point.
        theta: (k, outputs, columns) float64.
        artefact: its model.
    """

    directory: Path
    optimizer: str
    label: str
    place: int
    epochs: Array
    theta: Array
    artefact: Artefact

    @property
    def is_point(self) -> bool:
        """Whether there is a start and no more: nothing was trained, or all was lost in the first epoch."""
        return len(self.epochs) == 1


@dataclass(frozen=True)
class Chosen:
    """The runs of a landscape.

    Attributes:
        traces: the runs; those that were trained, and then those of 0 epochs.
        notes: what was left out, a sentence each.
    """

    traces: tuple[Trace, ...]
    notes: tuple[str, ...]


def choose(directories: Sequence[Path]) -> Chosen:
    """Read the paths of runs, or of a sweep: of all its runs, or where they are many, of the best of each optimizer.

    Args:
        directories: of runs, or of sweeps.

    Raises:
        UserError: there is no run, one has no path, or they do not minimise the same on the same rows.
    """
    gathered = gather(directories)
    records, notes = _select(gathered, named=all((folder / RESULT).is_file() for folder in directories))
    if not records:
        raise UserError(f"{directories[0]}: no run there has ended")
    runs = [gathered.top / record.directory for record in records]
    artefacts = [Artefact.load(run / MODEL) for run in runs]
    _refuse_different(runs, artefacts)
    model = stored_spec(runs[0]).model
    count: Counter[str] = Counter()
    traces = []
    for record, run, artefact, label in zip(records, runs, artefacts, _labels(gathered, records), strict=True):
        optimizer = gathered.optimizer(record)
        epochs, theta = _read(run, artefact, trained=record.epochs != 0, model=model)
        traces.append(Trace(run, optimizer, label, count[optimizer], epochs, theta, artefact))
        count[optimizer] += 1
    return Chosen(tuple(traces), tuple(notes))


def _select(gathered: Gathered, *, named: bool) -> tuple[list[Record], list[str]]:
    """Return the runs to show, and what is left out; of those that were named one by one, none is."""
    notes: list[str] = []
    for record in gathered.records:
        if named and record.status not in TRAINED:
            how = "failed" if record.status == "failed" else "has not ended"
            raise UserError(f"{gathered.top / record.directory}: that run {how}, so there is no path to draw")
    ended = [record for record in gathered.records if record.status in TRAINED]
    gone = len(gathered.records) - len(ended)
    if gone:
        notes.append(f"{_runs(gone)} failed or did not end")
    ended.sort(key=lambda record: _rank(gathered, record))
    points = [record for record in ended if record.epochs == 0]
    paths = [record for record in ended if record.epochs != 0]
    if not named and len(paths) > MOST:
        best: dict[str, Record] = {}
        for record in paths:
            best.setdefault(gathered.optimizer(record), record)
        shown = list(best.values())[:MOST]
        among = f"the best of each optimizer, {len(shown)}" if len(best) <= MOST else f"the best {len(shown)}"
        notes.append(f"shown are {among} of {len(paths)} runs")
        paths = shown
    return paths + points, notes


def _rank(gathered: Gathered, record: Record) -> tuple[bool, float, str]:
    """Order runs by how low they came, those that diverged at the end."""
    value = record.value("train/objective")
    return record.status == "diverged" or value is None, value or 0.0, record.directory.as_posix()


def _labels(gathered: Gathered, records: Sequence[Record]) -> list[str]:
    """Name each run by its optimizer, and where that comes twice, by what else sets it apart."""
    count = Counter(gathered.optimizer(record) for record in records)
    labels = []
    for record in records:
        name = gathered.optimizer(record)
        keys = [one.key for one in gathered.swept if one.key != "optim"] if count[name] > 1 else []
        said = [f"{key.rpartition('.')[2]} {_short(record.overrides[key])}" for key in keys if key in record.overrides]
        labels.append(" ".join([name, *said]))
    return labels


def _read(run: Path, artefact: Artefact, *, trained: bool, model: ModelSpec) -> tuple[Array, Array]:
    """Return epochs and weights of a run that is to have this model; one that was not trained is at its start."""
    bias, hidden = model.bias, model.hidden
    path = read_path(run)
    if path is None and not trained and artefact.hidden is None:
        theta = np.column_stack([artefact.weight, artefact.bias]) if bias else artefact.weight
        return np.zeros(1, np.int32), theta[None].astype(np.float64)
    if path is None:
        raise UserError(f"{run}: no path was kept of that run; {HOW}")
    epochs, theta = path.epochs, path.theta.astype(np.float64)
    if theta.shape[1:] != architecture_of(len(artefact.columns), len(artefact.bias), bias, hidden).shape:
        raise UserError(f"{run}: model.bias or model.hidden is not what it is in the best run; leave that run out")
    # of a run that diverged, up to there
    finite = np.isfinite(theta).all(axis=(1, 2))
    last = len(finite) if finite.all() else int(finite.argmin())
    return epochs[:last], theta[:last]


def _refuse_different(runs: Sequence[Path], artefacts: Sequence[Artefact]) -> None:
    """Refuse runs that have no landscape in common.

    Raises:
        UserError: naming two of them and what is different.
    """
    first = artefacts[0].header
    for run, artefact in zip(runs[1:], artefacts[1:], strict=True):
        for key, what in SHARED.items():
            one, other = first[key], artefact.header[key]
            if one != other:
                how = "differ" if key == "data_hash" else f"is {one} and {other}"
                raise UserError(
                    f"{runs[0]} and {run} have no landscape in common: {what} {how}; name runs that minimise the same "
                    "on the same rows"
                )


def _short(value: str) -> str:
    try:
        return f"{float(value):g}"
    except ValueError:
        return value


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
