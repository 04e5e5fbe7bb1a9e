"""Scaling that is fitted on train rows and travels with the model."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onelayer.data.encode.statistics import Moments, blocks, moments_of, quantiles_of
from onelayer.errors import UserError
from onelayer.rounding import SAME, constant

Scaling = Literal["standard", "minmax", "robust", "none"]
Array = NDArray[Any]
TargetScaling = Literal["standard", "none", "auto"]
NO_CONSTANT = "model.bias=false: there is no constant where columns are at what scaling shifted them by"


@dataclass(frozen=True)
class Scale:
    """The map ``x -> (x - shift) / scale``, column by column.

    Attributes:
        shift: (columns,), float64.
        scale: (columns,), float64, never zero: a constant column keeps the scale 1 and becomes 0.
        still: (columns,) bool, which columns are constant in the train rows, but perhaps for rounding, which becomes 0
            with the rest; None: not known to be.
    """

    shift: Array
    scale: Array
    still: Array | None = None

    @classmethod
    def neutral(cls, columns: int) -> "Scale":
        """Return the scale that changes nothing."""
        return cls(np.zeros(columns), np.ones(columns))

    @classmethod
    def from_moments(cls, moments: Moments, scaling: Scaling) -> "Scale":
        """Return the scaling of columns of which no more is known than how they are spread.

        Standard is mean and standard deviation of the population, minmax smallest value and range, robust median and
        interquartile range, as in scikit-learn's `StandardScaler`, `MinMaxScaler` and `RobustScaler`; what counts as
        constant is the same for all, see `constant`.

        Args:
            moments: of the columns; quartiles where the scaling needs them.
            scaling: what it is.

        Raises:
            UserError: a number is too large to compute with.
        """
        if scaling == "none":
            return cls.neutral(len(moments.mean))
        still = constant(moments.minimum, moments.maximum)
        if scaling == "standard":
            if not np.isfinite(moments.variance).all():
                number = 1 + int(np.isfinite(moments.variance).argmin())
                raise UserError(
                    f"column {number} of the {len(moments.variance)} to be scaled holds numbers whose square float64 "
                    "cannot hold; divide it by a power of ten"
                )
            shift, scale = moments.mean, np.sqrt(moments.variance)
        elif scaling == "minmax":
            shift, scale = moments.minimum, moments.maximum - moments.minimum
        else:
            assert moments.quartiles is not None
            low, shift, high = moments.quartiles
            scale = np.where(constant(low, high), 0.0, high - low)
        return cls(shift, np.where(still | (scale == 0), 1.0, scale), still)

    @cached_property
    def changes_nothing(self) -> bool:
        """Whether it is the neutral scale."""
        return self.still is None and not self.shift.any() and bool((self.scale == 1.0).all())

    def apply(self, x: Array, out: Array | None = None) -> Array:
        """Scale (rows, columns).

        Args:
            x: the rows.
            out: where the result goes, which may be `x` itself; None: a new array.
        """
        if out is None:
            out = np.empty(x.shape)
        elif out is x and self.changes_nothing:
            return x
        still = np.flatnonzero(self.still if self.still is not None else ())
        for rows in blocks(*x.shape):
            np.subtract(x[rows], self.shift, out=out[rows])
            for column in still:
                away = out[rows, column]
                away[np.abs(away) <= 2 * SAME * abs(self.shift[column])] = 0.0
            with np.errstate(over="ignore"):  # rows that do not train may hold anything; `refuse_beyond` looks at them
                np.divide(out[rows], self.scale, out=out[rows])
        return out

    def undo(self, x: Array) -> Array:
        """Return (rows, columns) to their original units."""
        return x * self.scale + self.shift


def spread(x: Array, weight: Array | None = None, *, quartiles: bool = False) -> Moments:
    """Return the moments of (rows, columns) without holes.

    Args:
        x: the rows.
        weight: (rows,), how many rows each one stands for; None: one.
        quartiles: whether these are needed, too.
    """
    if weight is not None and not weight.all():  # a row that stands for none has no say
        x, weight = x[weight > 0], weight[weight > 0]
    moments = moments_of(x, weight)[1]
    return replace(moments, quartiles=quantiles_of(x, (0.25, 0.5, 0.75), weight)) if quartiles else moments


def target_scaling(asked: TargetScaling, *, classes: bool) -> Scaling:
    """Say how a target is scaled; classes have no unit.

    Raises:
        UserError: a scaling is asked of classes.
    """
    if asked == "auto":
        return "none" if classes else "standard"
    if asked != "none" and classes:
        raise UserError(f"data.normalize_target={asked} needs a number, but the target has classes")
    return asked


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
