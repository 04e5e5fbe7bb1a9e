"""A trained model that predicts; needs neither torch nor what trained it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onelayer.artefact import Artefact
from onelayer.data.frame import Frame
from onelayer.errors import UserError
from onelayer.links import inverse

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
        # the target of classes has no scale
        found = [one.logits(frame) * one.y_scale + one.y_shift for one in self.members]
        return self.of_logits(found[0] if len(found) == 1 else np.mean(found, axis=0))

    def of_logits(self, logits: Array) -> Predictions:
        """Return what logits say, (rows, outputs); of a number, in original units."""
        if self.classes is None:
            return Predictions(logits[:, 0], None)
        link = self.artefact.header["link"]
        if link == "softmax":
            shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
            probability = shifted / shifted.sum(axis=1, keepdims=True)
        else:
            positive = inverse(link, logits[:, 0])
            probability = np.stack([1 - positive, positive], axis=1)
        return Predictions(np.array(self.classes)[probability.argmax(axis=1)], probability)

    def _of(self, x: Any) -> Predictions:
        if isinstance(x, np.ndarray):
            return self._of_array(x)
        from onelayer.deliver.values import frame_of

        if isinstance(x, Mapping):
            return self.of_frame(frame_of(x, self.artefact.encoder))
        from onelayer.data.tables.fetch import fetch_frame
        from onelayer.data.tables.opening import open_rows
        from onelayer.deliver.reading import readings_of

        rows = open_rows(frame=x, missing=self.artefact.header["missing"])
        return self.of_frame(fetch_frame(rows, readings_of(rows, self.artefact.encoder)))

    def _of_array(self, x: Array) -> Predictions:
        encoder = self.artefact.encoder
        odd = [one.name for one in encoder.designs if one.role not in ("numeric", "boolean")]
        if odd:
            raise UserError(f"'{odd[0]}' is no number; give a frame, whose columns have names")
        if x.ndim != 2 or x.shape[1] != len(self.columns):
            raise UserError(f"the model has {len(self.columns)} columns, but rows of shape {x.shape} came")
        return self.of_frame(Frame.of_numbers(x.astype(np.float64), self.columns))
