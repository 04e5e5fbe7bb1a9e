"""The contract of a link.

Numpy predicts, torch trains, and exports know few operations, so there are up to three formulas of a probability. Where
they would come to the same digits they are one: in `SymmetricLink.tail`, and in `ElementaryLink.log_of`.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from onelayer.links.operations import Operations, Unbounded, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.floating[Any]]
    Doubles = NDArray[np.float64]


class Link(ABC):
    """From the logits of a row to what a model says of it.

    Attributes:
        name: as the header of a model has it.
        per_class: each class has a logit of its own, and only differences between them show.
        is_log_odds: a coefficient is the logarithm of an odds ratio.
        sklearn_factor: the logits times this are those of scikit-learn's linear or logistic regression; None: it has no
            such model.
    """

    name: ClassVar[str]
    per_class: ClassVar[bool] = False
    is_log_odds: ClassVar[bool] = False
    sklearn_factor: ClassVar[float | None] = None

    @property
    @abstractmethod
    def kind(self) -> str:
        """What such a model is called."""

    def probabilities(self, logits: "Floats") -> "Floats":
        """Return the probability of each class, (..., classes), in the precision of the logits.

        That of the first of two classes is no difference from 1, so that small ones keep their digits on both sides.

        Args:
            logits: (..., 1), or (..., classes) where each class has one; NaN stays NaN.
        """
        raise TypeError(f"{self.name} is of numbers, which have no probabilities")

    def log_probabilities(self, logits: "Floats") -> "Doubles":
        """Return the logarithm of the probability of each class, (..., classes).

        It is finite for every finite logit, also where the probability itself is 0 in float64.

        Args:
            logits: as in `probabilities`.
        """
        raise TypeError(f"{self.name} is of numbers, which have no probabilities")


class Outcome(ABC):
    """The probability F of one of two classes as a rising function of t: z for the second class, -z for the first.

    No logarithm is taken of a probability that was rounded beside 1.
    """

    @abstractmethod
    def probability(self, t: "Floats") -> "Floats":
        """Return F in numpy, of the shape and precision of t; small values keep their digits."""

    @abstractmethod
    def log_probability(self, t: "Doubles") -> "Doubles":
        """Return log F in numpy, finite wherever t is."""

    @abstractmethod
    def log_cdf(self, t: "Tensor") -> "Tensor":
        """Return log F in torch: minus the loss."""

    @abstractmethod
    def d_log(self, t: "Tensor") -> "Tensor":
        """Return h = f/F, its first derivative, never negative, in torch."""

    @abstractmethod
    def neg_d2_log(self, t: "Tensor", d_log: "Tensor") -> "Tensor":
        """Return h (h - f'/f), minus its second derivative, given the first; negative where the loss is not convex."""


class BinaryLink(Link):
    """The probability of the second of two classes by the logit z.

    Attributes:
        formula: it, for people.
        curvature: the largest second derivative of the loss, over both classes and all logits.
        convex: whether no second derivative of the loss is negative.
        decision_threshold: the logit at which both classes are as probable.
    """

    formula: ClassVar[str]
    curvature: ClassVar[float]
    convex: ClassVar[bool] = True
    decision_threshold: ClassVar[float] = 0.0

    @property
    @abstractmethod
    def first(self) -> Outcome:
        """The first class, by -z."""

    @property
    @abstractmethod
    def second(self) -> Outcome:
        """The second class, by z."""

    @property
    @override
    def kind(self) -> str:
        return f"binary, {self.name} link,"

    @abstractmethod
    def export(self, z: Value, ops: Operations) -> tuple[Value, Value]:
        """Return the probabilities of the first and the second class out of operations that every target has.

        What changes in comparison with `probabilities` is below 1e-290, or the last digits.
        """

    def inverse(self, z: "Floats") -> "Floats":
        """Return the probability of the second class, of the shape and precision of the logits; NaN stays NaN."""
        import numpy as np

        return np.asarray(self.second.probability(np.asarray(z)))

    @override
    def probabilities(self, logits: "Floats") -> "Floats":
        import numpy as np

        z = np.asarray(logits)
        return np.concatenate([self.first.probability(-z), self.second.probability(z)], axis=-1)

    @override
    def log_probabilities(self, logits: "Floats") -> "Doubles":
        import numpy as np

        z = np.asarray(logits).astype(np.float64)
        with np.errstate(divide="ignore"):  # of an infinite logit
            return np.concatenate([self.first.log_probability(-z), self.second.log_probability(z)], axis=-1)


class SymmetricLink(BinaryLink, Outcome):
    """A link with 1 - F(z) = F(-z): one outcome serves both classes."""

    @property
    @override
    def first(self) -> Outcome:
        return self

    @property
    @override
    def second(self) -> Outcome:
        return self

    @abstractmethod
    def tail(self, a: Value, ops: Operations) -> Value:
        """Return F(-a) for a >= 0, which has its digits however far out a lies."""

    def numpy_tail(self, a: "Floats") -> "Floats":
        """Return the same in numpy; another formula stands here where numpy has better functions than exports."""
        import numpy as np

        with np.errstate(over="ignore"):
            result: Floats = self.tail(a, Unbounded(np))
        return result

    @override
    def probability(self, t: "Floats") -> "Floats":
        import numpy as np

        small = self.numpy_tail(np.abs(t))
        return np.where(t < 0, small, 1 - small)

    @override
    def export(self, z: Value, ops: Operations) -> tuple[Value, Value]:
        tail = self.tail(ops.abs(z), ops)
        # where z is missing, so are both: its tail is missing too
        first, second = (ops.where(ops.above(side, 0.0), tail, 1.0 - tail) for side in (z, -1.0 * z))
        return first, second


class ElementaryLink(SymmetricLink):
    """A symmetric link whose logarithm is written once, by functions that numpy and torch share."""

    @abstractmethod
    def log_of(self, z: Any, xp: Any) -> Any:
        """Return log F(z); xp is numpy or torch."""

    @override
    def log_probability(self, t: "Doubles") -> "Doubles":
        import numpy as np

        result: Doubles = self.log_of(t, np)
        return result

    @override
    def log_cdf(self, t: "Tensor") -> "Tensor":
        import torch

        result: Tensor = self.log_of(t, torch)
        return result
