"""The sparse text format: what scikit-learn reads from it, and a line number where it cannot."""

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

from onelayer.data.preparation import Preparation
from onelayer.data.prepare import prepare
from onelayer.data.sources.files import class_target
from onelayer.data.table import Table
from onelayer.errors import UserError
from tests.conftest import Outcome, load, result_of
from tests.reference_data import DATA, needs_data

PLAIN: dict[str, Any] = {"n_features": None, "zero_based": "auto"}


def read(path: Path, **more: Any) -> Table:
    return load("libsvm", path=str(path), **(PLAIN | more))


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def sparse(table: Table) -> csr_array:
    assert isinstance(table.features, csr_array)
    return table.features


@needs_data
@pytest.mark.parametrize("name", ["a1a", "heart_scale", "mushrooms"])
def test_reference_sets_have_the_rows_features_and_classes_that_are_known(name: str) -> None:
    known = json.loads((DATA / "libsvm" / f"{name}.json").read_text())
    # the last features of a1a occur in none of its rows
    table = read(DATA / "libsvm" / name, n_features=known["n_features"])
    assert sparse(table).shape == (known["n_rows"], known["n_features"])
    assert sparse(table).nnz == known["nnz"]
    assert table.classes is not None
    assert {float(label): count for label, count in known["labels"].items()} == {
        float(label): int((table.target == place).sum()) for place, label in enumerate(table.classes)
    }
    expected, labels = load_svmlight_file(str(DATA / "libsvm" / name), n_features=known["n_features"])
    assert (sparse(table) != csr_array(expected)).nnz == 0
    assert (np.array(table.classes, float)[table.target] == labels).all()


@needs_data
@pytest.mark.parametrize("name", ["a1a", "heart_scale", "mushrooms"])
def test_reference_sets_have_the_optimum_that_is_known(tmp_path: Path, cli: Callable[..., Outcome], name: str) -> None:
    known = json.loads((DATA / "libsvm" / f"{name}.json").read_text())
    answer = next(one for one in known["reference"] if "intercept unpenalised" in one["model"])
    outcome = cli(
        "data=libsvm",
        f"data.path={DATA / 'libsvm' / name}",
        f"data.n_features={known['n_features']}",
        "data.split.val=0",
        "data.split.test=0",
        "data.dtype=float64",
        "monitor=train/objective",
        f"model.l2={answer['lam']}",
        "trainer.max_epochs=1",
        "logger=none",
    )
    assert outcome.code == 0, outcome.err
    assert result_of(tmp_path)["reference"]["objective"] == pytest.approx(answer["objective_value"], rel=1e-9)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("compress", [lambda raw: raw, gzip.compress, bz2.compress])
def test_rows_come_back_as_they_were_written(tmp_path: Path, first: int, compress: Callable[[bytes], bytes]) -> None:
    dense = random_array((40, 300), density=0.1, rng=np.random.default_rng(0)).toarray()
    dense[0, 0] = dense[0, -1] = 1.0
    x = csr_array(dense)
    y = np.random.default_rng(1).normal(size=40)
    plain = tmp_path / "plain"
    dump_svmlight_file(x, y, str(plain), zero_based=not first)
    ending = {gzip.compress: ".gz", bz2.compress: ".bz2"}.get(compress, "")
    path = tmp_path / f"rows{ending}"
    path.write_bytes(compress(plain.read_bytes()))
    table = read(path)
    np.testing.assert_allclose(sparse(table).toarray(), dense, rtol=1e-15)
    np.testing.assert_allclose(table.target, y, rtol=1e-15)
    assert table.columns[:2] == (f"x{first}", f"x{first + 1}")  # as the file counts
    assert sparse(table).dtype == np.float64
    assert sparse(table).indices.dtype == np.int32
    assert (table.task, table.classes) == ("regression", None)


