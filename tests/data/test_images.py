"""MNIST's idx files and CIFAR-10's batches, written here as their authors describe them."""

import gzip
import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from onelayer.data.given import split_table
from onelayer.data.preparation import Preparation
from onelayer.errors import UserError
from tests.conftest import composed, load
from tests.reference_data import DATA, needs_data

RNG = np.random.default_rng(0)
IMAGES = {"train": RNG.integers(0, 256, (12, 4, 3)).astype(np.uint8), "t10k": np.full((5, 4, 3), 255, np.uint8)}
LABELS = {"train": np.arange(12) % 3, "t10k": np.arange(5) % 3 + 1}


def idx(values: NDArray[Any]) -> bytes:
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return header + values.astype(np.uint8).tobytes()


def write_mnist(folder: Path, ending: str = "", pack: Callable[[bytes], bytes] = bytes) -> Path:
    for part in IMAGES:
        (folder / f"{part}-images-idx3-ubyte{ending}").write_bytes(pack(idx(IMAGES[part])))
        (folder / f"{part}-labels-idx1-ubyte{ending}").write_bytes(pack(idx(LABELS[part])))
    return folder


@pytest.mark.parametrize(("ending", "pack"), [("", bytes), (".gz", gzip.compress)])
def test_idx_files_become_rows_of_pixels_with_the_test_rows_last(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    table = load("mnist", path=str(write_mnist(tmp_path, ending, pack)))
    assert isinstance(table.features, np.ndarray)
    assert (table.features == np.concatenate([*IMAGES.values()]).reshape(17, 12) / 255).all()
    assert table.features.dtype == np.float64
    assert table.columns[:4] == ("pixel_0_0", "pixel_0_1", "pixel_0_2", "pixel_1_0")
    assert table.classes == ("0", "1", "2", "3")
    assert table.target.tolist() == np.concatenate([*LABELS.values()]).tolist()
    assert table.part is not None
    assert table.part.tolist() == [0] * 12 + [2] * 5


def test_the_other_spelling_of_the_names_is_read_too(tmp_path: Path) -> None:
    for path in list(write_mnist(tmp_path).iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(load("mnist", path=str(tmp_path))) == 17


@needs_data
def test_mnist_is_complete_and_its_configuration_tests_on_the_official_rows() -> None:
    known = json.loads((DATA / "mnist" / "mnist.json").read_text())
    table = load("mnist", path=str(DATA / "mnist"))
    rows, test = known["n_rows"], known["n_test"]
    assert isinstance(table.features, np.ndarray)
    assert table.features.shape == (rows + test, known["n_features"])
    assert (table.features.min(), table.features.max()) == (0, 1)
    assert table.classes == tuple("0123456789")
    split = composed("data=mnist")["data"]["split"]
    parts = split_table(table, Preparation(val=split["val"], split_shuffle=split["shuffle"]))
    assert parts.val.tolist() == [*range(rows - 5000, rows)]
    assert parts.test.tolist() == [*range(rows, rows + test)]
    assert table.target[:5].tolist() == [5, 0, 4, 1, 9]
    assert table.target[rows : rows + 5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t10k-labels-idx1-ubyte", None, "there is no t10k-labels-idx1-ubyte and no t10k-labels-idx1-ubyte.gz in it"),
        (
            "train-images-idx3-ubyte",
            idx(IMAGES["train"])[:-1],
            "train-images-idx3-ubyte is truncated: 159 bytes, 160 for 12 entries; fetch it again",
        ),
        ("train-images-idx3-ubyte", idx(IMAGES["train"]) + b"0", "is too long: 161 bytes, 160 for 12 entries"),
        ("train-images-idx3-ubyte", idx(LABELS["train"]), "it begins with 00000801 instead of 00000803"),
        ("train-images-idx3-ubyte", b"", "it begins with  instead of 00000803"),
        ("t10k-labels-idx1-ubyte", idx(LABELS["train"]), "t10k has 5 images but 12 labels"),
        (
            "t10k-images-idx3-ubyte",
            idx(np.zeros((5, 2, 2))),
            "images of train and t10k are of different sizes, 4 x 3 and 2 x 2",
        ),
    ],
)
def test_a_file_that_is_missing_or_spoilt_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = write_mnist(tmp_path) / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(UserError) as error:
        load("mnist", path=str(tmp_path))
    assert said in str(error.value)


def test_a_truncated_archive_is_one_sentence(tmp_path: Path) -> None:
    path = write_mnist(tmp_path, ".gz", gzip.compress) / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz cannot be read: .*; fetch it again"):
        load("mnist", path=str(tmp_path))


@pytest.mark.parametrize("source", ["mnist", "cifar10"])
def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path, source: str) -> None:
    with pytest.raises(UserError, match=rf"^data\.path={tmp_path}/none: there is no such folder$"):
        load(source, path=str(tmp_path / "none"))
    with pytest.raises(UserError, match=rf"^data={source} needs data\.path, the folder with"):
        load(source, path=None)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file is a file, not a folder; it must be the folder with"):
        load(source, path=str(tmp_path / "file"))


NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
PIXELS = {name: RNG.integers(0, 256, (3, 3072)).astype(np.uint8) for name in NAMES}


def write_cifar(folder: Path, keys: Callable[[str], Any]) -> Path:
    """As Python 2 wrote them (keys of bytes), or as one who writes them anew would."""
    for number, name in enumerate(NAMES):
        content = {keys("data"): PIXELS[name], keys("labels"): [number % 3, 0, 1], keys("batch_label"): keys(name)}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    names = {keys("label_names"): [keys(word) for word in ("airplane", "bird", "cat")], keys("num_vis"): 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(names, protocol=2))
    return folder


@pytest.mark.parametrize("keys", [str, str.encode])
def test_batches_become_rows_of_pixels_with_the_test_batch_last(tmp_path: Path, keys: Callable[[str], Any]) -> None:
    table = load("cifar10", path=str(write_cifar(tmp_path, keys)))
    assert isinstance(table.features, np.ndarray)
    assert (table.features == np.concatenate([*PIXELS.values()]) / 255).all()
    assert table.target.reshape(6, 3).tolist() == [[k % 3, 0, 1] for k in range(6)]
    assert table.classes == ("airplane", "bird", "cat")
    # a row has all red pixels first, row by row
    assert [table.columns[place] for place in (0, 33, 1024, 3071)] == ["red_0_0", "red_1_1", "green_0_0", "blue_31_31"]
    assert table.part is not None
    assert table.part.tolist() == [0] * 15 + [2] * 3


def test_batches_that_numpy_1_wrote_are_read_without_a_warning(tmp_path: Path) -> None:
    path = write_cifar(tmp_path, str) / "test_batch"
    old = path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != path.read_bytes()
    path.write_bytes(old)
    assert len(load("cifar10", path=str(tmp_path))) == 18


class Attack:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


def test_a_pickle_runs_no_code(tmp_path: Path) -> None:
    mark = tmp_path / "was here"
    (write_cifar(tmp_path, str) / "test_batch").write_bytes(pickle.dumps({"data": Attack(mark)}, protocol=2))
    with pytest.raises(UserError, match=r"test_batch is no batch of CIFAR-10: it would call posix\.system; fetch"):
        load("cifar10", path=str(tmp_path))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data_batch_3", None, r"there is no data_batch_3 in it"),
        ("data_batch_3", b"", r"data_batch_3 is no batch of CIFAR-10: Ran out of input; fetch it again"),
        ("data_batch_3", pickle.dumps([1]), r"it holds no dictionary"),
        ("data_batch_3", pickle.dumps({"data": [1]}), r"'data' is no array of bytes with 3 x 32 x 32 in a row"),
        (
            "data_batch_3",
            pickle.dumps({"data": PIXELS["test_batch"], "labels": ["a"]}, 2),
            r"data_batch_3: 'labels' is no list of whole numbers",
        ),
        (
            "data_batch_3",
            pickle.dumps({"data": PIXELS["test_batch"], "labels": [1]}, 2),
            r"data_batch_3: 3 images but 1 labels",
        ),
        ("batches.meta", pickle.dumps({"label_names": 3}), r"batches\.meta: there is no list 'label_names' in it"),
        ("batches.meta", pickle.dumps({"label_names": ["cat"]}), r"labels go from 0 to 2, for 1 names"),
    ],
)
def test_a_batch_that_is_missing_or_spoilt_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = write_cifar(tmp_path, str.encode) / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        load("cifar10", path=str(tmp_path))
