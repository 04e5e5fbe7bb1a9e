"""Sets of small images as their authors publish them: pixels from 0 to 1, the official test rows last."""

import gzip
import io
import pickle
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onelayer.data.sources.files import Classes, class_target, existing_path, keep_classes
from onelayer.data.table import PARTS, Array, Table
from onelayer.errors import UserError

IDX_BYTES = 8  # idx: the type code of an unsigned byte
CHANNELS = ("red", "green", "blue")


def mnist(*, path: str | None, classes: Classes = None) -> Table:
    """Read four idx files, gzipped or not, as those of MNIST and Fashion-MNIST: the train rows, then the test rows.

    Args:
        path: the folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
            t10k-labels-idx1-ubyte.
        classes: the labels to keep; None: all.

    Raises:
        UserError: a file is missing, truncated, of another format, or does not fit the others; no such class.
    """
    folder = existing_path(path, "mnist", "the folder with the four idx files", folder=True)
    images = [_idx(folder, f"{part}-images-idx3-ubyte", 3) for part in ("train", "t10k")]
    labels = [_idx(folder, f"{part}-labels-idx1-ubyte", 1) for part in ("train", "t10k")]
    for part, pixels, digits in zip(("train", "t10k"), images, labels, strict=True):
        if len(pixels) != len(digits):
            raise UserError(f"{folder}: {part} has {len(pixels)} images but {len(digits)} labels")
    if images[0].shape[1:] != images[1].shape[1:]:
        sizes = " and ".join("{} x {}".format(*pixels.shape[1:]) for pixels in images)
        raise UserError(f"{folder}: images of train and t10k are of different sizes, {sizes}")
    target, names = class_target(np.concatenate(labels), str(folder))
    parts, target, names = _of_classes(images, target, names, classes)
    _, height, width = images[0].shape
    columns = tuple(f"pixel_{row}_{column}" for row in range(height) for column in range(width))
    return Table(_pixels(parts), target, columns, "label", names, part=_part(parts))


def cifar10(*, path: str | None, classes: Classes = None) -> Table:
    """Read the batches of CIFAR-10's python version: data_batch_1 to data_batch_5, then test_batch.

    Args:
        path: the folder with these and batches.meta.
        classes: the names to keep, such as [cat, dog]; None: all.

    Raises:
        UserError: a file is missing, truncated, of another format, or holds more than numbers and names; no such class.
    """
    folder = existing_path(path, "cifar10", "the folder with data_batch_1 to 5 and test_batch", folder=True)
    files = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    batches = [_batch(folder, name) for name in files]
    meta = _unpickled(folder / "batches.meta").get("label_names")
    if not isinstance(meta, list) or not all(isinstance(name, bytes | str) for name in meta):
        raise UserError(f"{folder / 'batches.meta'}: there is no list 'label_names' in it")
    names = tuple(name.decode() if isinstance(name, bytes) else name for name in meta)
    target = np.concatenate([labels for _, labels in batches])
    if target.min() < 0 or target.max() >= len(names):
        raise UserError(f"{folder}: labels go from {target.min()} to {target.max()}, for {len(names)} names")
    parts, target, names = _of_classes([pixels for pixels, _ in batches], target, names, classes)
    side = range(32)
    columns = tuple(f"{channel}_{row}_{column}" for channel in CHANNELS for row in side for column in side)
    return Table(_pixels(parts), target, columns, "label", names, part=_part(parts))


def _of_classes(
    parts: list[Array], target: Array, names: tuple[str, ...], wanted: Sequence[str | int] | None
) -> tuple[list[Array], Array, tuple[str, ...]]:
    """Keep the rows of some classes in each part."""
    if wanted is None:
        return parts, target, names
    keep, target, names = keep_classes(target, names, wanted)
    cuts = np.cumsum([len(part) for part in parts])[:-1]
    return [part[of] for part, of in zip(parts, np.split(keep, cuts), strict=True)], target, names


def _pixels(parts: list[Array]) -> Array:
    """Return (rows, pixels) float64 from 0 to 1; filled part by part, since the whole may take gigabytes."""
    features = np.empty((sum(map(len, parts)), int(np.prod(parts[0].shape[1:]))))
    start = 0
    for part in parts:
        np.divide(part.reshape(len(part), -1), 255.0, out=features[start : start + len(part)])
        start += len(part)
    return features


def _part(parts: list[Array]) -> Array:
    """Say that the last array holds the test rows; see `Table`."""
    places = [0] * (len(parts) - 1) + [PARTS.index("test")]
    return np.repeat(places, [len(part) for part in parts])


def _idx(folder: Path, name: str, dims: int) -> Array:
    """Read an idx file of unsigned bytes: two zeros, the type, the number of dimensions, these as big-endian int32."""
    found = [folder / spelt for one in (name, name.replace("-idx", ".idx")) for spelt in (one, f"{one}.gz")]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise UserError(f"data.path={folder}: there is no {name} and no {name}.gz in it")
    content = _content(path)
    start = 4 + 4 * dims
    if len(content) < start or content[:4] != bytes((0, 0, IDX_BYTES, dims)):
        raise UserError(
            f"{path}: it begins with {content[:4].hex()} instead of {bytes((0, 0, IDX_BYTES, dims)).hex()}, so that it "
            f"is no idx{dims} file of bytes"
        )
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dims, offset=4))
    expected = start + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        state = "truncated" if len(content) < expected else "too long"
        raise UserError(f"{path} is {state}: {len(content)} bytes, {expected} for {shape[0]} entries; fetch it again")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _content(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {error}; fetch it again") from None


class _Plain(pickle.Unpickler):
    """Builds arrays, text and containers, and calls nothing else: a pickle may otherwise run any code."""

    ALLOWED = frozenset((f"{module}.multiarray", "_reconstruct") for module in ("numpy.core", "numpy._core")) | {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it would call {module}.{name}")
        # where numpy keeps it today, without the warning of its old place
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _unpickled(path: Path) -> dict[str, Any]:
    """Read a pickled dictionary, which Python 2 wrote with keys of bytes."""
    if not path.is_file():
        raise UserError(f"data.path={path.parent}: there is no {path.name} in it")
    try:
        content = _Plain(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except Exception as error:  # a broken pickle raises whatever its bytes happen to mean
        raise UserError(f"{path} is no batch of CIFAR-10: {error or type(error).__name__}; fetch it again") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is no batch of CIFAR-10: it holds no dictionary; fetch it again")
    return {key.decode() if isinstance(key, bytes) else str(key): value for key, value in content.items()}


def _batch(folder: Path, name: str) -> tuple[Array, Array]:
    """Return (rows, 3072) bytes, all red ones of a row first, then green and blue; and (rows,) int64."""
    content = _unpickled(folder / name)
    pixels, labels = content.get("data"), content.get("labels")
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != 3072:
        raise UserError(f"{folder / name}: 'data' is no array of bytes with 3 x 32 x 32 in a row")
    if not isinstance(labels, list) or not all(isinstance(label, int) for label in labels):
        raise UserError(f"{folder / name}: 'labels' is no list of whole numbers")
    if len(labels) != len(pixels):
        raise UserError(f"{folder / name}: {len(pixels)} images but {len(labels)} labels")
    return pixels, np.array(labels, dtype=np.int64)
