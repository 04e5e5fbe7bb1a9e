"""The train rows of a run, as its model saw them and in original units; read again from where they were."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from onelayer.artefact import INTERCEPT, Artefact
from onelayer.config import RunSpec
from onelayer.data.encode import Encoder
from onelayer.data.encode.design import Levels
from onelayer.data.frame import Frame
from onelayer.data.given import split_table
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import prepare
from onelayer.data.preprocess import Scale
from onelayer.data.streaming.part import StreamedPart
from onelayer.data.table import Array, Table
from onelayer.deliver.inference import Rows
from onelayer.deliver.inference.rows import Chunk, rows_of_piece
from onelayer.deliver.source import table_again
from onelayer.errors import UserError
from onelayer.protocols import Part
from onelayer.stored_config import stored_spec

# weights of a model: tables of their covariances must fit into memory; and rows * weights^2, some minutes of one core
WIDEST, WORK = 3000, 1e13
# x (rows, design columns) dense or sparse, y (rows,), how many rows each stands for; neither scaled nor shifted
Piece = tuple[Array | csr_array, Array, Array | None]


@dataclass(frozen=True)
class Design:
    """The train rows.

    Attributes:
        part: encoded, scaled and weighed, as the model saw them.
        rows: design columns in original units, the constant one first where the model has a bias. Without one, columns
            and target are less what scaling shifted them by: the model has no constant there, and only there.
        bias: whether the model has one.
        bases: the base level's design column of each category, by the name of the category.
        counted: whether rows stand for several, by `data.sample_weight`.
        whole: whether they do so in whole numbers.
        costs: whether classes have weights, which are the rows' precision, 1 on average.
    """

    part: Part
    rows: Rows
    bias: bool
    bases: Mapping[str, str]
    counted: bool
    whole: bool
    costs: bool


def design_of(run: Path, artefact: Artefact) -> Design:
    """Read the train rows of a run again.

    Args:
        run: its directory.
        artefact: its model.

    Raises:
        UserError: they are no longer where or what they were, or too many for a table.
    """
    spec = stored_spec(run)
    bias, names = spec.model.bias, (*[INTERCEPT] * spec.model.bias, *artefact.columns)
    size = len(names) * max(len(artefact.weight) - 1, 1)
    limits = f"{WIDEST} coefficients and {WORK:.0e} = rows x coefficients^2"
    if size > WIDEST:
        raise UserError(f"{run}: {size} coefficients are too many for their covariances; the limits are {limits}")
    table = table_again(run, spec)
    changed = f"the rows that {run} was trained on are no longer those of training"
    try:
        prepared = prepare(table, Preparation.of(spec.data))
    except UserError as error:
        raise UserError(f"{changed}: {error}") from None
    if prepared.data_hash != artefact.header["data_hash"]:
        raise UserError(f"{changed}; put back the table as it was, or train on the present one")
    part = prepared.train
    if len(part) * float(size) ** 2 > WORK:
        raise UserError(f"{run}: {len(part)} rows x {size}^2 coefficients are too much work; the limits are {limits}")
    if isinstance(part, StreamedPart):
        pieces = _streamed(part)
    else:
        assert isinstance(table, Table)
        pieces = _at_hand(spec, table, artefact.encoder)
    per_class = prepared.class_weight
    whole, mean_cost = _census(pieces, per_class)
    cost = None if per_class is None else per_class / mean_cost
    bases, undropped = _bases(artefact.encoder)
    shifted = Scale(artefact.x_shift, np.ones(part.n_features), prepared.x_scale.still)
    shift = None if bias else (shifted, artefact.y_shift)
    return Design(
        part=part,
        rows=Rows(
            lambda: _chunks(pieces(), rows_of_piece(len(names)), cost, shift),
            names,
            0 if bias else None,
            tuple(place + bias for place in undropped),
        ),
        bias=bias,
        bases=bases,
        counted=spec.data.args.get("sample_weight") is not None,
        whole=whole,
        costs=cost is not None,
    )


def _at_hand(spec: RunSpec, table: Table, encoder: Encoder) -> Callable[[], Iterable[Piece]]:
    """Return the train rows of a table in memory."""
    rows = split_table(table, Preparation.of(spec.data)).train
    features, y = table.features, table.target[rows].astype(np.float64)
    counts = None if table.sample_weight is None else table.sample_weight[rows].astype(np.float64)
    if isinstance(features, csr_array):
        x: Array | csr_array = features[rows]
    else:
        columns = Frame.of_numbers(features, table.columns) if isinstance(features, np.ndarray) else features
        x = encoder.apply(columns.parts([rows])[0], rows)
    return lambda: [(x, y, counts)]


def _streamed(part: StreamedPart) -> Callable[[], Iterable[Piece]]:
    plain = replace(
        part,
        x_scale=Scale.neutral(part.n_features),
        y_scale=Scale.neutral(len(part.y_scale.shift)),
        class_weight=None,
        mean_weight=1.0,
    )

    def pieces() -> Iterator[Piece]:
        for chunk in plain.chunks():
            y = chunk.y.numpy().astype(np.float64).reshape(len(chunk.y))
            yield chunk.x.numpy(), y, None if chunk.weight is None else chunk.weight.numpy()

    return pieces


def _census(pieces: Callable[[], Iterable[Piece]], per_class: Array | None) -> tuple[bool, float]:
    """Tell whether rows stand for whole numbers of them, and what one costs on average; 1 where all cost alike."""
    whole, total, charge = True, 0.0, 0.0
    for _, y, counts in pieces():
        if counts is None and per_class is None:
            break  # nothing to be told
        counts = np.ones(len(y)) if counts is None else counts
        whole &= bool((counts == np.rint(counts)).all())
        total += float(counts.sum())
        charge += float(counts.sum() if per_class is None else counts @ per_class[y.astype(np.int64)])
    return whole, charge / total if total else 1.0


def _chunks(
    pieces: Iterable[Piece], size: int, cost: Array | None, shift: tuple[Scale, Array] | None
) -> Iterator[Chunk]:
    """Yield so many rows at a time, dense; with the constant column, or where there is none, shifted."""
    for x_, y_, counts_ in pieces:
        for start in range(0, len(y_), size):
            some = slice(start, start + size)
            x, y = x_[some], y_[some]
            dense = x.toarray() if isinstance(x, csr_array) else x
            precision = None if cost is None else cost[y.astype(np.int64)]
            if shift is None:
                dense = np.column_stack([np.ones(len(y)), dense])
            else:
                dense = shift[0].apply(dense)
                y = y - shift[1] if len(shift[1]) == 1 else y  # of several outputs, y is a class
            yield dense, y, None if counts_ is None else counts_[some], precision


def _bases(encoder: Encoder) -> tuple[dict[str, str], list[int]]:
    """Find the base of each category: the first level, unless one was left out already.

    Returns:
        The name of its design column, by that of the category; and the places of those that were not left out.
    """
    found, places, place = dict[str, str](), list[int](), 0
    for design in encoder.designs:
        width = len(list(design.features()))
        if isinstance(design, Levels):
            if design.dropped:
                left_out = design._replace(dropped=False).blocks()[-1 if design.missing else 0]
                assert left_out is not None
                found[design.name] = left_out.name
            else:
                found[design.name] = encoder.columns[place]
                places.append(place)
        place += width
    return found, places
