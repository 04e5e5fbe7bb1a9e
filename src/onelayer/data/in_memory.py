"""Rows in memory, split: what `prepare` asks of them."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from onelayer.data.blocks import csr
from onelayer.data.encode import Counted, Encoder, EncodeSettings, Moments, Statistics
from onelayer.data.encode.encoder import LARGEST
from onelayer.data.encode.size import refuse_too_large
from onelayer.data.encode.statistics import counts_of
from onelayer.data.frame import Frame
from onelayer.data.given import crossing, given_parts, split_table
from onelayer.data.parts import Part
from onelayer.data.preparation import Preparation
from onelayer.data.preprocess import Scale, spread
from onelayer.data.table import PARTS, Array, Table
from onelayer.data.weights import weigh
from onelayer.errors import UserError


class RowsInMemory:
    """A table that was split.

    Args:
        table: dense, sparse, or columns that are still to be encoded.
        how: its rows are prepared.

    Raises:
        UserError: it cannot be split so, or its numbers are too large.
    """

    def __init__(self, table: Table, how: Preparation) -> None:
        if how.stratify and table.classes is None:
            raise UserError(
                f"data.split.stratify=true needs classes, '{table.target_name}' is a number; set it to false"
            )
        if table.classes is None:
            refuse_huge(table)
        self._table = table
        self._split = split_table(table, how) if how.split is None else how.split
        features, train = table.features, self._split.train
        self._counts = None if table.sample_weight is None else counts_of(table.sample_weight[train])
        if isinstance(features, csr_array):
            refuse_filling(how)
            self._sparse: list[csr_array] | None = [features[rows] for rows in self._split]
            return
        self._sparse = None
        columns = Frame.of_numbers(features, table.columns) if isinstance(features, np.ndarray) else features
        self._frames = columns.parts(self._split)

    @property
    def dense(self) -> bool:
        """Whether features may be shifted: zeros of sparse ones are to stay."""
        return self._sparse is None

    def encoder(self, settings: EncodeSettings) -> Encoder:
        """Decide by the train rows what becomes of each column."""
        if self._sparse is not None:
            return Encoder.plain(self._table.columns)
        self._statistics = Statistics.of(self._frames[0], self._counts, median=settings.impute == "median")
        encoder = Encoder.build(self._statistics, settings)
        refuse_too_large(encoder.features, sum(map(len, self._split)))
        self._encoded = [encoder.apply(frame, rows) for frame, rows in zip(self._frames, self._split, strict=True)]
        return encoder

    def moments(self, encoder: Encoder, *, quartiles: bool) -> Moments:
        """Return how the features of the train rows are spread; those of sparse rows without quartiles."""
        if self._sparse is not None:
            weight = self._table.sample_weight
            return _sparse_moments(self._sparse[0], None if weight is None else weight[self._split.train])
        if quartiles:
            return spread(self._encoded[0], self._counts, quartiles=True)
        return encoder.moments(self._statistics)

    def target_moments(self) -> Moments:
        """Return how the target of the train rows is spread."""
        return spread(_as_column(self._table.target[self._split.train]), self._counts)

    def class_counts(self) -> Array:
        """Count the train rows of each class by their sample weight, (classes,)."""
        table, train = self._table, self._split.train
        if table.classes is None:
            return np.zeros(0)
        weight = None if table.sample_weight is None else table.sample_weight[train]
        return np.bincount(table.target[train].astype(np.int64), weight, minlength=len(table.classes))

    def parts(self, encoder: Encoder, x_scale: Scale, y_scale: Scale, per_class: Array | None) -> list[Part]:
        """Make the parts: encoded, scaled, and weighed by what each class counts, (classes,)."""
        table, parts = self._table, []
        for place, rows in enumerate(self._split):
            target = table.target[rows]
            y = target.astype(np.int64) if table.task == "multiclass" else y_scale.apply(_as_column(target))
            if self._sparse is not None:
                x = _divided(self._sparse[place], x_scale)
            else:  # the rows of a part are copies by now, and are scaled where they lie
                x = torch.from_numpy(x_scale.apply(self._encoded[place], out=self._encoded[place]))
            parts.append(Part(x, torch.from_numpy(y), *weigh(table, rows, per_class)))
        return parts

    def notes(self, encoder: Encoder, parts: Sequence[Any]) -> tuple[str, ...]:
        """Say what was understood, left out or mended, a sentence each."""
        table = self._table
        if self._sparse is not None:
            unseen: list[str] = []
        else:
            unseen = [
                note
                for frame, name in zip(self._frames[1:], PARTS[1:], strict=True)
                for note in encoder.unseen(Counted.of(frame), f"{name} rows", self._statistics.counted)
            ]
        return (*table.notes, *given_parts(table.part), *crossing(table), *encoder.notes, *unseen)

    def hashed(self, encoder: Encoder, parts: Sequence[Any], x_scale: Scale, y_scale: Scale) -> Callable[[], str]:
        """Hash the rows while others look at them: it takes about as long as reading them from memory three times."""
        meaning = repr((self._table.task, self._table.classes, encoder.columns))
        pool = ThreadPoolExecutor(1)
        digest = pool.submit(_hash, parts, meaning, (x_scale, y_scale))
        pool.shutdown(wait=False)
        return digest.result

    def target_hash(self) -> str:
        """Return the hash of the target of all rows."""
        digest = hashlib.sha256(repr((self._table.task, self._table.classes)).encode())
        digest.update(np.ascontiguousarray(self._table.target, np.float64).data)
        return digest.hexdigest()[:16]


def refuse_filling(how: Preparation) -> None:
    """Refuse a scaling that would fill the zeros of sparse features.

    Raises:
        UserError: with what can be set instead.
    """
    allowed = ("none", "standard") if how.scale_sparse else ("none",)
    if how.normalize not in allowed:
        raise UserError(
            f"data.normalize={how.normalize} would fill the zeros of sparse features; set it to {' or '.join(allowed)}"
        )


def refuse_huge(table: Table) -> None:
    """Refuse a target whose square has no place in float64.

    Raises:
        UserError: with its largest value.
    """
    largest = float(np.abs(table.target).max())
    if largest > LARGEST:
        raise UserError(
            f"data.target={table.target_name}: it holds {largest:g}, whose square float64 cannot hold; divide it by a "
            "power of ten"
        )


def _divided(x: csr_array, scale: Scale) -> Tensor:
    values = x.data.astype(np.float64)
    if not scale.changes_nothing:
        values = values / scale.scale[x.indices]
    starts, columns = (torch.from_numpy(part) for part in (x.indptr, x.indices))
    return csr(starts, columns, torch.from_numpy(values), x.shape[1])


def _sparse_moments(x: csr_array, weight: Array | None) -> Moments:
    from sklearn.utils.sparsefuncs import mean_variance_axis, min_max_axis

    return Moments(*mean_variance_axis(x, axis=0, weights=weight), *min_max_axis(x, axis=0))


def _dense_tensors(x: Tensor) -> tuple[Tensor, ...]:
    return (x.crow_indices(), x.col_indices(), x.values()) if x.is_sparse_csr else (x,)


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


def _as_column(target: Array) -> Array:
    return target.astype(np.float64)[:, None]
