"""Scaling that is fitted on train rows and travels with the model."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from onelayer.data.table import Array

Scaling = Literal["standard", "minmax", "none"]


@dataclass(frozen=True)
class Scale:
    """The map ``x -> (x - shift) / scale``, column by column.

    Attributes:
        shift: (columns,), float64.
        scale: (columns,), float64, never zero: a constant column keeps the scale 1 and becomes 0.
    """

    shift: Array
    scale: Array

    @classmethod
    def neutral(cls, columns: int) -> "Scale":
        """Return the scale that changes nothing."""
        return cls(np.zeros(columns), np.ones(columns))

    @classmethod
    def fit(cls, x: Array, scaling: Scaling) -> "Scale":
        """Fit on (rows, columns), which must be train rows alone."""
        from sklearn.preprocessing import MinMaxScaler, StandardScaler

        if scaling == "standard":
            standard = StandardScaler().fit(x)
            return cls(standard.mean_, standard.scale_)
        if scaling == "minmax":
            minmax = MinMaxScaler().fit(x)
            return cls(minmax.data_min_, 1.0 / minmax.scale_)
        return cls.neutral(x.shape[1])

    def apply(self, x: Array) -> Array:
        """Scale (rows, columns)."""
        return (x - self.shift) / self.scale

    def undo(self, x: Array) -> Array:
        """Return (rows, columns) to their original units."""
        return x * self.scale + self.shift


def scaled_coefficients(weight: Array, bias: Array, x: Scale, y: Scale) -> tuple[Array, Array]:
    """Map coefficients in original units to those of the scaled problem.

    Args:
        weight: (n_outputs, n_features).
        bias: (n_outputs,).
        x: scaling of the features.
        y: scaling of the target.
    """
    return weight * x.scale / y.scale[:, None], (bias + weight @ x.shift - y.shift) / y.scale


def original_coefficients(weight: Array, bias: Array, x: Scale, y: Scale) -> tuple[Array, Array]:
    """Undo `scaled_coefficients`: coefficients for features and target in original units."""
    original = weight / x.scale * y.scale[:, None]
    return original, bias * y.scale + y.shift - original @ x.shift
