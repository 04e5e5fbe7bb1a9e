"""From a table to what a model sees of it: split, encoded and scaled by its train rows, weighed."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.utils.data import Dataset

from onelayer.data.blocks import Block, csr
from onelayer.data.encode import Counted, Encoder, EncodeSettings, Statistics
from onelayer.data.encode.encoder import LARGEST
from onelayer.data.encode.size import refuse_too_large
from onelayer.data.encode.statistics import counts_of
from onelayer.data.frame import Frame
from onelayer.data.given import crossing, given_parts, split_table
from onelayer.data.parts import Chunk, Part
from onelayer.data.preparation import Preparation
from onelayer.data.preprocess import Scale, Scaling, scaled_coefficients, target_scaling
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import PARTS, Array, Table, Task
from onelayer.data.tables.origin import UNKNOWN, Origin
from onelayer.data.weights import class_weights, weigh
from onelayer.errors import UserError


class AnyPart(Protocol):
    """Rows in memory, or rows that stream."""

    def __len__(self) -> int: ...

    @property
    def n_features(self) -> int:
        """Columns of x."""

    @property
    def sparse(self) -> bool:
        """Whether x is."""

    def chunks(self, device: torch.device | None = None) -> Iterator[Chunk]:
        """Yield the rows in float64."""

    def blocks(
        self, batch_size: int, dtype: torch.dtype, *, seed: int | None = None, epoch: Callable[[], int] = lambda: 0
    ) -> Dataset[Block]:
        """Return the rows to train on; with a seed, in a new order each epoch."""

    def refuse_beyond(self, dtype: torch.dtype, columns: tuple[str, ...], target: str, what: str) -> None:
        """Refuse numbers that a precision cannot compute with."""

    def refuse_unheld(self, dtype: torch.dtype, columns: tuple[str, ...] | None, target: str | None) -> None:
        """Refuse columns whose spread a precision cannot hold."""

    def whole(self, dtype: torch.dtype) -> Dataset[Block]:
        """Return the rows to be measured."""


@dataclass(frozen=True)
class Prepared:
    """The rows of each part, and how they came to be.

    Attributes:
        train, val, test: the rows.
        task: what the target asks for.
        target_name: the name of the target.
        classes: the class names in index order; None for regression.
        encoder: from columns of the table to features.
        x_scale: scaling of the features.
        y_scale: scaling of the target.
        hashed: see `data_hash`.
        target_hash: hash of the target of all rows, however they are split, encoded and scaled.
        given: the parts, but for train, that the data give; the others were drawn.
        known: weight (n_outputs, n_features) and bias (n_outputs,) that made the target; None where not known.
        origin: how the table is written.
        notes: what was understood, left out or mended, a sentence each.
    """

    train: AnyPart
    val: AnyPart
    test: AnyPart
    task: Task
    target_name: str
    classes: tuple[str, ...] | None
    encoder: Encoder
    x_scale: Scale
    y_scale: Scale
    hashed: Callable[[], str]
    target_hash: str = ""
    known: tuple[Array, Array] | None = None
    given: tuple[str, ...] = ()
    origin: Origin = UNKNOWN
    notes: tuple[str, ...] = ()

    @property
    def data_hash(self) -> str:
        """Hash of the rows, their split, weights and scaling, as the model sees them."""
        return self.hashed()

    @property
    def n_features(self) -> int:
        """Columns of x."""
        return self.train.n_features

    @property
    def n_outputs(self) -> int:
        """Columns of the logits: one for a number or a binary class, else one for each class."""
        return len(self.classes or ()) if self.task == "multiclass" else 1

    @property
    def sparse(self) -> bool:
        """Whether x is."""
        return self.train.sparse

    @property
    def size(self) -> int:
        """Bytes that it takes, with rows cast once; nothing to speak of where they stream."""
        return sum(part.size for part in (self.train, self.val, self.test) if isinstance(part, Part))

    @property
    def streams(self) -> bool:
        """Whether the rows are read again and again instead of held in memory."""
        return not isinstance(self.train, Part)

    def known_theta(self, bias: bool) -> Tensor | None:
        """Return the weights that made the data, for its scaled form; None where they are not known.

        Args:
            bias: whether the model has one.

        Returns:
            (n_outputs, n_features [+ 1]) float64, the bias last.
        """
        if self.known is None:
            return None
        weight, constant = scaled_coefficients(*self.known, self.x_scale, self.y_scale)
        parts = [torch.from_numpy(weight)] + ([torch.from_numpy(constant)[:, None]] if bias else [])
        return torch.cat(parts, 1)


def prepare(table: Table | Stream, how: Preparation) -> Prepared:
    """Split a table, encode, scale and weigh it by its train rows.

    Raises:
        UserError: the table does not allow what is asked.
    """
    if isinstance(table, Stream):
        from onelayer.data.streaming.prepare import prepare_stream

        return prepare_stream(table, how)
    if how.stratify and table.classes is None:
        raise UserError(f"data.split.stratify=true needs classes, '{table.target_name}' is a number; set it to false")
    scaling = target_scaling(how.normalize_target, classes=table.classes is not None)
    rows = split_table(table, how)
    encoder, x_scale, xs, unseen = _features(table, rows, how.normalize, how.encode)
    multiclass = table.task == "multiclass"
    if table.classes is None:
        _refuse_huge(table)
        y_scale = Scale.fit(_as_column(table.target[rows.train]), scaling, _counts(table, rows.train))
    else:  # classes have no unit
        y_scale = Scale.neutral(len(table.classes) if multiclass else 1)
    per_class = class_weights(table.target_name, table.classes, _rows_of_classes(table, rows.train), how.class_weight)
    parts: list[Part] = []
    for chosen, x in zip(rows, xs, strict=True):
        target = table.target[chosen]
        y = target.astype(np.int64) if multiclass else y_scale.apply(_as_column(target))
        weight, sample_weight = weigh(table, chosen, per_class)
        parts.append(Part(x, torch.from_numpy(y), weight, sample_weight))
    known = None if table.weight is None or table.bias is None else (table.weight, table.bias)
    train, val_part, test_part = parts
    return Prepared(
        train,
        val_part,
        test_part,
        task=table.task,
        target_name=table.target_name,
        classes=table.classes,
        encoder=encoder,
        x_scale=x_scale,
        y_scale=y_scale,
        hashed=_in_background(parts, repr((table.task, table.classes, encoder.columns)), x_scale, y_scale),
        target_hash=_hash_of_target(table),
        known=known,
        given=() if table.part is None else tuple(PARTS[place] for place in np.unique(table.part) if place),
        notes=(*table.notes, *given_parts(table.part), *crossing(table), *encoder.notes, *unseen),
        origin=table.origin,
    )


def _features(
    table: Table, rows: tuple[Array, Array, Array], normalize: Scaling, settings: EncodeSettings
) -> tuple[Encoder, Scale, list[Tensor], tuple[str, ...]]:
    """Return the encoder, the scaling, x of each part, and what is to be said of rows that do not train."""
    features = table.features
    if isinstance(features, csr_array):
        if normalize != "none":
            raise UserError(f"data.normalize={normalize} would fill the zeros of sparse features; set it to none")
        sparse = [_csr(features[chosen]) for chosen in rows]
        return Encoder.plain(table.columns), Scale.neutral(features.shape[1]), sparse, ()
    columns = Frame.of_numbers(features, table.columns) if isinstance(features, np.ndarray) else features
    train, *others = columns.parts(rows)
    counts = _counts(table, rows[0])
    statistics = Statistics.of(train, counts, median=settings.impute == "median")
    encoder = Encoder.build(statistics, settings)
    refuse_too_large(encoder.features, sum(map(len, rows)))
    xs = [encoder.apply(part, chosen) for part, chosen in zip((train, *others), rows, strict=True)]
    if normalize == "robust":
        scale = Scale.fit(xs[0], normalize, counts)
    else:
        scale = Scale.from_moments(encoder.moments(statistics), normalize)
    # the rows of a part are copies by now, and are scaled where they lie
    x = [torch.from_numpy(scale.apply(one, out=one)) for one in xs]
    unseen = [
        note
        for part, name in zip(others, PARTS[1:], strict=True)
        for note in encoder.unseen(Counted.of(part), f"{name} rows", statistics.counted)
    ]
    return encoder, scale, x, tuple(unseen)


def _csr(x: csr_array) -> Tensor:
    starts, columns, values = (torch.from_numpy(part) for part in (x.indptr, x.indices, x.data.astype(np.float64)))
    return csr(starts, columns, values, x.shape[1])


def _dense_tensors(x: Tensor) -> tuple[Tensor, ...]:
    return (x.crow_indices(), x.col_indices(), x.values()) if x.is_sparse_csr else (x,)


def _in_background(parts: Sequence[Part], meaning: str, *scales: Scale) -> Callable[[], str]:
    """Hash the rows while others look at them: it takes about as long as reading them from memory three times."""
    with_one = ThreadPoolExecutor(1)
    found = with_one.submit(_hash, parts, meaning, scales)
    with_one.shutdown(wait=False)
    return found.result


def _hash(parts: Sequence[Part], meaning: str, scales: Sequence[Scale]) -> str:
    # other units, levels and classes may come to the same numbers, and to another model
    digest = hashlib.sha256(meaning.encode("utf-8", "surrogatepass"))
    for scale in scales:
        digest.update(np.stack([scale.shift, scale.scale]).astype(np.float64).tobytes())
    for part in parts:
        for tensor in (*_dense_tensors(part.x), part.y, part.weight, part.sample_weight):
            if tensor is not None:
                digest.update(str(tuple(tensor.shape)).encode())
                digest.update(tensor.numpy().data)  # not tobytes, which would copy it
    return digest.hexdigest()[:16]


def _counts(table: Table, rows: Array) -> Array | None:
    """Return how many rows each of some rows stands for, (rows,); None: one."""
    return None if table.sample_weight is None else counts_of(table.sample_weight[rows])


def _hash_of_target(table: Table) -> str:
    digest = hashlib.sha256(repr((table.task, table.classes)).encode())
    digest.update(np.ascontiguousarray(table.target, np.float64).data)
    return digest.hexdigest()[:16]


def _rows_of_classes(table: Table, rows: Array) -> Array:
    """Count the rows of each class by their sample weight, (classes,)."""
    if table.classes is None:
        return np.zeros(0)
    weight = None if table.sample_weight is None else table.sample_weight[rows]
    return np.bincount(table.target[rows].astype(np.int64), weight, minlength=len(table.classes))


def _refuse_huge(table: Table) -> None:
    largest = float(np.abs(table.target).max())
    if largest > LARGEST:
        raise UserError(
            f"data.target={table.target_name}: it holds {largest:g}, whose square float64 cannot hold; divide it by a "
            "power of ten"
        )


def _as_column(target: Array) -> Array:
    return target.astype(np.float64)[:, None]
