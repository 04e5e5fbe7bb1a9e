"""Made data whose true weights are known.

Features are normal with correlation ``rho ** |i - j|`` between columns i and j, as in skglm's `make_correlated_data`.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from onelayer.data.table import Array, Table
from onelayer.errors import UserError

Correlation = Annotated[float, Field(gt=-1, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
ClassCount = Annotated[int, Field(ge=3)]


def linear(
    *,
    n_samples: PositiveInt,
    n_features: PositiveInt,
    n_informative: PositiveInt | None,
    noise: NonNegativeFloat,
    rho: Correlation,
    seed: NonNegativeInt,
    weight: list[Finite] | None = None,
    bias: Finite | None = None,
) -> Table:
    """``y = x w + b + noise * normal``; w is standard normal on the informative features, zero on the others.

    Args:
        n_samples: rows.
        n_features: columns of x.
        n_informative: features with a weight other than zero; None: all.
        noise: standard deviation of what is added to y.
        rho: correlation of neighbouring features.
        seed: of all that is drawn.
        weight: w, (n_features,); None: drawn.
        bias: b; None: drawn.

    Raises:
        UserError: numbers of features that contradict each other.
    """
    rng = np.random.default_rng(seed)
    x = _features(rng, n_samples, n_features, rho)
    if weight is None:
        w, b = _truth(rng, 1, n_features, n_informative, scale=1.0)
    else:
        w, b = _given(weight, n_features, n_informative), rng.standard_normal(1)
    if bias is not None:
        b = np.array([bias])
    y = (x @ w.T + b)[:, 0] + noise * rng.standard_normal(n_samples)
    return Table(x, y, _columns(n_features), weight=w, bias=b)


def logistic(
    *,
    n_samples: PositiveInt,
    n_features: PositiveInt,
    n_informative: PositiveInt | None,
    noise: Share,
    rho: Correlation,
    seed: NonNegativeInt,
) -> Table:
    """Labels drawn with the model's own probabilities; a share `noise` of them is then drawn anew by a fair coin."""
    rng = np.random.default_rng(seed)
    x = _features(rng, n_samples, n_features, rho)
    weight, bias = _truth(rng, 1, n_features, n_informative, scale=2.0)
    logits = (x @ weight.T + bias)[:, 0]
    y = (rng.logistic(size=n_samples) < logits).astype(np.int64)
    y = np.where(rng.random(n_samples) < noise, rng.integers(0, 2, n_samples), y)
    return Table(x, y, _columns(n_features), classes=("0", "1"), weight=weight, bias=bias)


def softmax(
    *,
    n_samples: PositiveInt,
    n_features: PositiveInt,
    n_informative: PositiveInt | None,
    n_classes: ClassCount,
    noise: Share,
    rho: Correlation,
    seed: NonNegativeInt,
) -> Table:
    """Classes drawn with the model's own probabilities; a share `noise` of them is then drawn anew uniformly."""
    rng = np.random.default_rng(seed)
    x = _features(rng, n_samples, n_features, rho)
    weight, bias = _truth(rng, n_classes, n_features, n_informative, scale=2.0)
    # the largest of Gumbel-shifted logits is a draw from the softmax (Gumbel, 1954)
    y = (x @ weight.T + bias + rng.gumbel(size=(n_samples, n_classes))).argmax(axis=1)
    y = np.where(rng.random(n_samples) < noise, rng.integers(0, n_classes, n_samples), y)
    names = tuple(str(k) for k in range(n_classes))
    return Table(x, y, _columns(n_features), classes=names, weight=weight, bias=bias)


def _features(rng: np.random.Generator, rows: int, n_features: int, rho: float) -> Array:
    x = rng.standard_normal((rows, n_features))
    for j in range(1, n_features):  # a stationary AR(1) process across the columns
        x[:, j] = rho * x[:, j - 1] + np.sqrt(1 - rho**2) * x[:, j]
    return x


def _given(weight: Sequence[float], n_features: int, n_informative: int | None) -> Array:
    if n_informative is not None:
        raise UserError(f"data.n_informative={n_informative} has no effect beside data.weight, which says all; drop it")
    if len(weight) != n_features:
        raise UserError(f"data.weight has {len(weight)} numbers, but data.n_features={n_features}; set them alike")
    return np.array([weight], dtype=np.float64)


def _truth(
    rng: np.random.Generator, n_outputs: int, n_features: int, n_informative: int | None, scale: float
) -> tuple[Array, Array]:
    informative = n_features if n_informative is None else n_informative
    if informative > n_features:
        raise UserError(f"data.n_informative={informative} is more than data.n_features={n_features}")
    weight = np.zeros((n_outputs, n_features))
    chosen = rng.choice(n_features, informative, replace=False)
    # for classes: logits of standard deviation `scale`, whatever the number of features
    spread = 1.0 if scale == 1.0 else scale / np.sqrt(informative)
    weight[:, chosen] = spread * rng.standard_normal((n_outputs, informative))
    return weight, rng.standard_normal(n_outputs)


def _columns(n_features: int) -> tuple[str, ...]:
    return tuple(f"x{j}" for j in range(n_features))
