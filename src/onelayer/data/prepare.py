"""From a table to what a model sees of it: split, encoded and scaled by its train rows, weighed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from onelayer.data.encode import Encoder, Moments
from onelayer.data.in_memory import RowsInMemory
from onelayer.data.parts import Part
from onelayer.data.preparation import Preparation
from onelayer.data.preprocess import Scale, Scaling, scaled_coefficients, target_scaling
from onelayer.data.streaming.part import StreamedPart
from onelayer.data.streaming.rows import RowsOnDisk
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Array, Table, Task
from onelayer.data.tables.origin import UNKNOWN, Origin
from onelayer.data.weights import class_weights

# rows in memory, or rows that stream
AnyPart = Part | StreamedPart


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
        class_weight: (classes,), what an error in each class costs; None: all alike.
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
    class_weight: Array | None = None
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

    A row of weight k counts as k equal rows, in the scaling too: with a penalty on scaled weights, the optimum would
    differ otherwise.

    Raises:
        UserError: the table does not allow what is asked.
    """
    classes = table.classes
    scaling = target_scaling(how.normalize_target, classes=classes is not None)
    rows = RowsInMemory(table, how) if isinstance(table, Table) else RowsOnDisk(table, how)
    encoder = rows.encoder(how.encode)
    if how.scales is not None:
        x_scale, y_scale = how.scales
    else:
        shifts = how.centred and rows.dense
        x_scale = _scale(partial(rows.moments, encoder), how.normalize, encoder.n_features, shifts=shifts)
        if classes is None:
            y_scale = _scale(lambda *, quartiles: rows.target_moments(), scaling, 1, shifts=how.centred)
        else:  # classes have no unit
            y_scale = Scale.neutral(len(classes) if table.task == "multiclass" else 1)
    per_class = None
    if how.class_weight is not None:
        per_class = class_weights(table.target_name, classes, rows.class_counts(), how.class_weight)
    train, val, test = parts = rows.parts(encoder, x_scale, y_scale, per_class)
    return Prepared(
        train,
        val,
        test,
        task=table.task,
        target_name=table.target_name,
        classes=classes,
        encoder=encoder,
        x_scale=x_scale,
        y_scale=y_scale,
        hashed=rows.hashed(encoder, parts, x_scale, y_scale) if how.hashed else str,
        class_weight=per_class,
        target_hash=rows.target_hash() if how.hashed else "",
        known=table.known,
        given=table.given,
        notes=rows.notes(encoder, parts),
        origin=table.origin,
    )


def _scale(moments: Callable[..., Moments], scaling: Scaling, columns: int, *, shifts: bool) -> Scale:
    if scaling == "none":
        return Scale.neutral(columns)
    scale = Scale.from_moments(moments(quartiles=scaling == "robust"), scaling)
    return scale if shifts else Scale(np.zeros(columns), scale.scale)
