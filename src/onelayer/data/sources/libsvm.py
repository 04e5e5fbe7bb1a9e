"""The sparse text format of LIBSVM and SVMlight: a label a line, then ``index:value`` for what is not zero."""

import bz2
import gzip
import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from pydantic import PositiveInt
from scipy.sparse import csr_array

from onelayer.data.sources.files import class_target, existing_path
from onelayer.data.table import Array, Table
from onelayer.errors import UserError

OPENERS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
MANY_CLASSES = 100  # more whole numbers than these are a quantity


def libsvm(*, path: str | None, n_features: PositiveInt | None, zero_based: bool | Literal["auto"]) -> Table:
    """Read a file, also compressed as .gz or .bz2, to sparse rows.

    Two different labels are classes, and so are a few whole numbers; other labels are a number to predict.

    Args:
        path: the file.
        n_features: where others than those that occur belong to the model; None: as many as occur.
        zero_based: whether the first feature has the index 0; auto: it does where an index 0 occurs.

    Raises:
        UserError: a line that is not of this format, values that are not finite, or too few `n_features`.
    """
    file = existing_path(path, "libsvm", "the file to read, such as data.path=mushrooms")
    features, labels, lines = _read(file)
    if not features.shape[0]:
        raise UserError(f"{file} has no rows")
    if not features.nnz:
        raise UserError(f"{file} has labels but no features, written as index:value")
    first = int(features.indices.min() > 0) if zero_based == "auto" else int(not zero_based)
    _refuse_values(file, features, labels, first, lines)
    width = features.shape[1] - first
    if n_features is not None and n_features < width:
        raise UserError(f"data.n_features={n_features}: {file} has features up to index {width - 1 + first}; raise it")
    width = n_features or width
    index = features.indices - first
    if max(width, features.nnz) < 2**31:  # half the memory
        index, pointers = index.astype(np.int32), features.indptr.astype(np.int32)
    else:
        pointers = features.indptr
    x = csr_array((features.data, index, pointers), shape=(features.shape[0], width))
    target, classes, note = _target(labels, file)
    columns = tuple(f"x{j}" for j in range(first, first + width))
    return Table(x, target, columns, target_name="label", classes=classes, notes=(note,) if note else ())


def _target(labels: Array, file: Path) -> tuple[Array, tuple[str, ...] | None, str | None]:
    distinct = np.unique(labels)
    few = len(distinct) <= min(MANY_CLASSES, len(labels) // 2) and bool((distinct == np.round(distinct)).all())
    if len(distinct) > 2 and not few:
        return labels, None, None
    target, classes = class_target(labels, str(file))
    if len(classes) == 2:
        return target, classes, None
    return target, classes, f"the {len(classes)} whole numbers that are labels are read as classes"


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


def _read(path: Path) -> "tuple[Any, Array, array[int]]":
    """Return sparse rows with the indices of the file, the labels, and the line of each row."""
    from sklearn.datasets import load_svmlight_file

    with OPENERS.get(path.suffix, open)(path, "rb") as file:
        lines = _Lines(file, path)
        try:
            features, labels = load_svmlight_file(lines, zero_based=True)
        except (ValueError, OverflowError) as error:
            raise lines.error(f"{_reason(error)}; it should look like '1 3:0.5 7:2', a label and index:value") from None
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{path} cannot be read after line {lines.number}: {error}") from None
    return features, labels, lines.of_rows


def _reason(error: Exception) -> str:
    said = str(error).rstrip(".")
    if "unpack" in said:
        return "an entry has no ':'"
    if "too large" in said:
        return "an index is beyond 2147483647"
    return (
        said.replace(" in SVMlight/LibSVM data file", "").replace(" SVMlight/LibSVM data file", "").replace("b'", "'")
    )


def _refuse_values(path: Path, features: Any, labels: Array, first: int, lines: "array[int]") -> None:
    if first and features.indices.min() == 0:
        row = int(np.searchsorted(features.indptr, int(features.indices.argmin()), side="right")) - 1
        raise UserError(f"{path}: line {lines[row]}: there is an index 0; set data.zero_based=true")
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
