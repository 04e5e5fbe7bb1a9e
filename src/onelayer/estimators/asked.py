"""What is asked of a sweep: the model, the combinations of its parameters, and what judges them."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from onelayer.data.table import Array, Table
from onelayer.errors import did_you_mean
from onelayer.estimators.base import OneLayerEstimator
from onelayer.estimators.classifier import OneLayerClassifier
from onelayer.estimators.regressor import OneLayerRegressor
from onelayer.estimators.settings import InputError
from onelayer.links import BY_TASK
from onelayer.model.metrics import METRICS
from onelayer.model.monitor import refuse_undefined

MODELS: Mapping[str, type[OneLayerEstimator]] = {
    "linear": OneLayerRegressor,
    "logistic": OneLayerClassifier,
    "softmax": OneLayerClassifier,
}
# parameters of an estimator that a sweep has in its own way
NOT_SWEPT = ("reference", "verbose")


def estimator_of(model: str, y: Any, parameters: Mapping[str, Any]) -> OneLayerEstimator:
    """Return the estimator that is swept, with what all its runs share.

    Raises:
        InputError: no such model or parameter, or a target that may be either.
    """
    if model != "auto" and model not in MODELS:
        raise InputError(f"model={model!r}: expected auto, linear, logistic or softmax")
    cls = _guessed(np.asarray(y)) if model == "auto" else MODELS[model]
    known = cls().get_params()
    for name in parameters:
        if name not in known or name in NOT_SWEPT:
            raise InputError(f"{name}: {cls.__name__} has no such parameter{did_you_mean(name, known)}")
    return cls(**parameters)


def _guessed(y: Array) -> type[OneLayerEstimator]:
    """Take a target as the rest of onelayer does, but for whole numbers, which may be either."""
    distinct = np.unique(y[:, 0] if y.ndim == 2 else y)
    if y.dtype.kind not in "iuf" or len(distinct) <= 2:
        return OneLayerClassifier
    if y.dtype.kind in "iu":
        raise InputError(
            f"y holds {len(distinct)} different whole numbers, which may be classes or a quantity; say model='softmax' "
            "or model='linear'"
        )
    return OneLayerRegressor


def check_model(model: str, table: Table) -> None:
    """Check that the target is one for the model.

    Raises:
        InputError: with the model that fits.
    """
    fits = next(iter(BY_TASK[table.task].values())).kind
    if model not in ("auto", fits):
        raise InputError(f"model={model!r}: y has {len(table.classes or ())} classes; use model={fits!r}")


def check_judge(monitor: str, table: Table) -> None:
    """Check that runs are judged by something that is measured on rows that did not train.

    Raises:
        InputError: with what there is.
    """
    known = [f"val/{name}" for name in METRICS[table.task]]
    if monitor not in known:
        raise InputError(
            f"monitor={monitor!r}: runs are judged on rows that did not train"
            f"{did_you_mean(monitor, known) or '; there are ' + ', '.join(known)}"
        )


def check_defined(monitor: str, table: Table, parts: Iterable[Array], what: str) -> None:
    """Check that what judges has a value on each part of the rows that judges.

    Raises:
        UserError: with the reason, and what to do.
    """
    from torch import from_numpy

    few = "val" if what == "validation" else "folds"
    instead = "val/mse" if monitor == "val/r2" else "val/log_loss"
    for rows in parts:
        target = [(from_numpy(table.target[rows]), None)]
        refuse_undefined(monitor, target, table.classes, what, f"change {few}, or judge by {instead!r}")


def combinations_of(grid: Any, estimator: OneLayerEstimator, shared: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the combinations of each grid, the last key changing fastest."""
    known = estimator.get_params()
    grids = [grid] if isinstance(grid, Mapping) else list(grid)
    if not grids:
        raise InputError("grid is empty; give values, as in grid={'l2': [0.01, 0.1]}")
    for one in grids:
        if not isinstance(one, Mapping):
            raise InputError(f"grid: expected a dict such as {{'l2': [0.01, 0.1]}}, or a list of them, not {one!r}")
        for name, values in one.items():
            if name not in known or name in NOT_SWEPT:
                raise InputError(f"grid: {type(estimator).__name__} has no '{name}'{did_you_mean(str(name), known)}")
            if name in shared:
                raise InputError(f"{name} stands in the grid and beside it; leave one of them out")
            if isinstance(values, str | Mapping) or not hasattr(values, "__len__") or not len(values):
                raise InputError(f"grid: {name}={values!r} is no list of values; give [{values!r}]")
        for values in product(*one.values()):
            plain = (value.item() if isinstance(value, np.generic) else value for value in values)
            yield dict(zip(one, plain, strict=True))
