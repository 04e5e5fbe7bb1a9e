"""The contract of an objective; the formula that all stages share is written here and nowhere else.

    objective = mean_i loss(y_i, x_i W + b)  +  l2/2 * ||W||^2        b is never penalised

Losses take logits: what the linear layer gives before any link.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor


class Objective(ABC):
    """A loss of one row as a function of its logits, with its derivatives.

    Attributes:
        name: what `model.objective` calls it.
        task: the task it fits.
        curvature: the largest eigenvalue that the second derivative of the loss by the logits can have.
        quadratic: the Hessian is the same everywhere and does not mix outputs.
    """

    name: ClassVar[str]
    task: ClassVar[str]
    curvature: ClassVar[float]
    quadratic: ClassVar[bool] = False

    def check(self, logits: Tensor, target: Tensor) -> None:
        """Refuse shapes that would broadcast into something else.

        Args:
            logits: (runs, rows, outputs).
            target: (rows, outputs); an objective that wants another shape says so in its own `check`.

        Raises:
            ValueError: one sentence with both shapes.
        """
        if target.shape != logits.shape[1:]:
            raise ValueError(
                f"{self.name}: target of shape {tuple(target.shape)} against outputs of shape "
                f"{tuple(logits.shape[1:])}; give the target as (rows, outputs)"
            )

    @abstractmethod
    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of each row, (runs, rows)."""

    @abstractmethod
    def residual(self, logits: Tensor, target: Tensor) -> Tensor:
        """Derivative of the loss by the logits, (runs, rows, outputs); a new tensor."""

    @abstractmethod
    def hessian(self, logits: Tensor) -> Tensor:
        """Second derivative of the loss by the logits, (runs, rows, outputs, outputs)."""

    @abstractmethod
    def predict(self, logits: Tensor) -> Tensor:
        """Return what the model says: the mean, or the probability of each class, (runs, rows, outputs)."""
