"""Files of arrays and of LIBSVM's format: predicted and evaluated as the rows of training were."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from onelayer.deliver.evaluation import evaluate
from onelayer.deliver.load import load
from onelayer.deliver.matrices import matrix_of
from onelayer.deliver.model import Model
from onelayer.deliver.opening import Named
from onelayer.deliver.scoring import score
from onelayer.errors import UserError
from tests.conftest import Outcome, examples

RNG = np.random.default_rng(0)
X = np.round(RNG.normal(size=(60, 4)), 3)
CLASSES, NUMBERS = (X[:, 0] > 0).astype(int), X @ [1.0, 2.0, 3.0, 4.0] + 5
SHORT = ("optim=lbfgs", "model.l2=0.01", "logger=none", "trainer.max_epochs=3", "data.dtype=float64")
Cli = Callable[..., Outcome]


def sparse(path: Path, x: Any, y: Any, first: int = 1) -> Path:
    """Zeros are left out, as the format has them."""
    rows = [
        " ".join([str(label), *(f"{j + first}:{v}" for j, v in enumerate(row) if v)])
        for row, label in zip(x, y, strict=True)
    ]
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


@pytest.fixture
def arrays(cli: Cli, tmp_path: Path) -> Model:
    np.savez(tmp_path / "a.npz", X_train=X[:45], y_train=CLASSES[:45], X_test=X[45:], y_test=CLASSES[45:])
    done = cli("data=embeddings", "data.path=a.npz", *SHORT, "hydra.run.dir=run")
    assert done.code == 0, done.err
    return load(tmp_path / "run")


def lines(cli: Cli, folder: Path, y: Any, first: int = 1) -> Model:
    sparse(folder / "a.svm", X[:45], y[:45], first)
    sparse(folder / "b.svm", X[45:], y[45:], first)
    done = cli("data=libsvm", "data.path=a.svm", "data.test_path=b.svm", *SHORT, "hydra.run.dir=run")
    assert done.code == 0, done.err
    return load(folder / "run")


def predicted(model: Model, path: Path, out: Path) -> pd.DataFrame:
    assert score(model, str(path), out, force=True).notes == ()
    return pd.read_parquet(out)


def metrics(folder: Path) -> dict[str, float]:
    return dict(json.loads((folder / "run" / "result.json").read_text())["metrics"])


def test_arrays_in_every_form_are_predicted_alike(arrays: Model, tmp_path: Path) -> None:
    expected = arrays.predict_proba(X[45:])
    np.savez(tmp_path / "t.npz", X=X[45:], y=CLASSES[45:])
    np.savez(tmp_path / "parts.npz", X_test=X[45:], y_test=CLASSES[45:])
    np.savez(tmp_path / "odd.npz", vectors=X[45:], ids=np.arange(15), wide=X[45:, :3])
    np.save(tmp_path / "t.npy", X[45:])
    save_file({"features": X[45:]}, tmp_path / "t.safetensors")
    for name in ("t.npz", "parts.npz", "t.npy", "t.safetensors"):
        found = predicted(arrays, tmp_path / name, tmp_path / "out.parquet")
        assert (found[["probability_0", "probability_1"]].to_numpy() == expected).all()
        assert found["prediction"].tolist() == arrays.predict(X[45:]).tolist()
    matrix = matrix_of(arrays, Named(str(tmp_path / "odd.npz")))
    assert matrix is not None
    assert isinstance(matrix.x, np.ndarray)
    assert (matrix.x == X[45:]).all()


def test_test_rows_measure_as_training_measured_them(arrays: Model, cli: Cli, command: Cli, tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", X=X[45:], y=CLASSES[45:])
    found = command("evaluate", "run", "t.npz", "--json")
    assert found.code == 0, found.err
    told, wanted = json.loads(found.out), metrics(tmp_path)
    assert told["rows"] == 15
    for name in ("accuracy", "f1", "auroc"):
        assert told["metrics"][name]["value"] == pytest.approx(wanted[f"test/{name}"], rel=1e-6)
    # labels need not be whole to be those of classes, and another order of columns of labels is none
    np.savez(tmp_path / "t.npz", X=X[45:], y=CLASSES[45:, None].astype(float), other=np.zeros(15))
    assert evaluate(arrays, str(tmp_path / "t.npz")).metrics["accuracy"].value == wanted["test/accuracy"]


@pytest.mark.parametrize(
    ("y", "first"),
    [
        (CLASSES * 2 - 1, 0),
        (NUMBERS, 1),
        pytest.param(CLASSES * 2 - 1, 1, marks=pytest.mark.slow),
        pytest.param(NUMBERS, 0, marks=pytest.mark.slow),
    ],
)
def test_sparse_rows_are_those_of_training(cli: Cli, tmp_path: Path, y: NDArray[Any], first: int) -> None:
    model = lines(cli, tmp_path, y, first)
    wanted = metrics(tmp_path)
    for name, value in evaluate(model, str(tmp_path / "b.svm")).metrics.items():
        if f"test/{name}" in wanted:
            assert value.value == pytest.approx(wanted[f"test/{name}"], rel=1e-6)
    found = predicted(model, tmp_path / "b.svm", tmp_path / "out.parquet")
    assert found["prediction"].tolist() == model.predict(X[45:]).tolist()
    # indices count as in training, whatever occurs in the file
    alone = sparse(tmp_path / "c.txt", [[0, 0, 1.5, 0], [0, 0, 0, 0]], [y[0], y[1]], first)
    found = predicted(model, alone, tmp_path / "out.parquet")
    assert found["prediction"].tolist() == model.predict(np.array([[0, 0, 1.5, 0], [0, 0, 0, 0]])).tolist()


def test_any_rows_in_any_order_are_predicted_as_among_the_others(cli: Cli, tmp_path: Path) -> None:
    model = lines(cli, tmp_path, CLASSES)
    whole = predicted(model, sparse(tmp_path / "w.svm", X, CLASSES), tmp_path / "out.parquet")

    @given(st.lists(st.integers(0, 59), min_size=1, max_size=8))
    @settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def alike(rows: list[int]) -> None:
        for path in (sparse(tmp_path / "s.svm", X[rows], CLASSES[rows]), tmp_path / "s.npy"):
            np.save(tmp_path / "s.npy", X[rows])
            found = predicted(model, path, tmp_path / "out.parquet")
            assert found.equals(whole.iloc[rows].reset_index(drop=True))

    alike()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"X": X[:, :3]}, "{}: 'X' has 3 features, but the model was trained on 4"),
        ({"X_train": X, "X_test": X}, "{}: name the array of features, as in features=NAME; it holds 'X_train' (60 x"),
        ({"y": CLASSES}, "{}: name the array of features, as in features=NAME; it holds 'y' (60 int64)"),
        ({"X": np.full((60, 4), np.inf)}, "column 'x0' is inf in row 1; only finite numbers can be used"),
    ],
)
def test_other_arrays_are_one_sentence(arrays: Model, tmp_path: Path, content: dict[str, Any], sentence: str) -> None:
    np.savez(tmp_path / "t.npz", **content)
    with pytest.raises(UserError) as error:
        score(arrays, str(tmp_path / "t.npz"), tmp_path / "out.csv")
    assert str(error.value).startswith(sentence.replace("{}", str(tmp_path / "t.npz")))
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"y": CLASSES + 1}, "the labels 'y' hold '2', which is none of the classes that the model knows (0, 1)"),
        ({"y": CLASSES[:5]}, "'y' has 5 rows, but the features have 60"),
        ({}, "name the array of labels in"),
    ],
)
def test_other_labels_are_one_sentence(arrays: Model, tmp_path: Path, content: dict[str, Any], sentence: str) -> None:
    np.savez(tmp_path / "t.npz", X=X, **content)
    with pytest.raises(UserError) as error:
        evaluate(arrays, str(tmp_path / "t.npz"))
    assert sentence in str(error.value)


def test_other_sparse_rows_are_one_sentence(cli: Cli, command: Cli, tmp_path: Path) -> None:
    model = lines(cli, tmp_path, CLASSES)
    for text, sentence in (
        ("1 5:1\n", "o.svm has features up to index 5, but the model knows 1 to 4"),
        ("1 0:1\n", "o.svm: line 1: there is an index 0; the model counts from 1; write its indices so"),
        ("1 x\n", "o.svm: line 1: an entry has no ':'"),
    ):
        (tmp_path / "o.svm").write_text(text)
        with pytest.raises(UserError) as error:
            score(model, str(tmp_path / "o.svm"), tmp_path / "out.csv")
        assert sentence in str(error.value)
    (tmp_path / "o.svm").write_text("7 1:1\n")
    with pytest.raises(UserError, match=r"the labels 'label' hold '7', which is none of the classes"):
        evaluate(model, str(tmp_path / "o.svm"))
    for asked in ("predict run b.svm -o out.csv --id x1", "evaluate run b.svm --weight w"):
        refused = command(*asked.split())
        assert (refused.code, refused.out) == (1, "")
        assert refused.err.endswith("b.svm has no columns by names; leave it out\n")
    assert "there is no such file; did you mean 'a.svm'?" in command("predict", "run", "a.sv", "-o", "out.csv").err
    assert "there is no such file" in command("evaluate", "run", "a.npz").err


def test_columns_of_a_table_are_still_found_by_their_names(arrays: Model, tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=["x0", "x1", "x2", "x3"])[["x3", "x2", "x1", "x0"]]
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = predicted(arrays, tmp_path / "t.csv", tmp_path / "out.parquet")
    assert found["prediction"].tolist() == arrays.predict(X).tolist()


def test_missing_numbers_are_told(arrays: Model, tmp_path: Path) -> None:
    x = X[:5].copy()
    x[1, 2] = np.nan
    np.save(tmp_path / "t.npy", x)
    (note,) = score(arrays, str(tmp_path / "t.npy"), tmp_path / "out.csv").notes
    assert note.startswith("without a number: x2 (1 row, become ")


def test_the_array_of_training_is_taken_whatever_else_is_there(cli: Cli, command: Cli, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=X + 1, emb=X, kind=CLASSES, y=1 - CLASSES)
    done = cli(
        "data=embeddings", "data.path=a.npz", "data.features=emb", "data.labels=kind", *SHORT, "hydra.run.dir=run"
    )
    assert done.code == 0, done.err
    model = load(tmp_path / "run")
    found = predicted(model, tmp_path / "a.npz", tmp_path / "out.parquet")
    assert found["prediction"].tolist() == model.predict(X).tolist()
    assert evaluate(model, str(tmp_path / "a.npz")).metrics["accuracy"].value > 0.9
    # others are named by the words of training
    for words, x in ((("features=X",), X + 1), (("data.features=emb", "labels=y"), X)):
        assert command("predict", "run", "a.npz", *words, "-o", "out.csv", "--force").code == 0
        assert pd.read_csv(tmp_path / "out.csv", dtype=str)["prediction"].tolist() == model.predict(x).tolist()
    told = command("evaluate", "run", "a.npz", "labels=y", "--json")
    assert json.loads(told.out)["metrics"]["accuracy"]["value"] < 0.1
    np.savez(tmp_path / "b.npz", one=X, other=X)
    for words, sentence in (
        (
            ("b.npz",),
            "b.npz: name the array of features, as in features=NAME; it holds 'one' (60 x 4 float64), 'other'",
        ),
        (("b.npz", "features=on"), "data.features=on: there is no such array in b.npz"),
        (("b.npz", "encoding=latin-1"), "encoding=latin-1: b.npz is a file of arrays, which has no such key; leave it"),
    ):
        refused = command("predict", "run", *words, "-o", "new.csv")
        assert refused.code == 1
        assert sentence in refused.err
    assert command("predict", "run", "b.npz", "features=one", "-o", "new.csv").code == 0


def test_labels_of_a_table_are_those_of_arrays(arrays: Model, tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=["x0", "x1", "x2", "x3"]).assign(y=CLASSES)
    np.savez(tmp_path / "t.npz", X=X, y=CLASSES)
    wanted = evaluate(arrays, str(tmp_path / "t.npz")).metrics
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    assert evaluate(arrays, str(tmp_path / "t.csv")).metrics == wanted
    assert evaluate(arrays, str(tmp_path / "t.parquet")).metrics == wanted


def test_an_export_is_checked_on_the_rows_of_such_a_file(cli: Cli, command: Cli, tmp_path: Path) -> None:
    lines(cli, tmp_path, CLASSES)
    np.save(tmp_path / "t.npy", X)
    for table in ("b.svm", "t.npy"):
        done = command("export", "run", "--to", "onnx", "--table", table, "--force")
        assert done.code == 0, done.err