def test_more_features_than_occur_can_be_asked_for_and_not_fewer(tmp_path: Path) -> None:
    path = written(tmp_path / "rows", "1 3:1\n2 1:1\n")
    assert sparse(read(path, n_features=7)).shape == (2, 7)
    with pytest.raises(UserError, match=r"data\.n_features=2: .*rows has features up to index 3; raise it"):
        read(path, n_features=2)


def test_an_index_base_can_be_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "rows", "1 1:5\n2 2:6\n")
    assert sparse(read(path, zero_based=True)).toarray().tolist() == [[0, 5, 0], [0, 0, 6]]
    assert sparse(read(path, zero_based=False)).toarray().tolist() == [[5, 0], [0, 6]]
    path = written(tmp_path / "zero", "1 1:5\n\n2 0:6\n")
    with pytest.raises(UserError, match=r"zero: line 3: there is an index 0; set data.zero_based=true"):
        read(path, zero_based=False)


@pytest.mark.parametrize(
    ("labels", "task", "classes"),
    [
        (["+1", "-1"], "binary", ("-1", "1")),
        (["1", "2.0"], "binary", ("1", "2")),
        (["0.5", "1.5"], "binary", ("0.5", "1.5")),
        (["3", "10", "9"], "multiclass", ("3", "9", "10")),
        (["1", "2", "2.5"], "regression", None),
        ([str(k) for k in range(101)], "regression", None),
    ],
)
def test_few_whole_labels_are_classes(tmp_path: Path, labels: list[str], task: str, classes: tuple[str, ...]) -> None:
    table = read(written(tmp_path / "rows", "".join(f"{label} 1:1\n" for label in labels * 3)))
    assert (table.task, table.classes) == (task, classes)
    assert bool(table.notes) == (task == "multiclass")  # what may be meant otherwise is told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "rows has no rows"),
        ("# only a comment\n\n", "rows has no rows"),
        ("1\n2\n", "rows has labels but no features, written as index:value"),
        ("1 1:1\n1 2:1\n", "rows: every row has the label 1; there must be at least two classes"),
        ("1 1:1\nno 2:1\n", "line 2: could not convert string to float: 'no'; it should look like '1 3:0.5 7:2', "),
        ("1 1:1\n\n2 2:x\n", "line 3: could not convert string to float: 'x'; it should look like"),
        ("1 1:1\n2 2\n", "line 2: an entry has no ':'; it should look like"),
        ("1 1:1\n2 2:1 2:1\n", "line 2: Feature indices should be sorted and unique; it should"),
        ("1 1:1\n2 -2:1\n", "line 2: Invalid index -2; it should"),
        ("1 1:1\n2 3000000000:1\n", "line 2: an index is beyond 2147483647; it should"),
        ("1 1:1\n2,3 2:1\n", "line 2: the labels '2,3' are several; a row must have one"),
        ("1 1:1\n2:1 3:1\n", "line 2: it begins with '2:1' instead of a label"),
        ("1 qid:1 1:1\n", "line 1: 'qid:1': queries of a ranking are not supported; take them out of the file"),
        ("1 1:1 # one\n# none\nnan 1:1\n", "line 3: the label is nan; take the line out"),
        ("1 1:1\n\n2 1:1 4:inf\n", "line 3: the value of index 4 is inf; only finite numbers can be used"),
        ("a,b,c\n1,2,3\n", "line 1: the labels 'a,b,c' are several; a row must have one"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        read(written(tmp_path / "rows", text))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_truncated_archive_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "rows.gz"
    path.write_bytes(gzip.compress(b"1 1:1\n" * 1000)[:-20])
    with pytest.raises(UserError, match=r"rows\.gz cannot be read after line \d+: "):
        read(path)


def test_a_missing_file_is_one_sentence_with_the_nearest_name(tmp_path: Path) -> None:
    written(tmp_path / "mushrooms", "1 1:1\n")
    with pytest.raises(UserError, match=r"mushroom: there is no such file; did you mean 'mushrooms'\?$"):
        read(tmp_path / "mushroom")
    with pytest.raises(UserError, match=r"is a folder, not a file; it must be the file to read"):
        read(tmp_path)
    with pytest.raises(UserError, match=r"^data=libsvm needs data\.path, the file to read, such as"):
        load("libsvm", path=None, **PLAIN)


@given(st.lists(st.integers(-1000, 1000) | st.floats(-10, 10), min_size=2, max_size=30))
def test_classes_are_numbered_in_the_order_of_their_values(values: list[float]) -> None:
    if len(set(values)) < 2:
        return
    target, names = class_target(np.array(values, dtype=float), "here")
    assert [float(names[k]) for k in target] == [float(value) for value in values]
    assert sorted(map(float, names)) == [*map(float, names)]


def test_sixty_thousand_features_stay_sparse(tmp_path: Path) -> None:
    path = written(tmp_path / "rows", "1 60000:1\n2 1:1 59999:2\n")
    table = read(path)
    assert sparse(table).shape == (2, 60_000)
    assert sparse(table).nnz == 3
    assert table.columns[-1] == "x60000"


def test_a_file_of_test_rows_is_read_as_the_train_rows_decide(tmp_path: Path) -> None:
    train = written(tmp_path / "a", "1 3:1\n2 1:5\n3 2:1\n" * 2)
    other = written(tmp_path / "b", "3 2:7\n1 1:2\n")
    table = read(train, val_path=str(other), test_path=str(train))
    assert sparse(table).toarray()[6:8].tolist() == [[0, 7, 0], [2, 0, 0]]
    assert table.target.tolist() == [0, 1, 2, 0, 1, 2, 2, 0, 0, 1, 2, 0, 1, 2]
    assert table.part is not None
    assert table.part.tolist() == [0] * 6 + [1] * 2 + [2] * 6
    assert table.notes == ("the 3 whole numbers that are labels are read as classes",)
    # the labels of the test rows are whole numbers, too, but a number was learnt
    number = written(tmp_path / "c", "0.5 1:1\n1.5 1:2\n2.5 3:1\n")
    assert read(number, test_path=str(other)).target.tolist() == [0.5, 1.5, 2.5, 3, 1]


@pytest.mark.parametrize(
    ("text", "more", "sentence"),
    [
        ("1 4:1\n", {}, "b has features up to index 4, but {}a up to 3; set data.n_features=4"),
        ("1 0:1 4:1\n", {"n_features": 4}, "b: line 1: there is an index 0; set data.zero_based=true"),
        ("1 0:1 4:1\n", {"zero_based": True}, "b has features up to index 4, but {}a up to 3; set data.n_features=5"),
        ("1 1:inf\n", {}, "b: line 1: the value of index 1 is inf"),
        ("\n", {}, "b has no rows"),
    ],
)
def test_test_rows_of_other_features_are_one_sentence(
    tmp_path: Path, text: str, more: dict[str, Any], sentence: str
) -> None:
    train, other = written(tmp_path / "a", "1 3:1\n2 1:5\n"), written(tmp_path / "b", text)
    with pytest.raises(UserError) as error:
        read(train, test_path=str(other), **more)
    assert str(error.value).startswith(f"{tmp_path}/{sentence.replace('{}', f'{tmp_path}/')}")


def test_the_advice_on_test_rows_of_more_features_works(tmp_path: Path) -> None:
    train, other = written(tmp_path / "a", "1 3:1\n2 1:5\n"), written(tmp_path / "b", "1 4:1\n")
    assert sparse(read(train, test_path=str(other), n_features=4)).shape == (3, 4)
    zero = written(tmp_path / "c", "1 0:1\n")
    assert sparse(read(train, test_path=str(zero), zero_based=True)).shape == (3, 4)


def test_a_label_of_test_rows_that_no_train_row_has_is_refused(tmp_path: Path) -> None:
    train, other = written(tmp_path / "a", "1 3:1\n2 1:5\n" * 5), written(tmp_path / "b", "7 1:1\n")
    with pytest.raises(UserError, match=r"^target 'label': class '7' is that of 1 test row, and of no train row"):
        prepare(read(train, test_path=str(other)), Preparation(normalize="none"))
