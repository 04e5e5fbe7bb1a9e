"""Data sets of openml.org, by name."""

import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pydantic import PositiveInt
from scipy.sparse import csr_array

from onelayer.data.frame import Column, Frame
from onelayer.data.sources.files import class_target
from onelayer.data.table import Array, Table
from onelayer.data.tables.names import Name
from onelayer.errors import UserError, did_you_mean

SITE = "https://www.openml.org"
PATIENCE = 5.0  # seconds without an answer


def openml(
    *, name: str | None, version: PositiveInt | None, target: Name | None, data_home: str | None, by: Name | None = None
) -> Table:
    """Fetch a set once, then read it from the folder that keeps it.

    What OpenML calls nominal is a category, or as the target a class; what it calls numeric is a number. Sets in its
    sparse format stay sparse. Columns that OpenML marks as row identifiers or to be ignored are left out.

    Args:
        name: as OpenML has it.
        version: of that name; None: the oldest that is active.
        target: the column to predict; None: the one that OpenML names.
        data_home: the folder; None: scikit-learn's, ~/scikit_learn_data.
        by: the column to split by.

    Raises:
        UserError: openml.org has no such set or cannot be reached, a column is not there, or it holds free text.
    """
    if name is None:
        raise UserError("data=openml needs data.name, the name of a set on openml.org, such as data.name=adult")
    bunch, notes = _fetch(name, version, data_home)
    columns = _Columns(bunch, name)
    target = columns.target if target is None else columns.named(target, "data.target")
    y, levels = columns.values(target)
    kept = ~np.isnan(y)
    if not kept.all():
        missing = int((~kept).sum())
        notes += (f"{missing} row{'s' * (missing > 1)} without a value of the target '{target}' left out",)
    classes = None
    if levels is not None:
        y, classes = class_target(np.array(levels)[y[kept].astype(int)], f"data=openml data.name={name}, '{target}'")
    else:
        y = y[kept]
    rows = np.flatnonzero(kept)
    groups = None if by is None else columns.groups(columns.named(by, "data.split.by"), rows)
    chosen = [column for column in columns.names if column not in (target, by)]
    features = columns.sparse(chosen, rows) if columns.is_sparse else columns.frame(chosen, rows)
    return Table(features, y, tuple(chosen), target, classes, by=groups, notes=notes)


class _Columns:
    """The columns of a set, with the target among them."""

    def __init__(self, bunch: Any, name: str) -> None:
        self.data, self.categories = bunch.data, bunch.categories or {}
        self.names: list[str] = list(bunch.feature_names)
        self.said = f"data=openml data.name={name}"
        self._target = bunch.details.get("default_target_attribute")
        self.is_sparse = not isinstance(self.data, np.ndarray)

    @property
    def target(self) -> str:
        """The column that OpenML wants to be predicted."""
        if self._target not in self.names:
            known = ", ".join(self.names[:20]) + (", ..." if len(self.names) > 20 else "")
            asks = f"asks for '{self._target}'" if self._target else "names none"
            raise UserError(f"{self.said}: set data.target, since OpenML {asks}; there are {known}")
        return str(self._target)

    def named(self, column: str, key: str) -> str:
        """Return the name of a column that is there."""
        if column not in self.names:
            raise UserError(f"{key}={column}: {self.said} has no such column{did_you_mean(column, self.names)}")
        return column

    def values(self, column: str) -> tuple[Array, list[str] | None]:
        """Return (rows,) float64, NaN where missing; of a nominal column the places in its levels, and these."""
        values = self.data[:, [self.names.index(column)]]
        dense = values if isinstance(values, np.ndarray) else values.toarray()
        return dense[:, 0], self.categories.get(column)

    def groups(self, column: str, rows: Array) -> Array:
        """Return (rows,) values to split by."""
        values, levels = self.values(column)
        values = values[rows]
        missing = int(np.isnan(values).sum())
        if missing:
            raise UserError(
                f"data.split.by={column}: it has no value in {missing} of the {len(rows)} rows; split by a column "
                "without holes"
            )
        return values if levels is None else np.array(levels)[values.astype(int)]

    def frame(self, chosen: list[str], rows: Array) -> Frame:
        """Return numbers and categories; levels are sorted, and those that do not occur are left out."""
        columns, numbers, codes = [], [], []
        for name in chosen:
            values, levels = self.values(name)
            values = values[rows]
            if levels is None:
                columns.append(Column(name))
                numbers.append(values)
                continue
            missing = np.isnan(values)
            found, code = np.unique(np.array(levels)[values[~missing].astype(int)], return_inverse=True)
            columns.append(Column(name, "category", tuple(str(level) for level in found)))
            codes.append(np.full(len(values), -1, np.int32))
            codes[-1][~missing] = code
        empty = np.empty((len(rows), 0))
        return Frame(
            tuple(columns),
            np.column_stack(numbers) if numbers else empty,
            np.column_stack(codes) if codes else empty.astype(np.int32),
        )

    def sparse(self, chosen: list[str], rows: Array) -> csr_array:
        """Return sparse numbers. A nominal column must be one in disguise: its levels 0, 1, ... in this order."""
        for name in chosen:
            levels = self.categories.get(name)
            if levels is not None and levels != [str(place) for place in range(len(levels))]:
                raise UserError(
                    f"{self.said} is sparse, but its column '{name}' holds the levels {', '.join(levels[:5])}, which "
                    "cannot be told from zeros there; use another version of the set"
                )
        x = csr_array(self.data[rows][:, [self.names.index(name) for name in chosen]])
        broken = np.flatnonzero(~np.isfinite(x.data))
        if len(broken):
            raise UserError(
                f"{self.said} is sparse, but its column '{chosen[x.indices[broken[0]]]}' has missing or infinite "
                "values, which cannot be filled in there; use another version of the set"
            )
        return x


def _fetch(name: str, version: int | None, data_home: str | None) -> tuple[Any, tuple[str, ...]]:
    """Return scikit-learn's bunch with all columns in its data, and what it warned of."""
    from urllib.error import URLError

    from sklearn.datasets import fetch_openml, get_data_home

    said = f"data=openml data.name={name}"
    try:
        with warnings.catch_warnings(record=True) as warned, _timeout(PATIENCE):
            warnings.simplefilter("always")
            bunch = fetch_openml(
                name,
                version=version or "active",
                data_home=data_home,
                target_column=None,  # the target too may have holes, which scikit-learn would refuse
                as_frame=False,
                parser="liac-arff",
                n_retries=1,
                delay=0.1,
            )
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(
            f"{said}: {SITE} cannot be reached ({reason}), and {get_data_home(data_home)} holds no copy; copy that "
            "folder from where the set was fetched, and set data.data_home to it"
        ) from None
    except OSError as error:
        raise UserError(f"{said}: {get_data_home(data_home)} cannot be used: {error}; set data.data_home") from None
    except ValueError as error:  # what OpenML answers, a checksum, columns of text
        text = str(error).rstrip(".")
        if text.startswith("STRING attributes"):
            text = f"it has columns of free text; save it from {SITE} as a file, and use data=table"
        raise UserError(f"{said}: {text}") from None
    first = (str(one.message).partition("\n")[0] for one in warned)
    return bunch, tuple(dict.fromkeys(line for line in first if "network error" not in line))


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """Let no connection wait for an answer longer than that; scikit-learn sets no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
