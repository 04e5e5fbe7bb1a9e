"""From arrays to the rows that a stack trains on: split, scaled and weighed.

A row of weight k counts as k equal rows, in the scaling too: with a penalty on scaled weights, the optimum would differ
otherwise.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.utils.class_weight import compute_class_weight

from onelayer.config import RunSpec
from onelayer.data.blocks import csr
from onelayer.data.cache import PreparedCache
from onelayer.data.encode import Encoder
from onelayer.data.encode.encoder import LARGEST
from onelayer.data.encode.statistics import Moments, counts_of
from onelayer.data.module import DataModule
from onelayer.data.parts import Part
from onelayer.data.prepare import Prepared
from onelayer.data.preprocess import Scale, Scaling, TargetScaling, target_scaling
from onelayer.data.split import Split, split_rows
from onelayer.data.table import Array, Table
from onelayer.data.weights import weigh
from onelayer.errors import UserError
from onelayer.estimators.settings import InputError


@dataclass(frozen=True)
class Making:
    """How rows are made ready.

    Attributes:
        normalize: scaling of the features.
        normalize_target: of a number.
        class_weight: what an error in each class costs, by label.
        centred: shift columns and target; without a constant in the model nothing may be shifted.
    """

    normalize: Scaling = "standard"
    normalize_target: TargetScaling = "none"
    class_weight: str | Mapping[Any, float] | None = None
    centred: bool = True


def make_ready(
    table: Table, split: Split, how: Making, labels: Array | None, scales: tuple[Scale, Scale] | None = None
) -> Prepared:
    """Split a table, scale and weigh it by its train rows.

    Args:
        table: numbers, dense or sparse.
        split: the rows of each part.
        how: see there.
        labels: (classes,), as the user calls them; None for a number.
        scales: of features and target, where they were fitted before.

    Raises:
        UserError: what is asked does not fit the rows.
    """
    x, train = table.features, split.train
    assert isinstance(x, np.ndarray | csr_array)
    weight = None if table.sample_weight is None else table.sample_weight[train]
    multiclass = table.task == "multiclass"
    if scales is None:
        if labels is None:
            _refuse_huge(table.target)
            asked = target_scaling(how.normalize_target, classes=False)
            y_scale = _fitted(table.target[train, None], weight, asked, how.centred)
        else:
            y_scale = Scale.neutral(len(labels) if multiclass else 1)
        scales = _fitted(x[train], weight, how.normalize, how.centred), y_scale
    x_scale, y_scale = scales
    per_class = _per_class(how.class_weight, labels, table.target[train], weight)
    parts = []
    for chosen in split:
        target = table.target[chosen]
        y = target.astype(np.int64) if multiclass else y_scale.apply(target.astype(np.float64)[:, None])
        parts.append(Part(_scaled(x[chosen], x_scale), torch.from_numpy(y), *weigh(table, chosen, per_class)))
    train_part, val_part, test_part = parts
    return Prepared(
        train_part,
        val_part,
        test_part,
        task=table.task,
        target_name=table.target_name,
        classes=table.classes,
        encoder=Encoder.plain(table.columns),
        x_scale=x_scale,
        y_scale=y_scale,
        hashed=lambda: "",  # nothing is resumed
    )


def _scaled(x: Array | csr_array, scale: Scale) -> torch.Tensor:
    if isinstance(x, np.ndarray):
        return torch.from_numpy(scale.apply(x))
    values = x.data / scale.scale[x.indices]
    starts, columns = (torch.from_numpy(one.astype(np.int64)) for one in (x.indptr, x.indices))
    return csr(starts, columns, torch.from_numpy(values), x.shape[1])


def _fitted(x: Array | csr_array, weight: Array | None, scaling: Scaling, centred: bool) -> Scale:
    """Fit a scaling; without a shift where columns are not to be moved, as zeros of sparse ones are not."""
    if scaling == "none":
        return Scale.neutral(x.shape[1])
    if isinstance(x, np.ndarray):
        scale = Scale.fit(x, scaling, None if weight is None else counts_of(weight))
    elif scaling == "standard":
        scale = Scale.from_moments(_moments(x, weight), scaling)
    else:
        raise InputError(f"normalize={scaling} would fill the zeros of sparse X; choose standard or none")
    return scale if centred and isinstance(x, np.ndarray) else Scale(np.zeros(x.shape[1]), scale.scale)


def _moments(x: csr_array, weight: Array | None) -> Moments:
    """Say how sparse columns are spread."""
    from sklearn.utils.sparsefuncs import mean_variance_axis, min_max_axis

    return Moments(*mean_variance_axis(x, axis=0, weights=weight), *min_max_axis(x, axis=0))


def _per_class(asked: Any, labels: Array | None, target: Array, weight: Array | None) -> Array | None:
    """Return what each class counts, (classes,), as scikit-learn understands `class_weight`; None: all alike."""
    if asked is None or labels is None:
        return None
    named = labels[target.astype(np.int64)]
    try:
        return np.asarray(compute_class_weight(asked, classes=labels, y=named, sample_weight=weight))
    except ValueError as error:
        raise InputError(f"class_weight={asked}: {error}") from None


def _refuse_huge(target: Array) -> None:
    largest = float(np.abs(target).max())
    if largest > LARGEST:
        raise UserError(f"y holds {largest:g}, whose square float64 cannot hold; divide it by a power of ten")


def split_of(table: Table, val: float) -> Split:
    """Choose validation rows, of classes in their shares; the same ones each time.

    Raises:
        UserError: some part would have no rows, or lack a class.
    """
    labels = table.target if val and table.classes is not None else None
    try:
        return split_rows(len(table), val=val, test=0, labels=labels)
    except UserError:
        if labels is None:
            raise
        fewest = int(np.bincount(labels.astype(np.int64)).min())
        raise InputError(
            f"val={val}: {len(table)} rows, {fewest} of the rarest class, cannot be parted so that every class is in "
            "both parts; change val"
        ) from None


def making_of(parameters: Mapping[str, Any]) -> Making:
    """Return how an estimator's parameters want rows made ready."""
    return Making(
        parameters["normalize"],
        parameters.get("normalize_target", "none"),
        parameters.get("class_weight"),
        centred=bool(parameters["bias"]),
    )


def data_of(
    spec: RunSpec,
    table: Table,
    split: Split,
    how: Making,
    labels: Array | None,
    scales: tuple[Scale, Scale] | None = None,
) -> DataModule:
    """Return the batches that a run sees; see `make_ready`."""
    return in_batches(spec, make_ready(table, split, how, labels, scales))


def in_batches(spec: RunSpec, prepared: Prepared) -> DataModule:
    """Cut rows into batches as a specification says."""
    table = Table(np.empty((0, 0)), np.empty(0), ())
    data = DataModule(table=table, **spec.data_keywords(at_hand=True), cache=_Made(prepared))
    data.setup("fit")
    return data


class _Made(PreparedCache):
    """Holds rows that were made elsewhere."""

    def __init__(self, prepared: Prepared) -> None:
        super().__init__()
        self._made = prepared

    def get(self, key: Hashable, prepare: Callable[[], Prepared]) -> Prepared:
        return self._made
