"""Files of arrays by name: .npy, .npz, .safetensors and .pt, read without running any code of the file."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onelayer.data.table import Array
from onelayer.errors import UserError, did_you_mean

Arrays = dict[str, Array]


def read_arrays(file: Path) -> Arrays:
    """Read all arrays of a file by name.

    Raises:
        UserError: it cannot be read, holds none, or holds objects.
    """
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
        array.close()
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


def kind_of(array: Array) -> str:
    """Say what an array is, such as 60 x 4 float64."""
    return f"{' x '.join(map(str, array.shape)) or 'one value'} {'text' if array.dtype.kind in 'US' else array.dtype}"


def listed(arrays: Arrays) -> str:
    """Say what a file holds."""
    return ", ".join(f"'{name}' ({kind_of(array)})" for name, array in arrays.items())


def array_named(file: Path, arrays: Arrays, name: str, key: str) -> Array:
    """Return the array that a key names.

    Raises:
        UserError: there is none.
    """
    if name not in arrays:
        raise UserError(
            f"data.{key}={name}: there is no such array in {file}, which holds {listed(arrays)}"
            f"{did_you_mean(name, arrays)}"
        )
    return arrays[name]
