"""Files of numbers without columns as rows of a model: arrays, and the sparse format of LIBSVM."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from onelayer.data.encode import Encoder
from onelayer.data.encode.design import Levels
from onelayer.data.frame import Frame
from onelayer.data.sources.array_names import part_of
from onelayer.data.sources.arrays import READERS, Arrays, array_named, kind_of, listed, read_arrays
from onelayer.data.sources.embeddings import flat, labels_of, one_a_row
from onelayer.data.sources.files import class_name
from onelayer.data.sources.libsvm import placed, read_sparse
from onelayer.data.table import PARTS
from onelayer.data.tables import sql
from onelayer.data.tables.files import FORMS, beside
from onelayer.data.tables.rows import Rows
from onelayer.deliver.model import Model
from onelayer.deliver.opening import Named
from onelayer.deliver.values import frame_of_array
from onelayer.errors import UserError

Array = NDArray[Any]
# files with columns, whatever the model was trained on; also packed
TABLES = FORMS.keys() - {".txt"}
CELLS = 2**22  # of sparse rows that are made dense at a time


@dataclass(frozen=True)
class Matrix:
    """Rows of a model.

    Attributes:
        source: where they are from, which begins a sentence.
        x: (rows, columns of the model), in the order of training.
        labels: reads what the rows were labelled as, (rows,), with its name.
        encoder: of the model.
        missing: texts that mean a missing value to it.
    """

    source: str
    x: Array | csr_array
    labels: Callable[[], tuple[Array, str]]
    encoder: Encoder
    missing: Sequence[str]

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def refuse_columns(self, option: str, names: Sequence[str]) -> None:
        """Refuse the columns that an option names.

        Raises:
            UserError: there are some.
        """
        for name in names:
            raise UserError(f"{option} {name}: {self.source} has no columns by names; leave it out")

    def rows(self) -> Rows:
        """Return a table of as many rows, to which predictions can be joined."""
        connection = sql.connect()
        connection.execute(f"CREATE TABLE rows AS SELECT range AS number FROM range({len(self)})")
        return Rows(connection, self.source, len(self))

    def some(self, rows: NDArray[np.int64] | slice) -> Frame:
        """Return some of the rows."""
        x = self.x[rows]
        return frame_of_array(x.toarray() if isinstance(x, csr_array) else x, self.encoder, self.missing)

    def frames(self) -> Iterator[Frame]:
        """Yield the rows in their order."""
        size = len(self) if isinstance(self.x, np.ndarray) else max(1, CELLS // max(1, self.x.shape[1]))
        for start in range(0, len(self), max(1, size)):
            yield self.some(slice(start, start + size))

    def answers(self, model: Model) -> NDArray[np.float64]:
        """Return the labels as numbers, NaN where missing, or as the places of their classes, (rows,).

        Raises:
            UserError: there are none, or they are no numbers or classes that the model knows.
        """
        y, name = self.labels()
        if model.classes is None:
            if y.dtype.kind not in "fiub":
                raise UserError(f"{self.source}: the labels '{name}' are {kind_of(y)}; they were numbers in training")
            return y.astype(np.float64)
        values, place = np.unique(y, return_inverse=True)
        names = [class_name(value) for value in values]
        for one in names:
            if one not in model.classes:
                raise UserError(
                    f"{self.source}: the labels '{name}' hold {one!r}, which is none of the classes that the model "
                    f"knows ({', '.join(model.classes[:8])})"
                )
        return np.array([model.classes.index(one) for one in names], np.float64)[place]


def matrix_of(model: Model, table: Named) -> Matrix | None:
    """Open a file of arrays, or one of LIBSVM's format for a model that was trained on such; None for another file.

    Args:
        model: whose rows they are.
        table: the file; of arrays, also `features` and `labels`, those to take where their names do not tell.

    Raises:
        UserError: it cannot be read, or its rows are not as wide as those of training.
    """
    if table.path is None:
        return None
    file, encoder = Path(table.path).expanduser(), model.artefact.encoder
    if file.suffix in READERS:
        _refuse_keys(table, ("features", "labels"), "arrays")
        return _of_arrays(_existing(file), model, table.how.get("features"), table.how.get("labels"))
    first = first_index(encoder)
    if first is None or not file.is_file() or any(suffix in TABLES for suffix in file.suffixes[-2:]):
        return None
    _refuse_keys(table, (), "sparse rows")
    rows, width = read_sparse(file), len(encoder.designs)
    if rows.features.shape[1] > first + width:
        raise UserError(
            f"{file} has features up to index {rows.features.shape[1] - 1}, but the model knows {first} to "
            f"{first + width - 1}"
        )
    x = placed(rows, first, width, "the model counts from 1; write its indices so")
    return Matrix(str(file), x, lambda: (rows.labels, "label"), encoder, model.artefact.header["missing"])


def first_index(encoder: Encoder) -> int | None:
    """Return the first index of the sparse rows that a model was trained on; None where these were others."""
    names = [design.name for design in encoder.designs]
    if any(isinstance(design, Levels) or design.fill is not None for design in encoder.designs):
        return None
    if not names or not re.fullmatch("x[01]", names[0]):
        return None
    first = int(names[0][1:])
    return first if names == [f"x{place}" for place in range(first, first + len(names))] else None


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise UserError(f"{file}: there is no such file{beside(file)}")
    return file


def _refuse_keys(table: Named, known: Sequence[str], what: str) -> None:
    for key, value in table.how.items():
        if key not in known:
            raise UserError(f"{key}={value}: {table.path} is a file of {what}, which has no such key; leave it out")


def _of_arrays(file: Path, model: Model, features: str | None, labels: str | None) -> Matrix:
    arrays, encoder, target = read_arrays(file), model.artefact.encoder, model.target
    name = _features(file, arrays, model, features)
    x = flat(arrays[name])
    if x.shape[1] != len(encoder.designs):
        raise UserError(
            f"{file}: '{name}' has {x.shape[1]} features, but the model was trained on {len(encoder.designs)}"
        )

    def labelled() -> tuple[Array, str]:
        part = (part_of(name) or (name, PARTS[0]))[1]
        parts = {one: part_of(one) for one in arrays}
        wanted = labels or next((one for one, its in parts.items() if one == target or its == (target, part)), None)
        _, from_file, family = labels_of(file, arrays, wanted, {name}, part)
        y_name = family.names[part]
        return one_a_row(from_file[y_name], f"{file}: '{y_name}'", len(x)), y_name

    return Matrix(str(file), x, labelled, encoder, model.artefact.header["missing"])


def _features(file: Path, arrays: Arrays, model: Model, asked: str | None) -> str:
    """Return the name of the array of rows: as it is asked for, as in training, or as the only one that may be."""
    if asked is not None and array_named(file, arrays, asked, "features").ndim > 1:
        return asked
    matrices = [name for name, array in arrays.items() if array.ndim > 1 and array.dtype.kind in "fiub"]
    trained, width = model.artefact.origin.features, len(model.artefact.encoder.designs)
    alike = [name for name in matrices if trained in (name, (part_of(name) or (name,))[0])]
    as_wide = [name for name in matrices if flat(arrays[name]).shape[1] == width]
    offered = next((names for names in (alike, as_wide, matrices) if names), [])
    if asked is not None or len(offered) != 1:
        raise UserError(f"{file}: name the array of features, as in features=NAME; it holds {listed(arrays)}")
    return offered[0]
