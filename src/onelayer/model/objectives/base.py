"""The contract of an objective; the formula that all stages share is written here and nowhere else.

    objective = mean_i loss(y_i, x_i W + b)  +  l2/2 * ||W||^2        b is never penalised

Losses take logits: what the linear layer gives before any link.
"""

from abc import ABC, abstractmethod

from torch import Tensor

from onelayer.links import Link


class Objective(ABC):
    """A loss of one row as a function of its logits, with its derivatives.

    Attributes:
        name: what it is called; no two have the same.
        task: the task it fits.
        link: what its logits say.
        of_classes: the target is one of some classes, which rows may lack, or separate.
        decision_threshold: the logit at which both classes of a binary target are as probable.
        curvature: the largest eigenvalue that the second derivative of the loss by the logits can have.
        quadratic: the Hessian is the same everywhere and does not mix outputs.
        convex: whether the loss is, as a function of the logits.
        self_concordant: the third derivative is bounded by the second one (Bach, 2010).
    """

    name: str
    task: str
    link: Link
    of_classes: bool = True
    decision_threshold: float = 0.0
    curvature: float
    quadratic: bool = False
    convex: bool = True
    self_concordant: bool = False

    @property
    def canonical(self) -> "Objective":
        """The self-concordant objective of the same task; without a penalty, both have an optimum on the same rows.

        So it is for every loss of classes that falls for ever on the right side, and rises for ever on the wrong one.
        """
        from onelayer.model.objectives.logistic import Logistic
        from onelayer.model.objectives.softmax import Softmax

        return self if self.self_concordant else Softmax() if self.link.per_class else Logistic()

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
    def hessian(self, logits: Tensor, target: Tensor) -> Tensor:
        """Second derivative of the loss by the logits, (runs, rows, outputs, outputs)."""

    def information(self, logits: Tensor, target: Tensor) -> Tensor:
        """What the model expects of the Hessian (Fisher), of the same shape; equal to it under the canonical links."""
        return self.hessian(logits, target)

    @abstractmethod
    def predict(self, logits: Tensor) -> Tensor:
        """Return what the model says: the mean, or the probability of each class, (runs, rows, outputs)."""
