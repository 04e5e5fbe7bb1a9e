"""Arrays of several parts, in one file or in several: found by their names, and refused where they do not fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from onelayer.data.preparation import Preparation
from onelayer.data.prepare import prepare
from onelayer.data.sources.array_names import part_of
from onelayer.data.table import Table
from onelayer.errors import UserError
from tests.conftest import composed, load, rows_of

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 4)), np.arange(12) % 3
PARTS = {"train": slice(0, 6), "val": slice(6, 9), "test": slice(9, 12)}


def arrays(spelling: str = "{what}_{part}", *, parts: Any = ("train", "test"), **names: str) -> dict[str, Any]:
    called = {"X": X, "y": Y}
    return {
        spelling.format(what=names.get(what, what), part=part): values[PARTS[part]]
        for part in parts
        for what, values in called.items()
    }


def npz(path: Path, **content: Any) -> str:
    np.savez(path, **content)
    return str(path)


def read(path: str, **more: Any) -> Table:
    return load("embeddings", path=path, **({"features": None, "labels": None} | more))


def test_the_defaults_of_drawing_are_those_of_the_configuration() -> None:
    split, default = composed()["data"]["split"], Preparation()
    assert (split["val"], split["test"], split["seed"]) == (default.val, default.test, default.split_seed)
    assert (split["shuffle"], split["stratify"]) == (default.split_shuffle, default.stratify)


@pytest.mark.parametrize(
    ("name", "stem", "part"),
    [
        ("X_train", "X", "train"),
        ("y_test", "y", "test"),
        ("Xtest", "X", "test"),
        ("x_Valid", "x", "val"),
        ("test_labels", "labels", "test"),
        ("dev-embeddings", "embeddings", "val"),
        ("layer_3.training", "layer_3", "train"),
        *((name, None, None) for name in ("latest", "train", "interval", "X", "constraint", "retrain", "test")),
    ],
)
def test_names_say_the_part(name: str, stem: str | None, part: str | None) -> None:
    assert part_of(name) == (None if stem is None else (stem, part))


@pytest.mark.parametrize("spelling", ["{what}_{part}", "{what}{part}", "{part}_{what}"])
@pytest.mark.parametrize("names", [{}, {"X": "x"}, {"X": "features", "y": "labels"}])
@pytest.mark.parametrize("save", [np.savez, save_file])
def test_arrays_of_parts_are_these_parts(tmp_path: Path, spelling: str, names: dict[str, str], save: Any) -> None:
    content = arrays(spelling, parts=PARTS, **names)
    path = tmp_path / ("rows.npz" if save is np.savez else "rows.safetensors")
    save(path, **content) if save is np.savez else save(content, path)
    table = read(str(path))
    assert table.target_name == names.get("y", "y")
    assert (table.columns, table.classes) == (("x0", "x1", "x2", "x3"), ("0", "1", "2"))
    data = prepare(table, Preparation(normalize="none"))
    for name, rows in PARTS.items():
        part = rows_of(getattr(data, name))
        assert (part.x.numpy() == X[rows]).all()
        assert (part.y.numpy() == Y[rows]).all()
    assert data.notes[1] == "given with the data: 3 validation rows and 3 test rows"


def test_images_as_keras_keeps_them_are_flattened(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (12, 2, 3)).astype(np.uint8)
    content = {"x_train": pixels[:8], "y_train": Y[:8], "x_test": pixels[8:], "y_test": Y[8:]}
    table = read(npz(tmp_path / "mnist.npz", **content))
    assert isinstance(table.features, np.ndarray)
    assert (table.features == pixels.reshape(12, 6)).all()
    assert table.notes == (
        "features are 'x_train' (8 x 2 x 3 uint8, flattened), labels are 'y_train', 3 classes; "
        "test rows are 'x_test' (4 x 2 x 3 uint8, flattened) and 'y_test'",
    )


@pytest.mark.parametrize("content", [{"X": X[9:], "y": Y[9:]}, arrays(parts=("test",)), arrays()])
@pytest.mark.parametrize("asked", [{}, {"features": "X_train", "labels": "y_train"}, {"features": "X"}])
def test_the_test_rows_may_lie_in_a_file_of_their_own(
    tmp_path: Path, content: dict[str, Any], asked: dict[str, str]
) -> None:
    if "X" in content and "labels" in asked:
        content = {"X_train": content["X"], "y_train": content["y"]}
    path = npz(tmp_path / "a.npz", **arrays(parts=("train",)))
    table = read(path, test_path=npz(tmp_path / "b.npz", **content), **asked)
    assert isinstance(table.features, np.ndarray)
    assert (table.features == np.concatenate([X[:6], X[9:]])).all()
    assert table.target.tolist() == [*Y[:6], *Y[9:]]
    assert table.part is not None
    assert table.part.tolist() == [0] * 6 + [2] * 3


def test_an_array_to_split_by_has_its_parts_too(tmp_path: Path) -> None:
    who = {"who_train": np.arange(6) // 2, "who_test": np.arange(3) + 7}
    path = npz(tmp_path / "a.npz", **arrays(), **who)
    for name in ("who", "who_train"):
        table = read(path, by=name)
        assert table.by is not None
        assert table.by.tolist() == [0, 0, 1, 1, 2, 2, 7, 8, 9]
    with pytest.raises(UserError, match=r"^data\.split\.by=who: .*a\.npz has no such array for 'X_test'$"):
        read(npz(tmp_path / "a.npz", **arrays(), who_train=who["who_train"]), by="who")


def test_test_rows_without_labels_are_named_and_not_used(tmp_path: Path) -> None:
    content = arrays()
    content.pop("y_test")
    table = read(npz(tmp_path / "a.npz", **content))
    assert len(table) == 6
    assert table.notes[1:] == ("'X_test' has no labels beside it, as 'X_train' has, and is not used",)


@pytest.mark.parametrize(
    ("change", "more", "sentence"),
    [
        ({"X_test": X[9:, :3]}, {}, "{}: 'X_test' has 3 features, but 'X_train' of {} has 4"),
        (
            {"X_test": (X[9:] * 255).astype(np.uint8)},
            {},
            "{}: 'X_test' is uint8, but 'X_train' of {} is float64: whole numbers are often scaled otherwise than "
            "fractions; save both alike",
        ),
        (
            {"y_test": Y[9:] / 2},
            {},
            "{}: 'y_test' is 3 float64, but 'y_train' of {} is 6 int64; save both alike",
        ),
        ({"y_test": Y[:2]}, {}, "data.labels: 'y_test' has 2 rows, but the features have 3"),
        ({"X_test": X[:0], "y_test": Y[:0]}, {}, "{}: 'X_test' has no rows"),
        ({"X_testing": X[9:]}, {}, "{}: 'X_test' and 'X_testing' both are test rows of 'X'; rename one of them"),
        ({"X_test": X[9:] * np.nan}, {}, "{}, 'X_test': row 1, column 'x0' is nan, the first of 3 such rows; only"),
        ({"X": X}, {}, "data.features: name the array of features in {}, which holds 'X_train'"),
        (
            {},
            {"test_path": "{}"},
            "data.test_path={}: {} holds test rows of its own, 'X_test'; leave one of them out",
        ),
        ({}, {"val_path": "none.npz"}, "data.val_path=none.npz: there is no such file"),
        (
            {},
            {"labels": "{}", "val_path": "{}"},
            "data.val_path={}: data.labels={} is a file with the labels of {} alone; put the features and the labels "
            "of a part into one file",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    tmp_path: Path, change: dict[str, Any], more: dict[str, str], sentence: str
) -> None:
    path = npz(tmp_path / "a.npz", **(arrays() | change))
    with pytest.raises(UserError) as error:
        read(path, **{key: value.replace("{}", path) for key, value in more.items()})
    assert str(error.value).startswith(sentence.replace("{}", path))


def test_a_class_of_the_test_rows_alone_is_refused(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", **(arrays() | {"y_test": np.array([0, 7, 7])}))
    with pytest.raises(UserError, match=r"^target 'y': class '7' is that of 2 test rows, and of no train row; "):
        prepare(read(path), Preparation())
