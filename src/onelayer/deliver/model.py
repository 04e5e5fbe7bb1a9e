"""A trained model that predicts; needs neither torch nor what trained it."""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onelayer.artefact import Artefact
from onelayer.data.frame import Frame
from onelayer.errors import UserError

Array = NDArray[Any]


class Predictions(NamedTuple):
    """What a model says of some rows.

    Attributes:
        value: (rows,), numbers in original units, or the names of classes.
        probability: (rows, classes) in the order of the classes; None for numbers.
    """

    value: Array
    probability: Array | None


class Model:
    """A trained model with its preprocessing, or the mean of several.

    Numbers are averaged in original units, classes by their logits: where all members encode alike, so are the weights.

    Args:
        members: as they were delivered.

    Raises:
        UserError: they do not predict the same.

    Attributes:
        artefact: the first member.
    """

    def __init__(self, *members: Artefact) -> None:
        self.members, self.artefact = members, members[0]
        asked = ("target", "task", "classes", "link", "missing")
        for one in members[1:]:
            for key in asked:
                if one.header[key] != self.artefact.header[key]:
                    raise UserError(
                        f"a mean of models whose {key} differs: {self.artefact.header[key]}, {one.header[key]}"
                    )

    @property
    def target(self) -> str:
        """The name of what is predicted."""
        return str(self.artefact.header["target"])

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes; None where a number is predicted."""
        classes = self.artefact.header["classes"]
        return None if classes is None else tuple(classes)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is to be known before it is used, a sentence each."""
        ended = [one.header["training"]["status"] for one in self.members]
        if "diverged" not in ended:
            return ()
        what = "the run diverged" if len(ended) == 1 else f"{ended.count('diverged')} of {len(ended)} runs diverged"
        return (f"{what}; the weights are those from before, which no training has improved",)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that the model needs, in the order of training."""
        return tuple(design.name for design in self.artefact.encoder.designs)

    def predict(self, x: Any) -> Array:
        """Return numbers in original units or names of classes, (rows,).

        Args:
            x: a pandas or polars frame or an Arrow table; a mapping from the names of columns to a value or to values;
                or where no column is a category or a date, an array (rows, columns) in the order of `columns`.

        Raises:
            UserError: a column is missing, or holds something else than in training.
        """
        return self._of(x).value

    def predict_proba(self, x: Any) -> Array:
        """Return the probability of each class, (rows, classes) in the order of `classes`.

        Raises:
            UserError: the model predicts numbers; or see `predict`.
        """
        probability = self._of(x).probability
        if probability is None:
            raise UserError(f"the target '{self.target}' is a number, which has no probabilities; use predict")
        return probability

    def of_frame(self, frame: Frame) -> Predictions:
        """Return what the model says of rows that are read already."""
        return self.of_logits(self.logits(frame))

    def logits(self, frame: Frame) -> Array:
        """Return the logits of rows that are read already, (rows, outputs); of a number, it in original units."""
        # the target of classes has no scale
        found = [one.logits(frame) * one.y_scale + one.y_shift for one in self.members]
        return found[0] if len(found) == 1 else np.mean(found, axis=0)

    def of_logits(self, logits: Array) -> Predictions:
        """Return what logits say, (rows, outputs); of a number, in original units."""
        if self.classes is None:
            return Predictions(logits[:, 0], None)
        probability = self.artefact.link.probabilities(logits)
        return Predictions(np.array(self.classes)[probability.argmax(axis=1)], probability)

    def _of(self, x: Any) -> Predictions:
        from onelayer.deliver.values import frame_of, frame_of_array

        missing = self.artefact.header["missing"]
        if isinstance(x, np.ndarray):
            return self.of_frame(frame_of_array(x, self.artefact.encoder, missing))
        if isinstance(x, Mapping):
            return self.of_frame(frame_of(x, self.artefact.encoder, missing))
        from onelayer.data.tables.fetch import fetch_frame
        from onelayer.data.tables.opening import open_rows
        from onelayer.deliver.reading import readings_of

        rows = open_rows(frame=x, missing=missing)
        readings = readings_of(rows, self.artefact.encoder)
        for reading in readings:
            if reading.note:
                warnings.warn(reading.note, stacklevel=3)
        return self.of_frame(fetch_frame(rows, readings))
