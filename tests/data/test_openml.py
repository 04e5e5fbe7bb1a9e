"""Sets of openml.org, from a folder that holds what its server would have answered."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from onelayer.data.frame import Column, Frame
from onelayer.data.table import Table
from onelayer.errors import UserError
from tests.conftest import load

ARFF = """@relation people
@attribute id numeric
@attribute age numeric
@attribute 'eye colour' {green, blue, 'dark brown', grey}
@attribute smokes {no, yes}
@attribute score real
@attribute class {no, maybe, '>50K'}
@data
1, 30, blue, no, 1.5, no
2, ?, green, yes, 2.5, '>50K'
3, 50, ?, no, -1, no
4, 41, 'dark brown', ?, ?, ?
5, 29.5, blue, yes, 0, '>50K'
"""
SPARSE = """@relation counts
@attribute word1 numeric
@attribute word2 numeric
@attribute seen {0, 1}
@attribute class {spam, ham}
@data
{0 2, 3 ham}
{}
{1 3.5, 2 1}
"""


def answer(folder: Path, path: str, content: bytes) -> None:
    """Put a file where scikit-learn keeps what it fetched."""
    file = folder / "openml" / "openml.org" / f"{path}.gz"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(content))


def fill(
    folder: Path,
    arff: str,
    *,
    target: str | None = "class",
    aside: str = "id",
    text: str = "",
    versions: int = 1,
    status: str = "active",
) -> str:
    """Answer all questions for a set called people; return its folder as the user would type it."""
    names = [line.split(None, 1)[1] for line in arff.splitlines() if line.startswith("@attribute")]
    names = [name.split("'")[1] if name.startswith("'") else name.split()[0] for name in names]
    sparse = "{0 2" in arff
    rows = arff.partition("@data\n")[2].strip().splitlines()
    found = [{"did": 7, "name": "people", "version": k + 1, "status": status} for k in range(versions)]
    features = [
        {
            "index": str(index),
            "name": name,
            "data_type": "string" if name == text else "nominal" if name in ("class", "smokes") else "numeric",
            "is_target": str(name == target).lower(),
            "is_ignore": "false",
            "is_row_identifier": str(name == aside).lower(),
            "number_of_missing_values": "0",
        }
        for index, name in enumerate(names)
    ]
    description = {
        "id": "7",
        "name": "people",
        "version": "1",
        "status": status,
        "description": "made here",
        "format": "Sparse_ARFF" if sparse else "ARFF",
        "url": "https://www.openml.org/data/v1/download/7/people.arff",
        "md5_checksum": hashlib.md5(arff.encode()).hexdigest(),
    }
    description |= {"default_target_attribute": target} if target else {}
    api = "api/v1/json/data"
    asked: dict[str, Any] = {
        f"{api}/list/data_name/people/limit/2/status/active/": {"data": {"dataset": found}},
        f"{api}/list/data_name/people/limit/2/data_version/1": {"data": {"dataset": found}},
        f"{api}/7": {"data_set_description": description},
        f"{api}/features/7": {"data_features": {"feature": features}},
        f"{api}/qualities/7": {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": str(len(rows))}]}},
    }
    for path, said in asked.items():
        answer(folder, path, json.dumps(said).encode())
    answer(folder, "data/v1/download/7/people.arff", arff.encode())
    return str(folder)


def read(data_home: str, **more: Any) -> Table:
    return load("openml", **({"name": "people", "version": None, "target": None, "data_home": data_home} | more))


def test_nominal_columns_are_categories_and_the_others_numbers(tmp_path: Path) -> None:
    table = read(fill(tmp_path, ARFF))
    frame = table.features
    assert isinstance(frame, Frame)
    assert frame.columns == (
        Column("age"),
        Column("eye colour", "category", ("blue", "green")),  # of the rows that have a target
        Column("smokes", "category", ("no", "yes")),
        Column("score"),
    )
    assert table.columns == ("age", "eye colour", "smokes", "score")  # id is a row identifier
    np.testing.assert_array_equal(frame.numbers, [[30, 1.5], [np.nan, 2.5], [50, -1], [29.5, 0]])
    assert frame.codes.tolist() == [[0, 0], [1, 1], [-1, 0], [0, 1]]
    assert [frame.numbers.dtype.name, frame.codes.dtype.name] == ["float64", "int32"]


def test_rows_without_a_target_are_left_out_with_their_number(tmp_path: Path) -> None:
    table = read(fill(tmp_path, ARFF))
    assert (table.target_name, table.classes) == ("class", (">50K", "no"))
    assert table.target.tolist() == [1, 0, 1, 0]
    assert table.notes == ("1 row without a value of the target 'class' left out",)


def test_another_column_can_be_the_target(tmp_path: Path) -> None:
    table = read(fill(tmp_path, ARFF), target="score", version=1)
    assert (table.task, table.target.tolist()) == ("regression", [1.5, 2.5, -1, 0])
    assert table.columns == ("age", "eye colour", "smokes", "class")


def test_a_column_to_split_by_is_no_feature(tmp_path: Path) -> None:
    whole = ARFF.replace("3, 50, ?,", "3, 50, grey,")
    table = read(fill(tmp_path, whole), by="eye colour")
    assert table.by is not None
    assert table.by.tolist() == ["blue", "green", "grey", "blue"]
    assert table.columns == ("age", "smokes", "score")
    by_number = read(fill(tmp_path, ARFF.replace("2, ?,", "2, 31,")), by="age").by
    assert read(fill(tmp_path, ARFF), by="smokes").by is not None  # the hole is in a row that is left out
    assert by_number is not None
    assert by_number.tolist() == [30, 31, 50, 29.5]


def test_sparse_sets_stay_sparse(tmp_path: Path) -> None:
    table = read(fill(tmp_path, SPARSE))
    assert isinstance(table.features, csr_array)
    assert table.features.toarray().tolist() == [[2, 0, 0], [0, 0, 0], [0, 3.5, 1]]
    assert (table.features.nnz, table.features.dtype) == (3, np.float64)
    assert table.columns == ("word1", "word2", "seen")
    assert table.classes == ("ham", "spam")
    assert table.target.tolist() == [0, 1, 1]


def test_what_scikit_learn_warns_of_is_told(tmp_path: Path) -> None:
    notes = read(fill(tmp_path, ARFF, versions=2)).notes
    assert notes[0].startswith("Multiple active versions of the dataset matching the name people exist.")
    assert "\n" not in notes[0]


@pytest.mark.parametrize(
    ("arff", "made", "more", "said"),
    [
        (ARFF, {}, {"target": "scores"}, "data.target=scores: {} has no such column; did you mean 'score'?"),
        (ARFF, {}, {"by": "ages"}, "data.split.by=ages: {} has no such column; did you mean 'age'?"),
        (
            ARFF,
            {},
            {"by": "age"},
            "data.split.by=age: it has no value in 1 of the 4 rows; split by a column without holes",
        ),
        (
            ARFF,
            {"target": None},
            {},
            "{}: set data.target, since OpenML names none; there are age, eye colour, smokes, score, class",
        ),
        (
            ARFF,
            {"target": "a,b"},
            {},
            "{}: set data.target, since OpenML asks for 'a,b'; there are age, eye colour, smokes, score, class",
        ),
        (
            ARFF,
            {"text": "smokes"},
            {},
            "{}: it has columns of free text; save it from https://www.openml.org as a file, and use data=table",
        ),
        (
            SPARSE.replace("{0, 1}", "{1, 0}"),
            {},
            {},
            "{} is sparse, but its column 'seen' holds the levels 1, 0, which cannot be told from zeros there; use "
            "another version of the set",
        ),
        (
            SPARSE.replace("3.5", "?"),
            {},
            {},
            "{} is sparse, but its column 'word2' has missing or infinite values, which cannot be filled in there; use "
            "another version of the set",
        ),
        (
            ARFF.replace("'>50K'\n", "no\n"),
            {},
            {},
            "{}, 'class': every row has the label no; there must be at least two classes",
        ),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    tmp_path: Path, arff: str, made: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    home = fill(tmp_path, arff, **made)
    with pytest.raises(UserError) as error:
        read(home, **more)
    assert str(error.value) == said.replace("{}", "data=openml data.name=people")


def test_a_spoilt_copy_is_fetched_again_and_where_that_fails_the_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = fill(tmp_path, ARFF)
    answer(tmp_path, "data/v1/download/7/people.arff", b"something else")
    unreachable(monkeypatch)
    with pytest.raises(UserError, match=r"openml\.org cannot be reached"):
        read(home)


def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send all requests to a port where nobody listens."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")


def test_without_a_network_and_a_copy_the_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreachable(monkeypatch)
    with pytest.raises(UserError) as error:
        read(str(tmp_path))
    assert str(error.value) == (
        "data=openml data.name=people: https://www.openml.org cannot be reached ([Errno 111] Connection refused), and "
        f"{tmp_path} holds no copy; copy that folder from where the set was fetched, and set data.data_home to it"
    )


def test_a_name_is_needed() -> None:
    with pytest.raises(UserError, match=r"^data=openml needs data\.name, the name of a set on openml\.org"):
        load("openml", name=None, version=None, target=None, data_home=None)
