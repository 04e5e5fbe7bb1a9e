"""How good predictions are, and how sure that is: every metric with its interval over resamples of the rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onelayer.data.encode import Counted
from onelayer.data.frame import Frame
from onelayer.data.tables.fetch import fetch_column, frames
from onelayer.data.tables.measure import measure
from onelayer.data.tables.rows import Rows
from onelayer.data.tables.target import weight_of
from onelayer.deliver.matrices import matrix_of
from onelayer.deliver.model import Model
from onelayer.deliver.opening import Named, open_table
from onelayer.deliver.reading import answers, readings_of
from onelayer.errors import UserError, did_you_mean

Array = NDArray[np.float64]
LEVEL = 0.95
# resamples, fewer of so many rows that a thousand would take minutes
RESAMPLES, LEAST, WORK = 1000, 200, 10**8


class Interval(NamedTuple):
    """A metric on the rows as they are, and where 95 % of its resamples lie; NaN where it is not defined."""

    value: float
    low: float
    high: float


class Evaluation(NamedTuple):
    """What was measured.

    Attributes:
        rows: how many.
        metrics: by their names in result.json without the stage.
        notes: what is to be known of the rows, a sentence each.
    """

    rows: int
    metrics: dict[str, Interval]
    notes: tuple[str, ...]


def evaluate(model: Model, table: str | Named, *, weight: str | None = None, seed: int = 0) -> Evaluation:
    """Measure a model on the rows of a table that have a target.

    Args:
        model: predicts.
        table: a file, a pattern, or a folder of Parquet files; or what else names a table, see `Named`.
        weight: the column that says how many rows each one stands for; None: one.
        seed: of the resamples.

    Raises:
        UserError: the table is not one for this model, or no row has a target or a weight.
    """
    named, encoder = Named.of(table), model.artefact.encoder
    matrix = matrix_of(model, named)
    read: Iterable[Frame]
    notes: tuple[str, ...] = ()
    if matrix is not None:
        matrix.refuse_columns("--weight", [] if weight is None else [weight])
        rows, truth, read = matrix.rows(), matrix.answers(model), matrix.frames()
    else:
        rows = open_table(model.artefact, named, texts=[model.target])
        truth = fetch_column(rows, answers(rows, model.target, model.classes, model.artefact.origin)).astype(np.float64)
        readings = readings_of(rows, encoder)
        read, notes = frames(rows, readings), (*rows.notes, *(one.note for one in readings if one.note))
    known = truth >= 0 if model.classes is not None else ~np.isnan(truth)
    if not known.any():
        raise UserError(f"{rows.source}: no row has a '{model.target}', which is to be compared with")
    counts = _weights(rows, weight)[known]
    if not counts.any():
        raise UserError(f"--weight={weight}: it is 0 in every row that has a '{model.target}'")
    found, counted, start = list[Array](), list[Counted](), 0
    for frame in read:
        found.append(model.logits(frame))
        counted.append(Counted.of(frame.take(np.flatnonzero(known[start : start + len(frame)]))))
        start += len(frame)
    logits, truth = np.concatenate(found)[known], truth[known]
    if model.classes is None:
        measured = of_numbers(model.of_logits(logits).value, truth, seed, counts)
    else:
        log = model.artefact.link.log_probabilities(logits)
        measured = of_classes(log, truth.astype(np.int64), seed, counts)
    missing = len(known) - int(known.sum())
    left_out = (f"{missing} of {len(known)} rows have no '{model.target}' and are left out",) if missing else ()
    unseen = encoder.unseen(reduce(Counted.plus, counted), "rows")
    return Evaluation(int(known.sum()), measured, (*left_out, *notes, *unseen))


def _weights(rows: Rows, name: str | None) -> Array:
    """Return how many rows each one stands for, (rows,)."""
    if name is None:
        return np.ones(rows.count)
    found = measure(rows, [name])
    if not found:
        raise UserError(f"--weight={name}: {rows.source} has no such column{did_you_mean(name, dict(rows.columns))}")
    return fetch_column(rows, weight_of(rows, found[0], "--weight")).astype(np.float64)


def of_numbers(predicted: Array, truth: Array, seed: int, weight: Array) -> dict[str, Interval]:
    """Return mse, mae and r2 of (rows,) in original units, weighted by (rows,)."""
    error, away = predicted - truth, truth - truth.mean()
    sums = np.stack([error**2, np.abs(error), away, away**2], 1)

    def metrics(means: Array) -> Mapping[str, Array]:
        squared, absolute, shift, square = means.T
        spread = square - shift**2
        # rows of one value, as a resample of few may be, have no r2; what rounding leaves of their spread is none
        known = spread > 4 * np.finfo(float).eps * square
        r2 = 1 - np.divide(squared, spread, out=np.full_like(squared, np.nan), where=known)
        return {"mse": squared, "mae": absolute, "r2": r2}

    return _intervals(lambda shares: metrics(shares @ sums), weight, seed)


def of_classes(log: Array, truth: NDArray[np.int64], seed: int, weight: Array) -> dict[str, Interval]:
    """Return log_loss, accuracy, f1 and auroc.

    f1 and auroc are macro for several classes.

    Args:
        log: (rows, classes), the logarithms of probabilities, which have digits where these are 0 or 1.
        truth: (rows,), the place of the class of each row.
        seed: of the resamples.
        weight: (rows,), how many rows each one stands for.
    """
    n_classes, said = log.shape[1], log.argmax(1)
    loss, hit = -log[np.arange(len(truth)), truth], truth == said
    # of two classes the log-odds, of which no two are alike where both probabilities are
    scores = log[:, 1:] - log[:, :1] if n_classes == 2 else log
    places = range(n_classes - scores.shape[1], n_classes)
    ranked = [(one, np.argsort(one, kind="stable"), place) for one, place in zip(scores.T, places, strict=True)]

    def per_class(places: NDArray[np.int64], counts: Array) -> Array:
        return np.stack([np.bincount(places, one, n_classes) for one in counts])

    def metrics(counts: Array) -> Mapping[str, Array]:
        hits = per_class(truth[hit], counts[:, hit])
        seen = per_class(truth, counts) + per_class(said, counts)
        each = 2 * hits / np.where(seen > 0, seen, 1.0)
        f1 = each[:, 1] if n_classes == 2 else each.sum(1) / (seen > 0).sum(1)
        areas = [_auroc(one, order, truth == place, counts) for one, order, place in ranked]
        return {"log_loss": counts @ loss, "accuracy": hits.sum(1), "f1": f1, "auroc": np.mean(areas, axis=0)}

    return _intervals(metrics, weight, seed)


def _auroc(scores: Array, order: NDArray[np.int64], positive: NDArray[np.bool_], counts: Array) -> Array:
    """Return the share of pairs in the right order, ties as half (Mann & Whitney, 1947), (resamples,)."""
    first = np.flatnonzero(np.diff(scores[order], prepend=np.nan))  # of rows that score alike
    positives = np.add.reduceat(np.where(positive, counts, 0.0)[:, order], first, axis=1)
    negatives = np.add.reduceat(np.where(positive, 0.0, counts)[:, order], first, axis=1)
    below = negatives.cumsum(1) - negatives / 2
    pairs = positives.sum(1) * negatives.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = (positives * below).sum(1) / pairs
    return found


def _shares(weight: Array, seed: int) -> Iterator[Array]:
    """Yield the share of each row in resamples with replacement, (some resamples, rows).

    A row that stands for k is drawn as k rows, and one that stands for none never. Weights that are not whole weigh
    what is drawn of the rows that have one.
    """
    rng, there = np.random.default_rng(seed), np.flatnonzero(weight)
    rows, sizes = len(there), weight[there]
    repeated = bool((sizes == np.rint(sizes)).all() and (sizes != 1).any())
    resamples = int(np.clip(WORK // rows, LEAST, RESAMPLES))
    few = max(1, 2**22 // rows)
    for start in range(0, resamples, few):
        some = min(few, resamples - start)
        if repeated:
            drawn: Array = rng.multinomial(int(sizes.sum()), sizes / sizes.sum(), size=some).astype(np.float64)
        else:
            drawn = sizes * np.stack([np.bincount(rng.integers(rows, size=rows), minlength=rows) for _ in range(some)])
        shares = np.zeros((some, len(weight)))
        shares[:, there] = drawn / drawn.sum(1, keepdims=True)
        yield shares


def _intervals(metrics: Callable[[Array], Mapping[str, Array]], weight: Array, seed: int) -> dict[str, Interval]:
    """Measure the rows as they are and their resamples, given the share of each row in (samples, rows)."""
    found: Sequence[Mapping[str, Array]] = [metrics(shares) for shares in _shares(weight, seed)]
    edges = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    intervals: dict[str, Interval] = {}
    for name, value in metrics((weight / weight.sum())[None]).items():
        drawn = np.concatenate([one[name] for one in found])
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.quantile(drawn, edges) if len(drawn) else (np.nan, np.nan)
        intervals[name] = Interval(float(value[0]), float(low), float(high))
    return intervals


def plain(found: Evaluation) -> dict[str, Any]:
    """Return it for JSON, which knows no NaN."""
    metrics = {
        name: {key: value if np.isfinite(value) else None for key, value in one._asdict().items()}
        for name, one in found.metrics.items()
    }
    return {"rows": found.rows, "level": LEVEL, "metrics": metrics, "notes": list(found.notes)}
