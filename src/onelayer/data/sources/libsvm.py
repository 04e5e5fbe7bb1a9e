"""The sparse text format of LIBSVM and SVMlight: a label a line, then ``index:value`` for what is not zero."""

import bz2
import gzip
import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from pydantic import PositiveInt
from scipy.sparse import csr_array, vstack

from onelayer.data.sources.files import class_target, existing_path
from onelayer.data.table import PARTS, Array, Table
from onelayer.data.tables.origin import Origin
from onelayer.errors import UserError

OPENERS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
MANY_CLASSES = 100  # more whole numbers than these are a quantity


class Sparse(NamedTuple):
    """Rows of a file, with the indices that the file has.

    Attributes:
        file: which.
        features: (rows, the largest index + 1).
        labels: (rows,) float64.
        lines: (rows,), where each row stands.
    """

    file: Path
    features: Any
    labels: Array
    lines: "array[int]"


def libsvm(
    *,
    path: str | None,
    n_features: PositiveInt | None,
    zero_based: bool | Literal["auto"],
    val_path: str | None = None,
    test_path: str | None = None,
) -> Table:
    """Read files, also compressed as .gz or .bz2, to sparse rows.

    Two different labels are classes, and so are a few whole numbers; other labels are a number to predict. What labels
    are, where indices begin and how many features there are, the train rows decide.

    Args:
        path: the file.
        n_features: where others than those that occur belong to the model; None: as many as occur.
        zero_based: whether the first feature has the index 0; auto: it does where an index 0 occurs.
        val_path: a file of the validation rows.
        test_path: a file of the test rows.

    Raises:
        UserError: a line that is not of this format, values that are not finite, or too few `n_features`.
    """
    train = read_sparse(existing_path(path, "libsvm", "the file to read, such as data.path=mushrooms"))
    if not train.features.nnz:
        raise UserError(f"{train.file} has labels but no features, written as index:value")
    first = int(train.features.indices.min() > 0) if zero_based == "auto" else int(not zero_based)
    width = train.features.shape[1] - first
    if n_features is not None and n_features < width:
        raise UserError(
            f"data.n_features={n_features}: {train.file} has features up to index {width - 1 + first}; raise it"
        )
    width = n_features or width
    read = {"train": train}
    for part, other in (("val", val_path), ("test", test_path)):
        if other is not None:
            read[part] = read_sparse(existing_path(other, "libsvm", f"a file of {part} rows", key=f"{part}_path"))
    xs = []
    for rows in read.values():
        if rows.features.shape[1] > width + first:
            raise UserError(
                f"{rows.file} has features up to index {rows.features.shape[1] - 1}, but {train.file} up to "
                f"{width - 1 + first}; set data.n_features={rows.features.shape[1] - first}"
            )
        xs.append(placed(rows, first, width, "set data.zero_based=true"))
    target, classes, notes = _target([rows.labels for rows in read.values()], train.file)
    columns = tuple(f"x{j}" for j in range(first, first + width))
    sizes = [len(rows.labels) for rows in read.values()]
    parts = np.repeat([PARTS.index(name) for name in read], sizes) if len(read) > 1 else None
    x = xs[0] if len(xs) == 1 else csr_array(vstack(xs, format="csr"))
    return Table(
        x, target, columns, target_name="label", classes=classes, part=parts, origin=Origin(typed=True), notes=notes
    )


def placed(rows: Sparse, first: int, width: int, remedy: str) -> csr_array:
    """Return features (rows, width) whose indices were counted from `first`.

    Args:
        rows: as they were read.
        first: 0 or 1.
        width: not less than there are.
        remedy: what to do where an index is below `first`.

    Raises:
        UserError: there is such an index, or a value is not finite.
    """
    features = rows.features
    _refuse_values(rows, first, remedy)
    index = features.indices - first
    if max(width, features.nnz) < 2**31:  # half the memory
        index, pointers = index.astype(np.int32), features.indptr.astype(np.int32)
    else:
        pointers = features.indptr
    return csr_array((features.data, index, pointers), shape=(features.shape[0], width))


