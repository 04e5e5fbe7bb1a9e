"""What every source returns: rows, a target, and what is known about them."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from onelayer.data.frame import Columns
from onelayer.data.tables.origin import UNKNOWN, Origin
from onelayer.errors import UserError

Task = Literal["regression", "binary", "multiclass"]
Array = NDArray[Any]
PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Table:
    """Rows with their target.

    Attributes:
        features: (rows, n_features) float64, dense or sparse; or columns that are still to be encoded.
        target: (rows,), float64 for regression, else the index of the class.
        columns: the names of the features, before they are encoded.
        target_name: the name of the target.
        classes: the class names in index order; None for regression.
        kind: the task the target is read as; None: what the classes say.
        weight: (n_outputs, n_features), the weights that made the target, where they are known.
        bias: (n_outputs,), likewise.
        sample_weight: (rows,), how many rows each one stands for; None: one.
        by: (rows,), the values that `data.split.by` goes by; None where it names no column.
        part: (rows,), the place in `PARTS` of the part that the source gives each row to. Of parts that get no row
            here, rows are drawn from the train rows; None: of all parts.
        origin: how the table is written that they are of.
        notes: what was understood, left out or mended while reading, a sentence each.
    """

    features: Array | csr_array | Columns
    target: Array
    columns: tuple[str, ...]
    target_name: str = "target"
    classes: tuple[str, ...] | None = None
    kind: Task | None = None
    weight: Array | None = None
    bias: Array | None = None
    sample_weight: Array | None = None
    by: Array | None = None
    part: Array | None = None
    origin: Origin = UNKNOWN
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.target)

    @property
    def task(self) -> Task:
        """What the target asks for."""
        if self.classes is None:
            return "regression"
        if self.kind is not None:
            return self.kind
        return "binary" if len(self.classes) == 2 else "multiclass"

    @property
    def known(self) -> tuple[Array, Array] | None:
        """Weights and biases that made the target; None where they are not known."""
        return None if self.weight is None or self.bias is None else (self.weight, self.bias)

    @property
    def given(self) -> tuple[str, ...]:
        """The parts, but for train, that the source gives."""
        return () if self.part is None else tuple(PARTS[place] for place in np.unique(self.part) if place)

    def as_task(self, task: Task | None) -> "Table":
        """Read the target as another task, where that makes sense.

        Raises:
            UserError: the target is of another kind.
        """
        if task is None or task == self.task:
            return self
        if self.classes is None:
            raise UserError(
                f"task={task}: the target '{self.target_name}' is a number, not a class; use task=regression"
            )
        if task == "binary":
            raise UserError(
                f"task=binary: the target '{self.target_name}' has {len(self.classes)} classes; use task=multiclass"
            )
        if task == "multiclass":
            return replace(self, kind=task, weight=None, bias=None)
        try:  # classes whose names are numbers, such as ratings, are these numbers
            values = np.array(self.classes, dtype=np.float64)
        except ValueError:
            values = np.arange(len(self.classes), dtype=np.float64)
        return replace(self, classes=None, kind=None, target=values[self.target], weight=None, bias=None)
