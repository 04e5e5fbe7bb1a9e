"""Rows of Python: arrays, sparse matrices, and frames whose target stands beside them."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from onelayer.data.checked import call
from onelayer.data.sources.files import refuse_infinite, target_of
from onelayer.data.sources.table import table_of
from onelayer.data.table import Array, Table, Task
from onelayer.errors import UserError


def arrays(
    X: Any, y: Any, *, sample_weight: Any = None, by: Any = None, task: Task | None = None, **options: Any
) -> Table:
    """Take rows as they are given.

    Texts and two numbers in y are classes, other numbers a regression, as of a table. NaN in a dense X is missing.

    Args:
        X: (rows, n_features) numbers, dense or sparse, or a frame.
        y: (rows,), the target.
        sample_weight: (rows,), how many rows each one stands for, or a column of a frame; None: one. Rows of weight 0
            are left out.
        by: (rows,), the values to split by, or a column of a frame.
        task: what the target is read as; None: as it looks.
        **options: what is said of the columns of a frame, as `table_of` takes it.

    Raises:
        UserError: they do not fit each other, or hold what no model can use.
    """
    if y is None:
        raise UserError("X needs y, the target of each row")
    if is_frame(X):
        beside = {"sample_weight": sample_weight, "by": by}
        X, name = _with_column(X, "y", y)
        for key, values in beside.items():
            if values is not None and not isinstance(values, str):
                X, beside[key] = _with_column(X, key, values)
        table: Table = call(table_of, "table", frame=X, target=name, task=task, **beside, **options)
        return table
    x = _sparse(X) if issparse(X) else _dense(X)
    columns = tuple(f"x{place}" for place in range(x.shape[1]))
    labels = _column(y, x.shape[0], "y")
    weight = None if sample_weight is None else _weights(_column(sample_weight, x.shape[0], "sample_weight"))
    groups = None if by is None else _column(by, x.shape[0], "split_by")
    if weight is not None and not weight.all():  # a row that stands for none is not there
        counted = np.flatnonzero(weight)
        x, labels, weight = x[counted], labels[counted], weight[counted]
        groups = None if groups is None else groups[counted]
    target, classes = target_of(labels, task, "y")
    return Table(x, target, columns, "y", classes, sample_weight=weight, by=groups)


def is_frame(X: Any) -> bool:
    """Whether rows are a pandas or polars frame or an Arrow table."""
    return hasattr(X, "columns")


def _dense(X: Any) -> Array:
    try:
        x = np.asarray(X, np.float64)
    except (TypeError, ValueError):
        raise UserError("X holds what is no number; give columns of text as a frame: table=frame, target=...") from None
    if x.ndim != 2 or not x.size:
        raise UserError(f"X has the shape {x.shape}; it must be (rows, n_features), with one of each at least")
    refuse_infinite(np.where(np.isnan(x), 0.0, x), "X", tuple(f"x{place}" for place in range(x.shape[1])))
    return x


def _sparse(X: Any) -> csr_array:
    x = csr_array(X, dtype=np.float64)
    if not x.has_canonical_format:
        x = x.copy()  # what the user gave is left as it is
        x.sum_duplicates()
    refuse_infinite(x.data[:, None], "X", ("its non-zeros",))
    return x


def _column(values: Any, rows: int, name: str) -> Array:
    column = np.asarray(values)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.shape != (rows,):
        raise UserError(f"{name} has the shape {column.shape}, but X has {rows} rows; there must be one value for each")
    if column.dtype == object:
        missing = sum(value is None or value != value for value in column.tolist())
        if missing:
            raise UserError(f"{name} has no value in {missing} of {rows} rows; leave them out")
        column = column.astype(np.str_ if any(isinstance(value, str) for value in column) else np.float64)
    return column


def _weights(values: Array) -> Array:
    weight: Array = values.astype(np.float64)
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise UserError("sample_weight must be finite numbers from 0 on, not all 0")
    return weight


def _with_column(frame: Any, name: str, values: Any) -> tuple[Any, str]:
    """Return a pandas or polars frame or an Arrow table with a column more, and what it is called there."""
    taken = {str(column).casefold() for column in getattr(frame, "column_names", frame.columns)}
    while name.casefold() in taken:
        name += "_"
    rows = np.shape(values)[0] if np.ndim(values) else 0
    if rows != len(frame):
        raise UserError(f"{name} has {rows} values, but X has {len(frame)} rows; there must be one for each")
    if hasattr(frame, "assign"):  # pandas, whose columns go by their index
        return frame.assign(**{name: getattr(values, "array", values)}), name
    if hasattr(frame, "append_column"):
        return frame.append_column(name, [values]), name
    return frame.with_columns(type(frame)({name: values})[name]), name
