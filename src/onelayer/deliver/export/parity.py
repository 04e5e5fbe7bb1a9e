"""How far the predictions of an export are from those of `predict`."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from onelayer.deliver.model import Model, Predictions
from onelayer.errors import UserError

# by the precision of the weights
ALLOWED: Mapping[str, float] = {"float32": 1e-5, "float64": 1e-12}
Array = NDArray[np.float64]


def largest_difference(found: Predictions, wanted: Predictions, model: Model, what: str) -> float:
    """Return the largest difference between two predictions of the same rows.

    It is that of probabilities, or of numbers relative to their size, ``|a - b| / max(|b|, s)``, with s the spread of
    the target that training scaled by, 1 where it did not.

    Args:
        found: what the export says.
        wanted: what `predict` says.
        model: both are of it.
        what: the export is called in messages.

    Raises:
        UserError: the difference is larger than allowed, or a class differs, but for classes whose probabilities are
            that near to each other.
    """
    allowed = ALLOWED[str(model.artefact.weight.dtype)]
    if wanted.probability is None or found.probability is None:
        scale = np.maximum(np.abs(wanted.value), model.artefact.y_scale[0])
        differences = _apart(found.value, wanted.value) / scale
    else:
        differences = _apart(found.probability, wanted.probability).max(axis=1)
    largest = float(differences.max())
    if not largest <= allowed:
        raise UserError(
            f"{what}: it differs from predict by {largest:.2g} in row {int(differences.argmax()) + 1} of those that "
            f"were compared, where {allowed:g} is allowed, so it was not written"
        )
    if wanted.probability is not None:
        _compare_classes(found, wanted, allowed, what)
    return largest


def _apart(found: Array, wanted: Array) -> Array:
    """Return how far numbers are apart; infinitely where one of them is none."""
    if found.shape != wanted.shape:
        return np.full(wanted.shape, np.inf)
    with np.errstate(invalid="ignore"):
        apart = np.abs(found.astype(np.float64) - wanted)
    return np.where(found == wanted, 0.0, np.where(np.isnan(apart), np.inf, apart))


def _compare_classes(found: Predictions, wanted: Predictions, allowed: float, what: str) -> None:
    assert wanted.probability is not None
    best = np.sort(wanted.probability, axis=1)
    tied = best[:, -1] - best[:, -2] <= 2 * allowed
    other = np.flatnonzero((found.value != wanted.value) & ~tied)
    if len(other):
        row = int(other[0])
        says, wants = str(found.value[row]), str(wanted.value[row])
        raise UserError(
            f"{what}: it says {says!r} where predict says {wants!r}, in row {row + 1} of those that were compared, so "
            "it was not written"
        )