def _target(labels: Sequence[Array], file: Path) -> tuple[Array, tuple[str, ...] | None, tuple[str, ...]]:
    """Return the target of the rows of all parts, the first of which decides what it is."""
    train, whole = labels[0], np.concatenate(labels)
    distinct = np.unique(train)
    few = len(distinct) <= min(MANY_CLASSES, len(train) // 2) and bool((distinct == np.round(distinct)).all())
    if len(distinct) > 2 and not few:
        return whole, None, ()
    class_target(train, str(file))
    target, classes = class_target(whole, str(file))
    if len(distinct) == 2:
        return target, classes, ()
    return target, classes, (f"the {len(distinct)} whole numbers that are labels are read as classes",)


class _Lines:
    """A file whose lines are counted while they are read, so that an error can name one."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self.file, self.path, self.number, self.of_rows = file, path, 0, array("q")

    def read(self, size: int = -1) -> bytes:
        """scikit-learn takes what can be read for a file."""
        return self.file.read(size)

    def __iter__(self) -> Iterator[bytes]:
        for line in self.file:
            self.number += 1
            words = line.split(b"#", 1)[0].split(None, 2)
            if not words:
                continue
            if b"," in words[0] and b":" not in words[0]:
                raise self.error(f"the labels {_text(words[0])} are several; a row must have one")
            if b":" in words[0]:
                raise self.error(f"it begins with {_text(words[0])} instead of a label")
            if len(words) > 1 and words[1].startswith(b"qid"):
                raise self.error(
                    f"{_text(words[1])}: queries of a ranking are not supported; take them out of the file"
                )
            self.of_rows.append(self.number)
            yield line

    def error(self, reason: str) -> UserError:
        return UserError(f"{self.path}: line {self.number}: {reason}")


def read_sparse(path: Path) -> Sparse:
    """Read a file.

    Raises:
        UserError: a line that is not of this format, or no rows.
    """
    from sklearn.datasets import load_svmlight_file

    with OPENERS.get(path.suffix, open)(path, "rb") as file:
        lines = _Lines(file, path)
        try:
            features, labels = load_svmlight_file(lines, zero_based=True)
        except (ValueError, OverflowError) as error:
            raise lines.error(f"{_reason(error)}; it should look like '1 3:0.5 7:2', a label and index:value") from None
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{path} cannot be read after line {lines.number}: {error}") from None
    if not features.shape[0]:
        raise UserError(f"{path} has no rows")
    return Sparse(path, features, labels, lines.of_rows)


def _reason(error: Exception) -> str:
    said = str(error).rstrip(".")
    if "unpack" in said:
        return "an entry has no ':'"
    if "too large" in said:
        return "an index is beyond 2147483647"
    return (
        said.replace(" in SVMlight/LibSVM data file", "").replace(" SVMlight/LibSVM data file", "").replace("b'", "'")
    )


def _refuse_values(rows: Sparse, first: int, remedy: str) -> None:
    path, features, labels, lines = rows
    if first and features.nnz and features.indices.min() == 0:
        row = int(np.searchsorted(features.indptr, int(features.indices.argmin()), side="right")) - 1
        raise UserError(f"{path}: line {lines[row]}: there is an index 0; {remedy}")
    broken = np.flatnonzero(~np.isfinite(labels))
    if len(broken):
        raise UserError(f"{path}: line {lines[broken[0]]}: the label is {labels[broken[0]]}; take the line out")
    broken = np.flatnonzero(~np.isfinite(features.data))
    if len(broken):
        row = int(np.searchsorted(features.indptr, broken[0], side="right")) - 1
        raise UserError(
            f"{path}: line {lines[row]}: the value of index {features.indices[broken[0]]} is "
            f"{features.data[broken[0]]}; only finite numbers can be used, take it out or mend it"
        )


def _text(word: bytes) -> str:
    return repr(word[:40].decode("utf-8", "replace"))
