"""`onelayer inspect`, and SQL and paths on the command line of `onelayer train`."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onelayer.cli import main
from tests.conftest import Outcome, result_of

FILE = "people.csv"
NO_COLUMN = "the table has no such column"
ROWS = "id,age,town,born,note,y\n" + "".join(
    f"{i},{'' if i % 5 == 0 else 20 + i},{'abc'[i % 3]},2020-01-{i + 1:02},free text {i},{'yes' if i % 2 else 'no'}\n"
    for i in range(25)
)


@pytest.fixture
def screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run `onelayer inspect` in a folder with the file people.csv."""
    (tmp_path / "people.csv").write_text(ROWS)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["onelayer", "inspect", *arguments])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Outcome(code, *capsys.readouterr())

    return run


def lines_of(outcome: Outcome) -> dict[str, list[str]]:
    """The rows of the table by the column's name, split at wide gaps."""
    rows = [line.split() for line in outcome.out.splitlines()]
    return {row[0]: row[1:] for row in rows if row}


def test_the_screen_says_how_each_column_enters(screen: Callable[..., Outcome]) -> None:
    shown = screen("people.csv", "target=y")
    assert (shown.code, shown.err) == (0, "")
    assert "people.csv (separated by comma, utf-8): 25 rows x 6 columns -> 8 features" in shown.out
    rows = lines_of(shown)
    assert rows["id"] == ["bigint", "identifier", "25", "0", "to", "24"]
    assert rows["age"][:4] == ["bigint", "numeric", "5", "20"]
    assert rows["town"] == ["varchar", "category", "3", "a,", "b,", "c", "town=a,", "=b,", "=c"]
    assert rows["born"][:4] == ["date", "date", "25", "2020-01-01"]
    assert rows["born"][-5:] == ["born.year,", ".month,", ".day,", "...", "(4)"]
    assert rows["note"][:3] == ["varchar", "identifier", "25"]
    assert rows["y"] == ["varchar", "target", "2", "no,", "yes"]
    assert "target 'y': 2 classes -> binary (no 13, yes 12)" in shown.out
    assert "'note' is left out as an identifier: every row has another text" in shown.out
    assert "missing numbers become the mean of the train rows: age (5 rows, 32.5)" in shown.out


def test_keys_are_those_of_the_source(screen: Callable[..., Outcome]) -> None:
    shown = screen(
        "people.csv", "target=age", "drop=[id,note]", "category=[y]", "encode.drop_first=true", "split.by=town"
    )
    assert "target 'age': a number -> regression" in shown.out
    rows = lines_of(shown)
    assert (rows["id"][1], rows["town"][1], rows["y"][-1]) == ("dropped", "split", "y=yes")
    assert "5 of 25 rows have no 'age' and are left out" in shown.out


def test_keys_may_be_those_of_training(screen: Callable[..., Outcome]) -> None:
    assert screen("people.csv", "data.target=y", "data.drop=[id]") == screen("people.csv", "target=y", "drop=[id]")


def test_which_rows_the_numbers_are_of(screen: Callable[..., Outcome]) -> None:
    said = "train rows are all rows here; in training they are those that data.split leaves"
    assert said in screen("people.csv", "target=y").out
    assert said not in screen("people.csv", "target=y", "drop=[age]").out


def test_a_query_and_no_target(screen: Callable[..., Outcome]) -> None:
    shown = screen("query=select age, town from 'people.csv', (select 1) where y = 'no'")
    assert "data.query: 13 rows x 2 columns" in shown.out
    assert "target: none is named; target=COLUMN shows how it is read" in shown.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["peple.csv"], "error: data.path=peple.csv: there is no such file; did you mean 'people.csv'?\n"),
        ([FILE, "targt=y"], "error: data.targt: there is no such key; did you mean 'data.target'?\n"),
        ([FILE, "target=zz"], f"error: data.target=zz: {NO_COLUMN}; there are id, age, town, born, note, y\n"),
        ([FILE, "drop=1"], "error: data.drop=1: must be a list, such as [1]\n"),
        ([FILE, "drop=id"], "error: data.drop=id: must be a list, such as [id]\n"),
        ([FILE, "encode.impute=x"], "error: data.encode.impute=x: must be 'mean', 'median' or 'constant'\n"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(screen: Callable[..., Outcome], arguments: list[str], said: str) -> None:
    assert screen(*arguments) == Outcome(1, "", said)


def test_help(screen: Callable[..., Outcome]) -> None:
    assert "onelayer inspect FILE [target=COLUMN]" in screen("--help").out
    assert screen().code == 2


def test_training_on_a_query(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "people (1).csv").write_text(ROWS)
    query = "data.query=select age, town, y from 'people (1).csv', (select 1) where age > 20"
    shown = cli("data=table", query, "data.target=y", "trainer.max_epochs=2", "logger=none", "model.l2=0.1")
    assert (shown.code, shown.err) == (0, "")
    assert result_of(tmp_path)["status"] == "done"
