"""Sets and a generator that come with scikit-learn; imported inside, since scikit-learn takes a second to load."""

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PositiveInt

from onelayer.data.sources.files import Classes, keep_classes
from onelayer.data.table import Table
from onelayer.errors import UserError


def diabetes() -> Table:
    """442 patients, 10 measurements, progression after a year (Efron et al., 2004)."""
    from sklearn.datasets import load_diabetes

    # unscaled: the copy that scikit-learn scales was scaled on all rows, test rows included
    return _table(load_diabetes(scaled=False), classes=None, target_name="progression")


def breast_cancer() -> Table:
    """569 tumours, 30 measurements, malignant or benign (Wolberg et al., 1995)."""
    from sklearn.datasets import load_breast_cancer

    return _classes(load_breast_cancer(), "diagnosis")


def iris() -> Table:
    """150 flowers, 4 measurements, 3 species (Fisher, 1936)."""
    from sklearn.datasets import load_iris

    return _classes(load_iris(), "species")


def wine() -> Table:
    """178 wines, 13 measurements, 3 cultivars (Forina et al., 1991)."""
    from sklearn.datasets import load_wine

    return _classes(load_wine(), "cultivar")


def digits(*, classes: Classes = None) -> Table:
    """1797 handwritten digits of 8 x 8 pixels.

    Args:
        classes: the digits to keep; None: all.

    Raises:
        UserError: there are no such classes.
    """
    from sklearn.datasets import load_digits

    table = _classes(load_digits(), "digit")
    if classes is None:
        return table
    assert table.classes is not None
    assert isinstance(table.features, np.ndarray)
    rows, target, kept = keep_classes(table.target, table.classes, classes)
    return replace(table, features=table.features[rows], target=target, classes=kept)


def make_regression(
    *,
    n_samples: PositiveInt,
    n_features: PositiveInt,
    n_informative: PositiveInt,
    effective_rank: PositiveInt | None,
    bias: Annotated[float, Field(allow_inf_nan=False)],
    noise: Annotated[float, Field(ge=0, allow_inf_nan=False)],
    random_state: Annotated[int, Field(ge=0, lt=2**32)],
) -> Table:
    """``y = x w + bias + noise * normal``; w is uniform from 0 to 100 on the informative features, zero on the others.

    The rows are those of `sklearn.datasets.make_regression` with these arguments; w is known.

    Raises:
        UserError: there are more informative features than features.
    """
    from sklearn.datasets import make_regression as make

    if n_informative > n_features:
        raise UserError(f"data.n_informative={n_informative} is more than data.n_features={n_features}")
    features, target, weight = make(
        n_samples,
        n_features,
        n_informative=n_informative,
        effective_rank=effective_rank,
        bias=bias,
        noise=noise,
        coef=True,
        random_state=random_state,
    )
    columns = tuple(f"x{place}" for place in range(n_features))
    # of one feature scikit-learn returns its weight without a dimension
    return Table(features, target, columns, weight=np.reshape(weight, (1, -1)), bias=np.array([bias]))


def _classes(bunch: Any, target_name: str) -> Table:
    return _table(bunch, tuple(str(name) for name in bunch.target_names), target_name)


def _table(bunch: Any, classes: tuple[str, ...] | None, target_name: str) -> Table:
    return Table(
        features=np.asarray(bunch.data, dtype=np.float64),
        target=np.asarray(bunch.target, dtype=np.float64 if classes is None else np.int64),
        columns=tuple(str(name) for name in bunch.feature_names),
        target_name=target_name,
        classes=classes,
    )
