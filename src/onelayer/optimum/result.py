"""What is known of an optimum."""

from dataclasses import dataclass
from math import nan

from torch import Tensor


@dataclass(frozen=True)
class Reference:
    """The optimum, or why there is none to compare with.

    Attributes:
        theta: (outputs, n_features [+ 1]) float64; None without a reference.
        value: the objective there; NaN without a reference.
        note: "" for a unique optimum; else what is to be known about it, or why there is none.
        certificate: how far from zero what vanishes at the optimum is there: of least squares, the largest cosine of
            the angle between residuals and a column; of other losses, the norm of the gradient. NaN without a
            reference.
    """

    theta: Tensor | None
    value: float = nan
    note: str = ""
    certificate: float = nan
