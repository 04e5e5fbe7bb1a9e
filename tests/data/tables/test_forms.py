"""Parquet, JSON, SQL and frames from Python; names and paths with anything in them; larger and wider tables."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from onelayer.data.sources.table import table_of
from onelayer.data.table import Table
from onelayer.data.tables.fetch import BLOCK_ROWS
from onelayer.errors import UserError
from tests.data.tables.conftest import frame_of, load_table, roles_of, values_of

ODD_NAMES = [
    'a"b',
    "it's",
    "a,b",
    "é ü 中",
    "select",
    "from",
    " ",
    "x;drop table rows",
    "%s",
    "$1",
    "{x}",
    "a\\b",
    "ROWS",
]


def write(folder: Path, file: str, query: str, options: str = "") -> Path:
    path = folder / file
    quoted = str(path).replace("'", "''")
    duckdb.connect().execute(f"COPY ({query}) TO '{quoted}' {options}")
    return path


TYPES = """
SELECT * FROM (VALUES
  (1::TINYINT, 1::UBIGINT, 1.25::DECIMAL(9,2), 0.5::FLOAT, true, 'a',
   DATE '2020-01-01', TIMESTAMP '2020-01-01 05:00', 1),
  (2::TINYINT, 9::UBIGINT, -1.25::DECIMAL(9,2), 'nan'::FLOAT, false, NULL, NULL, NULL, 2.0),
  (NULL, NULL, NULL, NULL, NULL, 'b', DATE '2020-01-02', TIMESTAMP '2020-01-02 06:00', 4.0)
) AS t(tiny, big, exact, float, truth, level, day, moment, y)
"""


def test_types_of_parquet(tmp_path: Path) -> None:
    table = load_table(path=str(write(tmp_path, "t.parquet", TYPES)))
    values = values_of(table)
    assert {name: values[name] for name in ("tiny", "big", "exact", "float", "truth", "level")} == {
        "tiny": [1, 2, None],
        "big": [1, 9, None],
        "exact": [1.25, -1.25, None],
        "float": [0.5, None, None],
        "truth": [1, 0, None],
        "level": ["a", None, "b"],
    }
    assert (values["day.day"], values["moment.hour"]) == ([1, None, 2], [5, None, 6])
    assert table.notes == ()


def test_nested_types_are_left_out_with_a_note(tmp_path: Path) -> None:
    query = "SELECT i AS x, [i, i] AS list, {'a': i} AS struct, 'b'::BLOB AS blob, i * i AS y FROM range(5) AS t(i)"
    path = str(write(tmp_path, "t.parquet", query))
    table = load_table(path=path)
    assert roles_of(table) == {"x": "numeric"}
    assert [note.partition(":")[0] for note in table.notes] == [
        f"'{one}' is left out" for one in ("list", "struct", "blob")
    ]
    with pytest.raises(UserError, match=r"data\.numeric=\[list\]: its type is BIGINT\[\], which no role can hold"):
        load_table(path=path, numeric=["list"])


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    for part in range(3):
        write(tmp_path, f"{part}.parquet", f"SELECT i AS x, i * i AS y FROM range({2 * part}, {2 * part + 2}) AS t(i)")
    assert values_of(load_table(path=str(tmp_path))) == {"x": [0, 1, 2, 3, 4, 5]}


def test_parquet_files_of_other_columns_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", "SELECT 1 AS x, 2 AS y")
    write(tmp_path, "b.parquet", "SELECT 1 AS z, 2 AS y")
    with pytest.raises(UserError) as refused:
        load_table(path=str(tmp_path / "*.parquet"))
    assert "b.parquet" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("file", ["t.json", "t.jsonl", "t.ndjson", "t.json.gz"])
def test_json(tmp_path: Path, file: str) -> None:
    query = "SELECT * FROM (VALUES (1, 'a', 1.5), (NULL, 'b', 2), (3, NULL, 4)) AS t(x, level, y)"
    path = write(tmp_path, file, query, "(FORMAT json, ARRAY true)" if ".json." in f"{file}." else "(FORMAT json)")
    assert values_of(load_table(path=str(path))) == {"x": [1, None, 3], "level": ["a", "b", None]}


def test_a_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rides").mkdir()
    for part in range(2):
        rides = f"SELECT i AS x, 10 * i - 30 AS fare FROM range({5 * part}, {5 * part + 5}) AS t(i)"
        write(tmp_path / "rides", f"{part}.parquet", rides)
    monkeypatch.chdir(tmp_path)
    table = load_table(
        query="select x, x * x as x2, fare from 'rides/*.parquet' where fare > 0 -- paid\n;", target="fare"
    )
    assert values_of(table) == {"x": list(range(4, 10)), "x2": [i * i for i in range(4, 10)]}


NO_QUERY = {
    "selec": 'data.query=selec: syntax error at or near "selec"',
    "select * from 'nofile.csv'": "No files found that match the pattern",
    "select nox from (select 1 as x)": 'Referenced column "nox" not found',
    "drop table x": "data.query must be one SELECT",
    "select 1; select 2": "data.query must be one SELECT",
    "": "data.query must be one SELECT",
    "select 1 as x, 2 as y where false": "data.query: the table has no rows",
    "select x, y / 0 as y from (values (1, 2), (2, 3)) as t(x, y)": "column 'y' is inf in row 1",
}


@pytest.mark.parametrize("query", NO_QUERY)
def test_queries_that_are_refused(query: str) -> None:
    with pytest.raises(UserError) as refused:
        load_table(query=query)
    assert NO_QUERY[query] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_text_of_a_query_is_understood_as_that_of_a_file() -> None:
    table = load_table(query="select * from (values ('1,5', ' a', 1), ('?', 'b ', 2), ('3', 'NA', 4)) as t(x, z, y)")
    assert values_of(table) == {"x": [1.5, None, 3], "z": ["a", "b", None]}
    assert len(table.notes) == 4


def test_names_that_duckdb_made_up_are_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("1,2\n2,3\n4,5\n")
    table = load_table(query=f"from '{tmp_path}/t.csv'", target="column1")
    assert table.notes == (
        "column0, column1 may be duckdb's names for a file without a header; see names= of read_csv",
    )


def test_types_that_duckdb_takes_from_the_first_rows_are_told(tmp_path: Path) -> None:
    rows = [f"{row},{row % 30}" for row in range(30_000)] + ["1.5,1"]
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *rows]))
    few = load_table(query=f"from '{tmp_path}/t.csv'")
    every = load_table(query=f"from read_csv('{tmp_path}/t.csv', sample_size=-1)")
    assert (values_of(few)["x"][-1], values_of(every)["x"][-1]) == (2, 1.5)
    (told,) = few.notes
    assert told.endswith("to look at all rows write read_csv('...', sample_size=-1), or read it by data.path")
    assert not every.notes
    (tmp_path / "few.csv").write_text("\n".join(["x,y", *rows[:1000]]))
    assert not load_table(query=f"from '{tmp_path}/few.csv'").notes


NO_FILE: dict[str, tuple[dict[str, Any], str]] = {
    "not there": ({"path": "housng.csv"}, "there is no such file; did you mean 'housing.csv'?"),
    "no folder": ({"path": "nowhere/housing.csv"}, "there is no such file; there is no folder nowhere either"),
    "no match": ({"path": "*.parquet"}, "no file matches this pattern"),
    "a suffix": ({"path": "table.dat"}, "table.dat: a table ends in .csv, .tsv"),
    "a spreadsheet": ({"path": "table.xlsx"}, "table.xlsx: a spreadsheet is no table yet; save its sheet as CSV"),
    "no parquet": ({"path": "."}, "the folder has no .parquet files"),
    "several forms": ({"path": "*.*s*"}, "matches files of several forms (delimited, json)"),
    "the network": ({"path": "https://example.org/housing.csv"}, "files are read from this machine alone"),
    "two": ({"path": "housing.csv", "query": "select 1"}, "both are given"),
    "none": ({}, "none is given"),
    "an encoding": ({"path": "t.json", "encoding": "latin-1"}, "data.encoding is for delimited text"),
    "names": ({"query": "select 1", "names": ["x"]}, "data.names is for delimited text"),
    "broken": ({"path": "broken.parquet"}, "broken.parquet: "),
}


@pytest.mark.parametrize("case", NO_FILE)
def test_what_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    folder = tmp_path / "only" if case == "no parquet" else tmp_path
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    if case != "no parquet":
        Path("housing.csv").write_text("x,y\n1,2\n")
        Path("table.xlsx").write_text("")
        Path("table.dat").write_text("")
        Path("t.json").write_text("[]")
    if case == "broken":
        Path("broken.parquet").write_text("no parquet")
    if case == "several forms":
        Path("table.xlsx").unlink()
    arguments, reason = NO_FILE[case]
    with pytest.raises(UserError) as refused:
        load_table(**arguments)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["it's.csv", 'a "b" [1].csv', "*.csv", "a?{b}.csv", "é 中.csv", "a;b--.csv", "%20.csv"]
)
def test_paths_with_anything_in_them(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x,y\n1,2\n3,4\n5,7\n")
    (tmp_path / "other.csv").write_text("z,y\n9,9\n")
    assert values_of(load_table(path=str(tmp_path / name))) == {"x": [1, 3, 5]}


@pytest.mark.parametrize("file", ["t.csv", "t.parquet"])
def test_columns_with_any_name(tmp_path: Path, file: str) -> None:
    names = [one for one in ODD_NAMES if one.strip()]
    aliases = ", ".join(f'i * i + {place} AS "{one.replace(chr(34), 2 * chr(34))}"' for place, one in enumerate(names))
    path = write(tmp_path, file, f"SELECT {aliases}, i AS y FROM range(3) AS t(i)")
    table = load_table(path=str(path), category=names[:3], sample_weight=names[4], by=names[5])
    assert [one.name for one in frame_of(table).columns] == [*names[:4], *names[6:]]
    assert values_of(table)[names[3]] == [3, 4, 7]
    assert values_of(table)[names[0]] == ["0", "1", "4"]


def pandas_frame(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("pandas").DataFrame(columns)


def polars_frame(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("polars").DataFrame(columns)


def arrow_table(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


@pytest.mark.parametrize("make", [pandas_frame, polars_frame, arrow_table])
def test_frames_from_python(make: Callable[[dict[str, list[Any]]], Any]) -> None:
    frame = make(
        {
            "x": [1.5, None, 3.0, 4.0],
            "level": ["b", None, "a", "b"],
            "truth": [True, False, True, False],
            "n": [1, 2, 3, 4],
            "w": [1, 2, 1, 1],
            "kind": ["u", "v", "u", None],
        }
    )
    table = table_of(frame, target="kind", category=["n"], sample_weight="w")
    assert values_of(table) == {
        "x": [1.5, None, 3],
        "level": ["b", None, "a"],
        "truth": [1, 0, 1],
        "n": ["1", "2", "3"],
    }
    assert (table.classes, table.target.tolist()) == (("u", "v"), [0, 1, 0])
    assert table.notes == ("1 of 4 rows have no 'kind' and are left out",)


def test_categories_and_times_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    moments = pandas.to_datetime(["2020-01-01 00:00", None, "2020-03-01 07:00"])
    frame = pandas.DataFrame({"c": pandas.Categorical(["10", "9", None]), "t": moments, "y": [1, 2, 4]})
    values = values_of(table_of(frame, target="y"))
    assert (values["c"], values["t.hour"]) == (["10", "9", None], [0, None, 7])


def test_what_is_no_frame() -> None:
    with pytest.raises(UserError, match="the table"):
        table_of(object(), target="y")


def test_rows_keep_their_order_over_blocks(tmp_path: Path) -> None:
    count = 2 * BLOCK_ROWS + 17
    level, y = "if(i % 3 = 0, NULL, 'c' || i % 5) AS level", "if(i % 7 = 0, NULL, i % 11) AS y"
    query = f"SELECT i AS x, {level}, {y} FROM range({count}) AS t(i)"
    table = load_table(path=str(write(tmp_path, "t.parquet", query)))
    i = np.arange(count)
    i = i[i % 7 != 0]
    frame = frame_of(table)
    np.testing.assert_array_equal(frame.numbers[:, 0], i)
    np.testing.assert_array_equal(frame.codes[:, 0], np.where(i % 3 == 0, -1, i % 5))
    np.testing.assert_array_equal(table.target, i % 11)


def test_five_hundred_columns(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(20, 500))
    lines = [",".join(f"x{j}" for j in range(500)) + ",y"]
    lines += [",".join(map(repr, row.tolist())) + f",{place}" for place, row in enumerate(x)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    np.testing.assert_array_equal(frame_of(load_table(path=str(tmp_path / "t.csv"))).numbers, x)


def test_every_text_form_reads_alike(tmp_path: Path) -> None:
    """The same rows as CSV, Parquet and JSON are the same table."""
    rows = [{"x": i / 4 if i % 5 else None, "z": "abc"[i % 3], "y": i * i} for i in range(12)]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    write(tmp_path, "t.parquet", f"SELECT * FROM read_json('{tmp_path}/t.json')")
    write(tmp_path, "t.csv", f"SELECT * FROM read_json('{tmp_path}/t.json')")

    def shown(table: Table) -> tuple[Any, ...]:
        return values_of(table), table.target.tolist(), table.classes, table.notes

    csv, parquet, plain = (shown(load_table(path=str(tmp_path / f"t.{one}"))) for one in ("csv", "parquet", "json"))
    assert csv == parquet == plain
