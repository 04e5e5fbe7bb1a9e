"""The data sets that come with scikit-learn; imported inside, since scikit-learn takes a second to load."""

from typing import Any

import numpy as np

from onelayer.data.table import Table


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


def digits() -> Table:
    """1797 handwritten digits of 8 x 8 pixels."""
    from sklearn.datasets import load_digits

    return _classes(load_digits(), "digit")


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
