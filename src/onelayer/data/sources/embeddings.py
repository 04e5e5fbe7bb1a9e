"""Arrays that another program wrote: features, such as embeddings, with their labels."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onelayer.data.sources.files import class_target, existing_path, refuse_infinite
from onelayer.data.table import Array, Table
from onelayer.errors import UserError, did_you_mean

FEATURES = ("features", "embeddings", "X", "x")
LABELS = ("labels", "targets", "label", "target", "Y", "y")
Arrays = dict[str, Array]


def embeddings(*, path: str | None, features: str | None, labels: str | None, by: str | None = None) -> Table:
    """Read arrays of equal length from .npy, .npz, .safetensors or .pt, without running any code of the file.

    Labels of text, whole numbers or truth values are classes; other numbers are to be predicted.

    Args:
        path: the file.
        features: the array (rows, n_features); None: the one with a usual name, or the only one of floats.
        labels: the array (rows,), or a second file that holds it; None: the one with a usual name, or the only one.
        by: the array (rows,) to split by.

    Raises:
        UserError: what is what is not clear, numbers of rows differ, or a value is not finite.
    """
    file = existing_path(path, "embeddings", "a file of arrays: .npy, .npz, .safetensors or .pt")
    arrays = _arrays(file)
    x_name = _features(file, arrays, features)
    n_rows = len(arrays[x_name])
    from_file, y_name = _labels(file, arrays, labels, x_name, by)
    y = _one_a_row(from_file[y_name], f"data.labels: '{y_name}'", n_rows)
    groups = None
    if by is not None:
        groups = _one_a_row(_named(file, arrays, by, "split.by"), f"data.split.by: '{by}'", n_rows)
        if groups.dtype.kind == "f":
            refuse_infinite(groups[:, None], f"{file}, data.split.by", (by,))
    x = np.ascontiguousarray(arrays[x_name], dtype=np.float64)
    columns = tuple(f"x{j}" for j in range(x.shape[1]))
    refuse_infinite(x, f"{file}, '{x_name}'", columns)
    classes = None
    if y.dtype.kind == "f":
        refuse_infinite(y[:, None].astype(np.float64), f"{file}, labels", (y_name,))
        y = y.astype(np.float64)
    else:
        y, classes = class_target(y, f"{file}, '{y_name}'")
    kind = "numbers" if classes is None else f"{len(classes)} classes"
    note = f"features are '{x_name}' ({_kind(arrays[x_name])}), labels are '{y_name}', {kind}"
    return Table(x, y, columns, y_name, classes, by=groups, notes=(note,))


def _features(file: Path, arrays: Arrays, name: str | None) -> str:
    if name is not None:
        if _named(file, arrays, name, "features").ndim != 2 or arrays[name].dtype.kind not in "fiub":
            raise UserError(f"data.features={name} is {_kind(arrays[name])}; it must be numbers, rows x features")
        return name
    usual = [
        name for name in FEATURES if name in arrays and arrays[name].ndim == 2 and arrays[name].dtype.kind in "fiu"
    ]
    found = usual or [name for name, array in arrays.items() if array.ndim == 2 and array.dtype.kind == "f"]
    if len(found) != 1:
        raise UserError(f"data.features: name the array of features in {file}, which holds {_listed(arrays)}")
    return found[0]


def _labels(file: Path, arrays: Arrays, name: str | None, features: str, by: str | None) -> tuple[Arrays, str]:
    """Return the arrays among which the labels are, and their name."""
    if name is not None and name not in arrays and Path(name).expanduser().is_file():
        file = Path(name).expanduser()
        arrays, name = _arrays(file), None
        if len(arrays) == 1:
            return arrays, next(iter(arrays))
    if name is not None:
        if name not in arrays and Path(name).suffix in READERS:
            raise UserError(f"data.labels={name}: there is no such file, and no such array in {file}")
        _named(file, arrays, name, "labels")
        return arrays, name
    rest = {name: array for name, array in arrays.items() if name not in (features, by)}
    found = [name for name in LABELS if name in rest] or [name for name, array in rest.items() if array.ndim == 1]
    if len(found) != 1:
        raise UserError(
            f"data.labels: name the array of labels in {file}, which holds {_listed(arrays)}; or a second file "
            "with them"
        )
    return arrays, found[0]


def _named(file: Path, arrays: Arrays, name: str, key: str) -> Array:
    if name not in arrays:
        raise UserError(
            f"data.{key}={name}: there is no such array in {file}, which holds {_listed(arrays)}"
            f"{did_you_mean(name, arrays)}"
        )
    return arrays[name]


def _one_a_row(values: Array, what: str, n_rows: int) -> Array:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "fiubUS":
        raise UserError(f"{what} is {_kind(values)}; it must hold one number or text for each row")
    if len(values) != n_rows:
        raise UserError(f"{what} has {len(values)} rows, but the features have {n_rows}")
    return values


def _arrays(file: Path) -> Arrays:
    """Read all arrays of a file by name."""
    if file.suffix not in READERS:
        raise UserError(f"{file}: files of arrays end with {', '.join(READERS)}; this one ends with '{file.suffix}'")
    try:
        arrays = READERS[file.suffix](file)
    except UserError:
        raise
    except Exception as error:  # each format has its own ways to be broken
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, pickle.UnpicklingError) or "allow_pickle" in reason:
            reason = "it is broken, or holds objects, which could run code when they are read; save plain arrays"
        raise UserError(f"{file} cannot be read: {reason}") from None
    if not arrays:
        raise UserError(f"{file} holds no arrays")
    return arrays


def _read_npy(file: Path) -> Arrays:
    array = np.load(file, allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise zipfile.BadZipFile("it is an archive; its name should end with .npz")
    return {file.stem: array}


def _read_npz(file: Path) -> Arrays:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _read_safetensors(file: Path) -> Arrays:
    from safetensors.torch import load_file  # numpy's has no bfloat16

    return {name: _numpy(tensor) for name, tensor in load_file(file).items()}


def _read_torch(file: Path) -> Arrays:
    import torch

    content = torch.load(file, map_location="cpu", weights_only=True)
    if isinstance(content, torch.Tensor):
        return {file.stem: _numpy(content)}
    if not isinstance(content, Mapping):
        raise UserError(f"{file} holds a {type(content).__name__}; it must be a tensor, or a dictionary of tensors")
    tensors = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor | list | tuple)}
    return {
        name: _numpy(value) if isinstance(value, torch.Tensor) else _listing(value) for name, value in tensors.items()
    }


def _listing(values: Any) -> Array:
    try:
        return np.asarray(values)
    except ValueError:  # lists of different lengths
        return np.empty(len(values), dtype=object)


def _numpy(tensor: Any) -> Array:
    array: Array = (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).detach().numpy()
    return array


READERS = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
    ".pt": _read_torch,
    ".pth": _read_torch,
}


def _kind(array: Array) -> str:
    return f"{' x '.join(map(str, array.shape)) or 'one value'} {'text' if array.dtype.kind in 'US' else array.dtype}"


def _listed(arrays: Arrays) -> str:
    return ", ".join(f"'{name}' ({_kind(array)})" for name, array in arrays.items())
