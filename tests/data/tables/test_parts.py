"""Files of validation and test rows beside those of train rows: what one table of them all would say, part by part."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from onelayer.data.given import given_parts
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import prepare
from onelayer.errors import UserError
from onelayer.inspection import show_table
from tests.conftest import composed, load, rows_of
from tests.data.tables.conftest import frame_of, load_table, values_of

RNG = np.random.default_rng(0)
ROWS = 60
FRAME = pd.DataFrame(
    {
        "a": RNG.normal(size=ROWS).round(3),
        "city": np.array(["Bern", "Genf", "Zug"])[np.arange(ROWS) % 3],
        "y": RNG.normal(size=ROWS).round(3),
    }
)
PARTS = {"train": slice(0, 40), "val": slice(40, 50), "test": slice(50, 60)}


def write(frame: pd.DataFrame, path: Path) -> str:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False)
    return str(path)


def paths(folder: Path, ending: str = "csv", frame: pd.DataFrame = FRAME) -> dict[str, str]:
    files = {name: write(frame[rows], folder / f"{name}.{ending}") for name, rows in PARTS.items()}
    return {"path": files["train"], "val_path": files["val"], "test_path": files["test"]}


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_each_file_is_its_part(tmp_path: Path, ending: str) -> None:
    table = load_table(**paths(tmp_path, ending))
    assert table.part is not None
    assert table.part.tolist() == [0] * 40 + [1] * 10 + [2] * 10
    assert values_of(table)["a"] == FRAME["a"].tolist()
    assert table.target.tolist() == FRAME["y"].tolist()
    assert given_parts(table.part) == ("given with the data: 10 validation rows and 10 test rows",)
    data = prepare(table, Preparation())
    for name, rows in PARTS.items():
        assert rows_of(getattr(data, name)).y[:, 0].tolist() == FRAME["y"][rows].tolist()
    assert data.x_scale.shift[0] == pytest.approx(FRAME["a"][:40].mean(), rel=1e-12)


def test_rows_without_a_target_leave_the_others_in_their_part(tmp_path: Path) -> None:
    frame = FRAME.assign(y=FRAME["y"].where(~FRAME.index.isin([3, 39, 40, 59])))
    table = load_table(**paths(tmp_path, frame=frame))
    assert table.part is not None
    assert table.part.tolist() == [0] * 38 + [1] * 9 + [2] * 9
    assert table.target.tolist() == frame["y"].dropna().tolist()


def test_a_column_is_read_alike_in_all_files(tmp_path: Path) -> None:
    """Which is day and which is month, the test rows alone tell."""
    dates, codes = [f"0{1 + i % 9}/0{1 + i % 7}/2024" for i in range(ROWS)], [f"{i % 4}" for i in range(ROWS)]
    dates[55], codes[56] = "13/02/2024", "1.10"
    frame = FRAME.assign(date=dates, code=codes)
    values = values_of(load_table(**paths(tmp_path, frame=frame), category=["code"]))
    assert values["date.month"][:7] == [1, 2, 3, 4, 5, 6, 7]
    assert values["date.day"][55] == 13
    assert values["code"][55:58] == ["3", "1.10", "1"]


def test_numbers_of_other_widths_are_numbers(tmp_path: Path) -> None:
    """Whole numbers in the train rows, others in the test rows: nothing is rounded."""
    whole = write(FRAME[:40].assign(a=np.arange(40)), tmp_path / "a.parquet")
    table = load_table(path=whole, test_path=write(FRAME[40:], tmp_path / "b.parquet"))
    assert values_of(table)["a"] == [*range(40), *FRAME["a"][40:]]


def test_levels_and_holes_of_the_test_rows_alone_are_told(tmp_path: Path) -> None:
    frame = FRAME.assign(city=FRAME["city"].where(FRAME.index < 55, "Chur"), a=FRAME["a"].where(FRAME.index != 52))
    notes = prepare(load_table(**paths(tmp_path, frame=frame)), Preparation()).notes
    assert notes[-2].startswith("without a number, as no train row is: a (1 test row, become ")
    assert notes[-1] == "levels that no train row has: city (5 test rows, as none of them)"


def test_a_class_of_the_test_rows_alone_is_refused(tmp_path: Path) -> None:
    frame = FRAME.assign(y=np.where(FRAME.index < 58, np.where(FRAME["a"] > 0, "yes", "no"), "maybe"))
    with pytest.raises(UserError, match=r"^target 'y': class 'maybe' is that of 2 test rows, and of no train row; "):
        prepare(load_table(**paths(tmp_path, frame=frame)), Preparation())


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda frame: frame.drop(columns="city"), "there is no column 'city', which {}/train.parquet has"),
        (lambda frame: frame.assign(a="x"), "column 'a' is varchar, but double in {}/train.parquet; save both alike"),
        (lambda frame: frame.assign(y=np.nan), "data.test_path: none of its rows has a target, so that no test row"),
    ],
)
def test_a_file_of_other_columns_is_one_sentence(
    tmp_path: Path, ending: str, change: Callable[[pd.DataFrame], pd.DataFrame], sentence: str
) -> None:
    if ending == "csv":
        sentence = "its columns (a, y) are not those of" if "city" in sentence else sentence
    if ending == "csv" and "varchar" in sentence:
        return  # a text file has no types: the column is text, which is said
    where = paths(tmp_path, ending)
    write(change(FRAME[50:]), Path(where["test_path"]))
    with pytest.raises(UserError) as error:
        load_table(**where)
    assert sentence.replace("{}", str(tmp_path)) in str(error.value)
    assert "\n" not in str(error.value)


def test_further_columns_of_a_typed_file_are_told_and_left_out(tmp_path: Path) -> None:
    where = paths(tmp_path, "parquet")
    write(FRAME[50:].assign(more=1)[["y", "more", "city", "a"]], Path(where["test_path"]))
    table = load_table(**where)
    assert values_of(table)["a"] == FRAME["a"].tolist()
    assert any(note.endswith("test.parquet that train rows do not have are left out: 'more'") for note in table.notes)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"test_path": "none.csv"}, "data.test_path=none.csv: there is no such file"),
        ({"test_path": "{}/train.csv"}, "data.test_path={}/train.csv: {}/train.csv holds the train rows, too; give"),
        ({"test_path": "{}/t.parquet"}, "data.test_path={}/t.parquet: it is parquet, but {}/train.csv is delimited; s"),
        ({"stream": True}, "data.val_path needs the rows in memory, and data.stream=true reads few; set data.stream="),
        ({"path": None, "query": "select 1"}, "data.val_path goes with data.path, the file of the train rows; set"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path: Path, more: dict[str, Any], sentence: str) -> None:
    where: dict[str, Any] = paths(tmp_path)
    write(FRAME, tmp_path / "t.parquet")
    said = {key: value.replace("{}", str(tmp_path)) if isinstance(value, str) else value for key, value in more.items()}
    with pytest.raises(UserError) as error:
        load("table", target="y", **(where | said))
    assert str(error.value).startswith(sentence.replace("{}", str(tmp_path)))


def test_inspect_shows_the_files_together(tmp_path: Path) -> None:
    where = paths(tmp_path, frame=FRAME.assign(a=FRAME["a"].where(FRAME.index != 52)))
    console = Console(width=200, record=True, file=StringIO())
    show_table(composed("data=table", "data.target=y", *(f"data.{key}={path}" for key, path in where.items())), console)
    shown = console.export_text()
    assert "(3 files, separated by comma, utf-8): 60 rows x 3 columns" in shown
    assert "given with the data: 10 validation rows and 10 test rows" in shown
    assert "missing numbers become" not in shown  # no train row lacks one


def test_where_a_row_is_says_its_part(tmp_path: Path) -> None:
    frame = FRAME.assign(a=FRAME["a"].where(FRAME.index != 52, np.inf))
    with pytest.raises(UserError, match="row 3 of the test rows"):
        frame_of(load_table(**paths(tmp_path, frame=frame)))


def test_files_of_a_pattern_may_hold_a_column_as_integers_and_as_others(tmp_path: Path) -> None:
    """duckdb would read the second file by the types of the first, and round."""
    write(FRAME[:40].assign(a=np.arange(40)), tmp_path / "a.parquet")
    write(FRAME[40:][["y", "a", "city"]], tmp_path / "b.parquet")
    for path in (str(tmp_path / "*.parquet"), str(tmp_path)):
        assert values_of(load_table(path=path))["a"] == [*range(40), *FRAME["a"][40:]]
    write(FRAME[40:].assign(a="x"), tmp_path / "b.parquet")
    with pytest.raises(UserError, match=r"b\.parquet: column 'a' is varchar, but bigint in .*a\.parquet; save both"):
        load_table(path=str(tmp_path))
    write(FRAME[40:].drop(columns="city"), tmp_path / "b.parquet")
    with pytest.raises(UserError, match=r"b\.parquet: there is no column 'city', which .*a\.parquet has"):
        load_table(path=str(tmp_path))
