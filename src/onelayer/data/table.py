"""What every source returns: rows, a target, and what is known about them."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onelayer.errors import UserError

Task = Literal["regression", "binary", "multiclass"]
Array = NDArray[Any]


@dataclass(frozen=True)
class Table:
    """Rows of numbers with their target.

    Attributes:
        features: (rows, n_features), float64.
        target: (rows,), float64 for regression, else the index of the class.
        columns: the names of the features.
        target_name: the name of the target.
        classes: the class names in index order; None for regression.
        kind: the task the target is read as; None: what the classes say.
        weight: (n_outputs, n_features), the weights that made the target, where they are known.
        bias: (n_outputs,), likewise.
    """

    features: Array
    target: Array
    columns: tuple[str, ...]
    target_name: str = "target"
    classes: tuple[str, ...] | None = None
    kind: Task | None = None
    weight: Array | None = None
    bias: Array | None = None

    @property
    def task(self) -> Task:
        """What the target asks for."""
        if self.classes is None:
            return "regression"
        if self.kind is not None:
            return self.kind
        return "binary" if len(self.classes) == 2 else "multiclass"

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
        return replace(self, classes=None, target=self.target.astype(np.float64), weight=None, bias=None)
