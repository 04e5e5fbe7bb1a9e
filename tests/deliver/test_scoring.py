"""The file of predictions: its columns whatever they and the classes are called, and nothing of it if it is ended."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from onelayer.data.encode import Encoder
from onelayer.deliver.load import load
from onelayer.deliver.scoring import score
from onelayer.errors import UserError
from tests.conftest import ROOT
from tests.deliver.exports import model_of
from tests.test_artefact import SAID

AWKWARD = ("A", "a", 'it\'s, "so"', "new\nline", "tab\t")


def table(folder: Path, columns: str, rows: int = 3) -> str:
    path = str(folder / "t.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {columns} FROM range({rows}) AS t(i)) TO '{path}'")
    return path


def lines(path: Path, separator: str = ",") -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter=separator))


@pytest.mark.parametrize("name", ["prediction", "Prediction", "probability_yes", "PROBABILITY_YES"])
def test_an_id_that_is_called_as_what_the_model_says_is_refused(name: str, tmp_path: Path) -> None:
    one = model_of(Encoder.plain(("x",)), ("no", "yes"), "logit")
    path = table(tmp_path, f'i AS x, i AS "{name}"')
    sentence = f"--id {name}: the file has the column '{name.lower()}' for what the model says; leave the id out, or"
    with pytest.raises(UserError, match=re.escape(sentence)):
        score(one, path, tmp_path / "said.csv", ids=[name])
    assert not (tmp_path / "said.csv").exists()
    score(one, path, tmp_path / "said.csv")  # nobody keeps it
    assert lines(tmp_path / "said.csv")[0] == ["prediction", "probability_no", "probability_yes"]


def test_an_id_may_be_called_as_columns_within_are(tmp_path: Path) -> None:
    one = model_of(Encoder.plain(("x",)), None, "identity")
    names = ("p0", "rows", "predictions", 'a "b"', "probability_yes")
    path = table(tmp_path, ", ".join(["i AS x", *(f"i + {at} AS {duck(name)}" for at, name in enumerate(names))]))
    for form in ("csv", "parquet"):
        score(one, path, tmp_path / f"said.{form}", ids=[*names, names[0]])
    header, *rows = lines(tmp_path / "said.csv")
    assert header == [*names, "prediction"]
    assert [row[:-1] for row in rows] == [[str(i + at) for at in range(len(names))] for i in range(3)]
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT * FROM '{tmp_path}/said.parquet'").df()
    assert list(found) == header
    np.testing.assert_array_equal(found["prediction"], [float(row[-1]) for row in rows])


def duck(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize(("form", "separator"), [("csv", ","), ("tsv", "\t")])
def test_a_header_names_the_classes_as_they_are(form: str, separator: str, tmp_path: Path) -> None:
    """duckdb would call the second of A and a `a_1`."""
    one = model_of(Encoder.plain(("x",)), AWKWARD, "softmax")
    path = table(tmp_path, "i AS x")
    score(one, path, tmp_path / f"said.{form}")
    header, *rows = lines(tmp_path / f"said.{form}", separator)
    assert header == ["prediction", *(f"probability_{name}" for name in AWKWARD)]
    wanted = one.predict_proba({"x": [0.0, 1.0, 2.0]})
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], float), wanted)
    assert [row[0] for row in rows] == [AWKWARD[place] for place in wanted.argmax(1)]


def test_a_parquet_file_has_no_columns_that_differ_in_case_alone(tmp_path: Path) -> None:
    one = model_of(Encoder.plain(("x",)), ("A", "b", "a"), "softmax")
    with pytest.raises(UserError, match=r"the classes A, b, a differ in capital letters alone.*; write a .csv file"):
        score(one, table(tmp_path, "i AS x"), tmp_path / "said.parquet")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_nothing_stays_of_a_prediction_that_is_ended(how: signal.Signals, tmp_path: Path) -> None:
    one = model_of(Encoder.plain(("x",)), ("no", "yes"), "logit").artefact
    replace(one, header={**one.header, "training": SAID["training"]}).save(tmp_path / "model")
    path, scratch = table(tmp_path, "i AS x", 3_000_000), tmp_path / "scratch"
    scratch.mkdir()
    arguments = ["predict", "model", path, "-o", "said.csv"]
    child = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.argv[1:] = {arguments}; from onelayer.cli import main; main()"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(scratch), "PYTHONPATH": str(ROOT / "src")},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not list(scratch.glob("*/rows.duckdb")):
            time.sleep(0.005)
            assert child.poll() is None
        child.send_signal(how)
        _, said = child.communicate(timeout=300)
    finally:
        child.kill()
    assert (child.returncode, said) == (128 + how, "")
    assert not list(scratch.iterdir())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model", "scratch", "t.parquet"]


@pytest.mark.parametrize(
    ("board", "sentence"),
    [
        (b"rank,val/loss\n1,0.5\n", "it has no column 'directory'"),
        (b"directory,val/loss\na,0.5\n", "it has no column 'rank'"),
        (b"", "it has no column 'rank'"),
        (b"rank,directory\n1\n", "it does not say where its first run is"),
        ("rank,directory\n1,zwölf\n".encode("latin-1"), "it cannot be read ('utf-8' codec"),
        ("rank,directory\n1,a\n".encode("utf-16"), "it cannot be read ('utf-8' codec"),
    ],
)
def test_a_leaderboard_that_is_none_is_said_to_be(board: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "leaderboard.csv").write_bytes(board)
    with pytest.raises(UserError) as refused:
        load(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path}/leaderboard.csv: {sentence}")
    assert str(refused.value).endswith(f"; choose again with onelayer leaderboard {tmp_path} --choose")
