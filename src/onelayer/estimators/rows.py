"""From the parameters of an estimator to the rows that its stack trains on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from onelayer.config import RunSpec
from onelayer.data.cache import PreparedCache
from onelayer.data.module import DataModule
from onelayer.data.preparation import Preparation
from onelayer.data.preprocess import Scale
from onelayer.data.split import Split, split_rows
from onelayer.data.table import Array, Table
from onelayer.errors import UserError
from onelayer.estimators.settings import InputError


def preparation_of(
    spec: RunSpec,
    parameters: Mapping[str, Any],
    labels: Array | None,
    split: Split,
    scales: tuple[Scale, Scale] | None = None,
) -> Preparation:
    """Return how an estimator wants its rows prepared.

    Args:
        spec: the run that the parameters ask for.
        parameters: of the estimator.
        labels: (classes,), as the user calls them; None for a number.
        split: the rows of each part.
        scales: of features and target, where they were fitted before.

    Raises:
        InputError: `class_weight` names what is no class.
    """
    return replace(
        Preparation.of(spec.data),
        class_weight=_class_weight(parameters.get("class_weight"), labels),
        split=split,
        scales=scales,
        centred=bool(parameters["bias"]),
        scale_sparse=True,
        hashed=False,  # nothing is resumed
    )


def data_of(spec: RunSpec, table: Table, how: Preparation, cache: PreparedCache | None = None) -> DataModule:
    """Return the rows of a run in its batches.

    Raises:
        UserError: what is asked does not fit the rows.
    """
    data = DataModule(table=table, **spec.data_keywords(with_source=False), preparation=how, cache=cache)
    data.setup("fit")
    return data


def _class_weight(weight: Any, labels: Array | None) -> Any:
    """Return what each class counts by its place, which is what a table calls it, as scikit-learn understands it."""
    if labels is None:
        return None
    if weight is None or (isinstance(weight, str) and weight == "balanced"):
        return weight
    try:
        weights = compute_class_weight(weight, classes=labels, y=labels)
    except ValueError as error:
        raise InputError(f"class_weight={weight}: {error}") from None
    return {str(place): float(weight) for place, weight in enumerate(weights)}


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
