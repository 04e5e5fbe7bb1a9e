"""Arrays from other programs: every format gives the same table, and what is not clear is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file

from onelayer.data.table import Table
from onelayer.errors import UserError
from tests.conftest import load

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4)).astype(np.float32)
Y = np.array([2, 0, 1, 1, 0, 2])


def read(path: Path, **more: Any) -> Table:
    return load("embeddings", path=str(path), **({"features": None, "labels": None} | more))


def dense(table: Table) -> NDArray[np.float64]:
    assert isinstance(table.features, np.ndarray)
    return table.features


def npz(path: Path, **arrays: Any) -> Path:
    file = path / "rows.npz"
    np.savez(file, **arrays)
    return file


def as_npz(file: Path, x: NDArray[Any], y: NDArray[Any]) -> Path:
    np.savez(file.with_suffix(".npz"), x=x, y=y)
    return file.with_suffix(".npz")


def as_safetensors(file: Path, x: NDArray[Any], y: NDArray[Any]) -> Path:
    save_numpy({"x": x, "y": y}, file.with_suffix(".safetensors"))
    return file.with_suffix(".safetensors")


def as_torch(file: Path, x: NDArray[Any], y: NDArray[Any]) -> Path:
    torch.save({"x": torch.from_numpy(x), "y": torch.from_numpy(y)}, file.with_suffix(".pt"))
    return file.with_suffix(".pt")


@pytest.mark.parametrize("save", [as_npz, as_safetensors, as_torch])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_format_gives_the_same_table(tmp_path: Path, save: Callable[..., Path], dtype: type) -> None:
    x: NDArray[Any] = X.astype(dtype)
    table = read(save(tmp_path / "rows", x, Y))
    assert dense(table).dtype == np.float64
    assert np.array_equal(dense(table), x)
    assert (table.target == Y).all()
    assert (table.task, table.classes, table.target_name) == ("multiclass", ("0", "1", "2"), "y")
    assert table.columns == ("x0", "x1", "x2", "x3")
    name = np.dtype(dtype).name
    assert table.notes == (f"features are 'x' (6 x 4 {name}), labels are 'y', 3 classes",)


def test_bfloat16_is_read_exactly(tmp_path: Path) -> None:
    x = torch.from_numpy(X).bfloat16()
    save_file({"embeddings": x, "targets": torch.from_numpy(Y)}, tmp_path / "rows.safetensors")
    torch.save({"embeddings": x, "targets": Y.tolist()}, tmp_path / "rows.pt")
    for file in ("rows.safetensors", "rows.pt"):
        assert np.array_equal(dense(read(tmp_path / file)), x.double().numpy())


def test_labels_can_lie_in_a_second_file_of_another_format(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", X)
    np.save(tmp_path / "classes.npy", Y[:, None])
    torch.save(torch.from_numpy(Y), tmp_path / "classes.pt")
    npz(tmp_path, other=X, labels=Y)
    for file in ("classes.npy", "classes.pt", "rows.npz"):
        table = read(tmp_path / "vectors.npy", labels=str(tmp_path / file))
        assert np.array_equal(dense(table), X)
        assert (table.target == Y).all()


@pytest.mark.parametrize(
    ("y", "task", "classes"),
    [
        (Y, "multiclass", ("0", "1", "2")),
        (Y.astype(np.uint8) * 100, "multiclass", ("0", "100", "200")),
        (Y > 0, "binary", ("False", "True")),
        (np.array(["ü", "a", "a", "b", "b", "b"]), "multiclass", ("a", "b", "ü")),
        (np.array([b"no", b"yes", b"no", b"no", b"no", b"no"]), "binary", ("no", "yes")),
        (Y.astype(np.float32), "regression", None),
    ],
)
def test_the_kind_of_label_decides_the_task(
    tmp_path: Path, y: NDArray[Any], task: str, classes: tuple[str, ...] | None
) -> None:
    table = read(npz(tmp_path, x=X, y=y))
    assert (table.task, table.classes) == (task, classes)
    names = table.target if classes is None else np.array(classes)[table.target]
    text = y.astype(str) if classes else y
    assert (names == text).all()


def test_features_and_labels_can_be_named(tmp_path: Path) -> None:
    file = npz(tmp_path, x=X, y=Y, layer_3=X[:, :2] + 1, digit=Y % 2)
    table = read(file, features="layer_3", labels="digit")
    assert np.array_equal(dense(table), X[:, :2] + 1)
    assert table.classes == ("0", "1")
    assert read(npz(tmp_path, x=X, y=Y, pixels=Y[:, None]), features="pixels").columns == ("x0",)


def test_what_has_no_usual_name_is_found_where_there_is_only_one(tmp_path: Path) -> None:
    table = read(npz(tmp_path, vectors=X, animal=Y, counts=np.ones((6, 2), int)))
    assert (table.columns, table.target_name) == (("x0", "x1", "x2", "x3"), "animal")


def test_an_array_can_group_the_rows(tmp_path: Path) -> None:
    patient = np.array(["a", "a", "b", "b", "c", "c"])
    table = read(npz(tmp_path, x=X, y=Y, patient=patient), by="patient")
    assert table.by is not None
    assert (table.by == patient).all()
    assert read(npz(tmp_path, x=X, kind=Y, patient=patient), by="patient").target_name == "kind"


NAN = np.where(np.arange(24).reshape(6, 4) % 9 == 6, np.nan, X)


@pytest.mark.parametrize(
    ("arrays", "more", "said"),
    [
        (
            {"a": X, "b": X, "y": Y},
            {},
            "data.features: name the array of features in {}, which holds 'a' (6 x 4 float32), 'b' (6 x 4 float32), "
            "'y' (6 int64)",
        ),
        (
            {"x": X, "s": Y, "t": Y.astype(str)},
            {},
            "data.labels: name the array of labels in {}, which holds 'x' (6 x 4 float32), 's' (6 int64), 't' (6 text)"
            "; or a second file with them",
        ),
        (
            {"x": X, "y": Y},
            {"features": "xx"},
            "data.features=xx: there is no such array in {}, which holds 'x' (6 x 4 float32), 'y' (6 int64); did you "
            "mean 'x'?",
        ),
        ({"x": X, "y": Y}, {"labels": "z.npy"}, "data.labels=z.npy: there is no such file, and no such array in {}"),
        (
            {"x": X, "y": Y},
            {"by": "who"},
            "data.split.by=who: there is no such array in {}, which holds 'x' (6 x 4 float32), 'y' (6 int64)",
        ),
        (
            {"x": X[:, 0], "y": Y},
            {"features": "x"},
            "data.features=x is 6 float32; it must be numbers, rows x features",
        ),
        ({"x": X, "y": Y[:5]}, {}, "data.labels: 'y' has 5 rows, but the features have 6"),
        (
            {"x": X, "y": np.eye(6)},
            {},
            "data.labels: 'y' is 6 x 6 float64; it must hold one number or text for each row",
        ),
        (
            {"x": NAN, "y": Y},
            {},
            "{}, 'x': row 2, column 'x2' is nan, the first of 2 such rows; only finite numbers can be used, "
            "leave such rows out or fill them in",
        ),
        (
            {"x": X, "y": np.array([1, 2, np.inf, 1, 1, 1])},
            {},
            "{}, labels: row 3, column 'y' is inf; only finite numbers can be used, leave such rows out or fill them "
            "in",
        ),
        ({"x": X, "y": Y * 0}, {}, "{}, 'y': every row has the label 0; there must be at least two classes"),
        ({}, {}, "{} holds no arrays"),
    ],
)
def test_what_is_not_clear_is_asked_for_in_one_sentence(
    tmp_path: Path, arrays: dict[str, Any], more: dict[str, str], said: str
) -> None:
    file = npz(tmp_path, **arrays)
    with pytest.raises(UserError) as error:
        read(file, **more)
    assert str(error.value) == said.replace("{}", str(file))


def test_objects_are_refused_since_reading_them_could_run_code(tmp_path: Path) -> None:
    file = npz(tmp_path, x=X, y=np.array([None] * 6))
    torch.save({"x": torch.from_numpy(X), "y": Path}, tmp_path / "rows.pt")
    for path in (file, tmp_path / "rows.pt"):
        with pytest.raises(UserError, match=r"cannot be read: it is broken, or holds objects, which could run code"):
            read(path)


@pytest.mark.parametrize("ending", ["npy", "npz", "safetensors", "pt"])
def test_a_broken_file_is_one_sentence(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"rows.{ending}").write_bytes(b"no arrays here")
    with pytest.raises(UserError, match=rf"rows\.{ending} cannot be read: \S[^\n]*$"):
        read(tmp_path / f"rows.{ending}")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch()
    with pytest.raises(UserError, match=r"files of arrays end with \.npy, .*; this one ends with '\.csv'$"):
        read(tmp_path / "rows.csv")
    with pytest.raises(UserError, match=r"rows\.npz: there is no such file; did you mean 'rows\.csv'\?$"):
        read(tmp_path / "rows.npz")
    torch.save([1, 2], tmp_path / "rows.pt")
    with pytest.raises(UserError, match=r"holds a list; it must be a tensor, or a dictionary of tensors$"):
        read(tmp_path / "rows.pt")
