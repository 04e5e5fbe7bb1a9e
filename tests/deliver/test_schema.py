"""What a cell means never depends on the other cells of its file: a model reads by the schema of its training."""

import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from onelayer.data.encode import Encoder, EncodeSettings
from onelayer.data.frame import Frame
from onelayer.data.sources.table import MISSING
from onelayer.data.sources.table import table as table_source
from onelayer.data.table import Table
from onelayer.data.tables import sql
from onelayer.data.tables.fetch import Unfetched, fetch_frame
from onelayer.data.tables.notation import Notation
from onelayer.deliver.model import Model
from onelayer.deliver.opening import Named
from onelayer.deliver.scoring import score
from onelayer.errors import UserError
from tests.conftest import examples
from tests.deliver.exports import model_of

SAME_TABLES = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=examples(6),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def model_on(path: Path | str | None, **how: Any) -> Model:
    """A model with random weights on all rows of a table, whose target is y."""
    return model_and_rows(path, **how)[0]


def model_and_rows(path: Path | str | None, **how: Any) -> tuple[Model, Frame]:
    """The same, with the rows as training has them."""
    table = table_source(path=None if path is None else str(path), target="y", **how)
    assert isinstance(table, Table)
    assert isinstance(table.features, Unfetched)
    frame = fetch_frame(table.features.rows, table.features.readings)
    encoder = Encoder.fit(frame, EncodeSettings())
    encoder = Encoder.from_json(json.loads(encoder.text))  # as it is after delivery
    model = model_of(encoder, table.classes, "softmax" if table.classes else "identity")
    model.artefact.header.update({"target": "y", "missing": list(MISSING), "origin": table.origin.to_json()})
    return model, frame


def predicted(model: Model, table: Path | str | Named) -> list[str]:
    """The first column that `predict` writes, as texts, for each row."""
    named = Named(str(table)) if isinstance(table, Path) else Named.of(table)
    out = (Path(named.path) if named.path else Path("query")).with_suffix(".scored.csv")
    score(model, named, out, force=True)
    with out.open(newline="") as file:
        _, *rows = csv.reader(file)
    return [row[0] for row in rows]


def write(path: Path, header: Sequence[str] | None, rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        table = csv.writer(file)
        table.writerows([*([header] if header is not None else []), *rows])
    return path


def mixed_rows(count: int) -> tuple[list[str], list[list[str]]]:
    """Versions, zip codes, day-first dates, codes, answers, decimal commas, thousands, accents; 1.10 is not 1.1."""
    rng = np.random.default_rng(0)
    versions, zips, codes = ["1.1", "1.10", "1.9", "2.0.1"], ["02116", "2116", "94105"], ["1e5", "100000", "2e3"]
    rows = []
    for row in range(count):
        day = date(2024, 1, 1).toordinal() + int(rng.integers(366))
        rows.append(
            [
                versions[rng.integers(4)],
                zips[rng.integers(3)],
                date.fromordinal(day).strftime("%d/%m/%Y"),
                codes[rng.integers(3)],
                ["yes", "No"][rng.integers(2)],
                f"{rng.normal():.3f}".replace(".", ","),
                f"{rng.integers(900, 9_000_000):,}".replace(",", "."),
                ["Köln", "Genève", "Rome"][rng.integers(3)],
                str(row),
            ]
        )
    return ["version", "zip", "when", "code", "answer", "size", "people", "city", "y"], rows


@pytest.mark.parametrize("every", [20, pytest.param(1, marks=pytest.mark.slow)])
def test_each_row_in_a_file_of_its_own_predicts_as_among_the_others(tmp_path: Path, every: int) -> None:
    header, rows = mixed_rows(200)
    path = write(tmp_path / "all.csv", header, rows, "latin-1")
    how: dict[str, Any] = {"category": ["version", "zip", "code"], "boolean": ["answer"], "numeric": ["people"]}
    model = model_on(path, encoding="latin-1", decimal=",", thousands=".", **how)
    assert {design.name: design.role for design in model.artefact.encoder.designs} == {
        "version": "category", "zip": "category", "when": "date", "code": "category", "answer": "boolean",
        "size": "numeric", "people": "numeric", "city": "category",
    }  # fmt: skip
    together = predicted(model, path)
    assert len(set(together)) > 190
    for number in range(0, 200, every):  # each opens a database
        alone = write(tmp_path / "one.csv", header[:-1], [rows[number][:-1]], "latin-1")
        assert predicted(model, alone) == [together[number]], rows[number]
    values = [dict(zip(header[:-1], row, strict=False)) for row in rows]
    np.testing.assert_array_equal(
        np.concatenate([model.predict(one) for one in values]), np.array(together, np.float64)
    )


CELLS: dict[str, st.SearchStrategy[str]] = {
    "numbers": st.floats(-1e6, 1e6).map(repr) | st.integers(-99, 99).map(str),
    "holes": st.sampled_from(["", "NA", "?", "3", " 4 ", "2.5"]),
    "codes": st.sampled_from(["00501", "501", "1e3", "1000", "1.10", "1.1", "1_2", "-0"]),
    "words": st.sampled_from(["a", " a", "A", "true", "Yes", "no", "x,y", 'say "x"', "é"]),
    "days": st.dates(date(1990, 1, 1), date(2030, 1, 1)).map(lambda day: day.strftime("%d/%m/%Y")),
    "ISO": st.dates(date(1990, 1, 1), date(2030, 1, 1)).map(str),
    "truths": st.sampled_from(["true", "False", ""]),
}


@st.composite
def texts(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Columns of one kind each, as a file has them."""
    rows = draw(st.integers(12, 30))
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), max_size=4, unique=True))
    columns = [draw(st.lists(CELLS[kind], min_size=rows, max_size=rows)) for kind in kinds]
    kinds, columns = [*kinds, "x"], [*columns, [f"{row}.5" for row in range(rows)]]  # so that a feature is left
    target = draw(st.sampled_from(["number", "class"]))
    goal = [str(row) if target == "number" else f"0{row % 3}" for row in range(rows)]
    return [*kinds, "y"], [list(row) for row in zip(*columns, goal, strict=True)]


@SAME_TABLES
@given(table=texts(), seed=st.integers(0, 99))
def test_any_rows_in_any_order_predict_as_they_do_in_the_whole(
    tmp_path: Path, table: tuple[list[str], list[list[str]]], seed: int
) -> None:
    header, rows = table
    path = write(tmp_path / "all.csv", header, rows)
    model, frame = model_and_rows(path)
    together = predicted(model, path)
    assert as_written(model.of_frame(frame).value).tolist() == together  # the design of a row is that of training
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(rows))[: rng.integers(1, len(rows))].tolist()
    order = rng.permutation(len(header)).tolist()
    part = write(tmp_path / "part.csv", [header[i] for i in order], [[rows[j][i] for i in order] for j in chosen])
    assert predicted(model, part) == [together[j] for j in chosen]
    # the same cells by name, as a frame of texts, and as JSON
    columns = {name: [rows[j][i] for j in chosen] for i, name in enumerate(header)}
    wanted = np.array([together[j] for j in chosen])
    for given_rows in (columns, pd.DataFrame(columns)):
        np.testing.assert_array_equal(as_written(model.predict(given_rows)), wanted)
    packed = tmp_path / "part.csv.gz"
    packed.write_bytes(gzip.compress(part.read_bytes()))
    assert predicted(model, packed) == wanted.tolist()


def as_written(values: NDArray[Any]) -> NDArray[Any]:
    """Predictions as a file has them."""
    with duckdb.connect() as connection:
        connection.register("given", {"x": values})
        return np.array([text for (text,) in connection.execute("SELECT CAST(x AS VARCHAR) FROM given").fetchall()])


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_typed_tables_read_as_texts_that_say_the_same(tmp_path: Path, suffix: str) -> None:
    path, typed = tmp_path / "t.csv", tmp_path / f"t{suffix}"
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2024-01-30", periods=24),
            "amount": np.arange(24) / 8,
            "answer": [True, False] * 12,
            "city": ["Köln", "Rome", "Bern"] * 8,
            "y": np.arange(24) ** 2,
        }
    )
    frame.to_csv(path, index=False)
    if suffix == ".parquet":
        frame.to_parquet(typed)
    else:
        frame.to_json(typed, orient="records", lines=True, date_format="iso")
    assert predicted(model_on(path), typed) == predicted(model_on(path), path)
    assert predicted(model_on(typed), path) == predicted(model_on(typed), typed)


@pytest.mark.parametrize("role", [{}, {"category": ["age"]}])
@pytest.mark.parametrize("trained", ["t.csv", "t.parquet", "t.jsonl"])
def test_a_number_that_means_missing_does_so_in_every_form(tmp_path: Path, trained: str, role: dict[str, Any]) -> None:
    frame = pd.DataFrame({"age": [-999, 3, 5, 7] * 6, "f": [-999.0, 1.5, 2.5, np.nan] * 6, "y": np.arange(24) / 3})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    model = model_on(tmp_path / trained, missing=[-999], **role)
    model.artefact.header["missing"] = ["-999"]
    as_holes = frame.replace(-999, np.nan).astype({"age": "Int64"})
    expected = model.predict(as_holes)
    for form in ("t.csv", "t.parquet", "t.jsonl"):
        np.testing.assert_array_equal(np.array(predicted(model, tmp_path / form), np.float64), expected)
    texts = {name: column.astype(str).tolist() for name, column in frame.items()}
    for given_rows in (frame, frame.to_dict("list"), texts):
        np.testing.assert_array_equal(model.predict(given_rows), expected)
    if not role:
        np.testing.assert_array_equal(model.predict(frame[["age", "f"]].to_numpy()), expected)


def numbers_in(path: Path, **how: Any) -> NDArray[np.float64]:
    """The first column of numbers, as training reads it, (rows,)."""
    table = table_source(path=str(path), target="y", **how)
    assert isinstance(table, Table)
    assert isinstance(table.features, Unfetched)
    return fetch_frame(table.features.rows, table.features.readings).numbers[:, 0]


SIGNS_BESIDE: dict[str, tuple[list[str], list[float] | None]] = {
    "percent": (["5%", "12.5 %", "-3%"], [5, 12.5, -3]),
    "dollars": (["$1,500.25", "-$2.5", "$-7"], [1500.25, -2.5, -7]),
    "reais": (["R$ 5.100,20", "7", "R$8"], [5100.2, 7, 8]),
    "euros": (["1.500,25 €", "2,5 €", "3"], [1500.25, 2.5, 3]),
    "less than": (["<5", "7", "8"], None),
    "a dash": (["\u20135", "7", "8"], None),
    "a minus that is no hyphen": (["\u22125", "7", "8"], None),
}


@pytest.mark.parametrize("case", SIGNS_BESIDE)
def test_only_a_sign_that_does_not_change_a_number_is_left_out(case: str, tmp_path: Path) -> None:
    cells, numbers = SIGNS_BESIDE[case]
    path = write(tmp_path / "t.csv", ["c", "y"], [[cell, f"{i}.5"] for i, cell in enumerate(cells * 4)])
    if numbers is None:
        with pytest.raises(UserError, match=f"{cells[0]}' in line 2 is no number"):
            table_source(path=str(path), target="y", numeric=["c"])
        return
    told = table_source(path=str(path), target="y").notes
    assert any("to read them so list it in data.numeric=[c]" in note for note in told)
    np.testing.assert_array_equal(numbers_in(path, numeric=["c"])[:3], numbers)


def test_points_that_part_thousands_are_no_decimal_points(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["c", "y"], [[f"{i}.500", str(i * i)] for i in range(1, 9)])
    np.testing.assert_array_equal(numbers_in(path, thousands="."), np.arange(1, 9) * 1000 + 500)


def test_numbers_that_meet_levels_of_texts_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["v", "y"], [[v, str(i)] for i, v in enumerate(["1.1", "1.10", "1.9"] * 4)])
    model = model_on(path, category=["v"])
    typed = pd.DataFrame({"v": [1.1, 1.9]})
    typed.to_parquet(tmp_path / "t.parquet")
    scored = score(model, str(tmp_path / "t.parquet"), tmp_path / "out.csv")
    assert scored.notes == ("'v' holds double here, which cannot be the level '1.10'",)
    for given_rows in (typed, {"v": [1.1, 1.9]}):
        with pytest.warns(UserWarning, match="which cannot be the level '1.10'"):
            model.predict(given_rows)


LATIN = "größe,y\n1,2\n2,3\n3,5\n".encode("latin-1")
FORMS: dict[str, tuple[bytes, dict[str, Any], bytes]] = {
    "one column": (b"x,y\n1,2\n2,3\n3,5\n4,4\n", {}, b"x\n1\n2\n3\n4\n"),
    "latin-1": (LATIN, {"encoding": "latin-1"}, LATIN),
    "no header": (b"1,7,2\n2,8,3\n3,7,5\n", {"names": ["a", "b", "y"]}, b"1,7,2\n2,8,3\n3,7,5\n"),
    "no header and no target": (b"1,7,2\n2,8,3\n3,7,5\n", {"names": ["a", "b", "y"]}, b"1,7\n2,8\n3,7\n"),
    "a header now": (b"1,7,2\n2,8,3\n3,7,5\n", {"names": ["a", "b", "y"]}, b"b,a\n7,1\n8,2\n7,3\n"),
    "semicolons": (b"a;b;y\n1;7;2\n2;8;3\n3;7;5\n", {}, b"b;a\n7;1\n8;2\n7;3\n"),
    "text above the header": (b"Report\n\na,b,y\n1,7,2\n2,8,3\n3,7,5\n", {"skip_rows": 1}, b"-\na,b\n1,7\n2,8\n3,7\n"),
    "no text above it now": (b"Report\na,b,y\n1,7,2\n2,8,3\n3,7,5\n", {"skip_rows": 1}, b"a,b\n1,7\n2,8\n3,7\n"),
    "comments": (b"# one\na,b,y\n1,7,2\n2,8,3\n3,7,5\n", {"comment": "#"}, b"# two\na,b\n# three\n1,7\n2,8\n3,7\n"),
    "commas after semicolons": (b"a;b;y\n1;7;2\n2;8;3\n3;7;5\n", {}, b"b,a\n7,1\n8,2\n7,3\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_files_are_opened_as_the_one_of_training(case: str, tmp_path: Path) -> None:
    trained, how, new = FORMS[case]
    (tmp_path / "t.csv").write_bytes(trained)
    (tmp_path / "new.csv").write_bytes(new)
    model = model_on(tmp_path / "t.csv", **how)
    assert predicted(model, tmp_path / "new.csv") == predicted(model, tmp_path / "t.csv")


def test_a_file_that_is_written_otherwise_is_named_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b,y\n1,7,2\n2,8,3\n3,7,5\n")
    (tmp_path / "new.csv").write_bytes("1,7,ä\n2,8,ä\n3,7,ä\n".encode("latin-1"))
    model = model_on(tmp_path / "t.csv")
    with pytest.raises(UserError, match=r"no utf-8 text; set data\.encoding=latin-1"):
        predicted(model, tmp_path / "new.csv")
    named = Named.parse([f"{tmp_path}/new.csv", "encoding=latin-1", "data.names=[a,b,c]"])
    assert predicted(model, named) == predicted(model, tmp_path / "t.csv")
    with pytest.raises(UserError, match="category is not said again for a trained model"):
        Named.parse(["new.csv", "category=[a]"])


def test_a_notation_holds_for_columns_that_training_saw_no_sign_of(tmp_path: Path) -> None:
    rows = [[f"{1000 + 7 * i:,}", str(900 + i), str(i * i)] for i in range(20)]
    model = model_on(write(tmp_path / "t.csv", ["a", "b", "y"], rows), thousands=",")
    new = write(tmp_path / "new.csv", ["a", "b"], [["2,000", "1,900"], ["2000", "1900"]])
    first, second = predicted(model, new)
    assert first == second


def test_a_query_travels_with_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The types that duckdb found in training go with it: here a day-first date, and a number with a late point."""
    monkeypatch.chdir(tmp_path)
    rows = [
        [f"{1000 + 37 * i:,}", f"{1 + i % 28:02}/{1 + i % 12:02}/2024", str(20 + i % 9), str(1.5 * i)]
        for i in range(60)
    ]
    write(Path("pop.csv"), ["pop", "when", "age", "y"], rows)
    model = model_on(None, query="select replace(pop, ',', '')::int as pop, \"when\", age, y from 'pop.csv'")
    together = predicted(model, "pop.csv")
    without = write(Path("new.csv"), ["when", "pop", "age"], [[row[1], row[0], row[2]] for row in rows[3:4]])
    assert predicted(model, str(without)) == together[3:4]
    query = "query=select 1111 as pop, date '2024-04-04' as \"when\", 23 as age"
    assert predicted(model, Named.parse([query])) == together[3:4]


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with sql.connect() as connection:
        yield connection


def test_a_file_that_lacks_what_the_query_asks_for_is_read_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("t.csv"), ["x", "w", "y"], [[str(i), str(i % 2), str(i * i)] for i in range(30)])
    model = model_on(None, query="select x, y from 't.csv' where w > 0")
    write(Path("new.csv"), ["x"], [["3"], ["4"]])
    scored = score(model, "new.csv", Path("out.csv"))
    told = "the query of training cannot be asked of new.csv, whose columns are taken as they are"
    assert (scored.rows, scored.notes) == (2, (told,))
    scored = score(model, "t.csv", Path("again.csv"))
    assert (scored.rows, scored.notes) == (15, ("t.csv is read by the query of training: 15 rows",))


NOTATIONS = [
    Notation(), Notation(","), Notation(".", ","), Notation(",", "."), Notation(",", " "), Notation(".", "'"),
    Notation(".", ",", "$"), Notation(".", "", "%"),
]  # fmt: skip
DATES = ["", "%d/%m/%Y", "%m/%d/%y", "%d-%b-%Y", "%B %d, %Y", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%Y%m%d"]


@settings(SAME_TABLES, max_examples=examples(150))
@given(
    text=st.text("0123456789.,-+eE_'%$ inf\u00a0", min_size=1, max_size=9) | st.floats().map(repr),
    notation=st.sampled_from(NOTATIONS),
)
def test_python_reads_numbers_as_duckdb_does(
    database: duckdb.DuckDBPyConnection, text: str, notation: Notation
) -> None:
    text = text.strip(" ")
    asked = f"SELECT {notation.number_sql('x')} FROM (SELECT ?::VARCHAR AS x)"
    (number,) = database.execute(asked, [text]).fetchone() or ()
    np.testing.assert_equal(notation.number(text), number)


@settings(SAME_TABLES, max_examples=examples(150))
@given(
    moment=st.datetimes(),
    written=st.sampled_from([*DATES[1:], "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S+0200", "%d/%m/%y", "%H:%M"]),
    read=st.sampled_from(DATES),
)
def test_python_reads_dates_as_duckdb_does(
    database: duckdb.DuckDBPyConnection, moment: Any, written: str, read: str
) -> None:
    text, notation = moment.strftime(written), Notation(date=read)
    asked = f"SELECT strftime({notation.moment_sql('x')}, '%Y-%m-%d %H:%M:%S') FROM (SELECT ?::VARCHAR AS x)"
    (found,) = database.execute(asked, [text]).fetchone() or ()
    known = notation.moment(text)
    assert (None if known is None else f"{known.year:04}{known:-%m-%d %H:%M:%S}") == found


ABOVE = "Sales, of all shops\n# in euros\n"


def test_lines_above_the_header_are_left_out_as_in_training_where_a_file_has_them(tmp_path: Path) -> None:
    text = "x z y\r\r\n1  3 5\r\r\n 2 4 6 \r\r\n7 5 1\r\r\n"
    (tmp_path / "train.csv").write_text(ABOVE + text, newline="")
    model = model_on(tmp_path / "train.csv", skip_rows=1, comment="#")
    expected = predicted(model, tmp_path / "train.csv")
    (tmp_path / "short.csv").write_text("x,z\n1,3\n")
    (tmp_path / "plain.csv").write_text("z;x\n3;1\n4;2\n5;7\n")
    assert predicted(model, tmp_path / "short.csv") == expected[:1]
    assert predicted(model, tmp_path / "plain.csv") == expected


def test_columns_that_are_kept_are_as_they_are(tmp_path: Path) -> None:
    """A country called NA is one, also where its column is a feature with missing values."""
    cells = [["NA", "-999", " 007"], ["DE", "3", "7"], ["", "?", "1e5"]] * 4
    rows = [[*row, str(i * i)] for i, row in enumerate(cells)]
    path = write(tmp_path / "t.csv", ["country", "x", "code", "y"], rows)
    model = model_on(path, missing=["NA", "?", -999], drop=["code"])
    model.artefact.header["missing"] = ["NA", "?", "-999"]
    alone = predicted(model, path)
    score(model, str(path), tmp_path / "kept.csv", ids=["country", "x", "code"])
    with (tmp_path / "kept.csv").open(newline="") as file:
        _, *kept = csv.reader(file)
    assert [row[:3] for row in kept] == cells
    assert [row[3] for row in kept] == alone


def test_a_query_of_two_files_asks_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("a.csv"), ["k", "v", "y"], [[str(i % 3), str(i), str(i * i)] for i in range(12)])
    write(Path("b.csv"), ["k", "w"], [["0", "1.5"], ["1", "2.5"], ["2", "4.5"]])
    query = "select a.*, w from '{}' a join b.csv using (k) order by v".replace("b.csv", "'b.csv'")
    model = model_on(None, query=query.format("a.csv"))
    with pytest.raises(UserError, match="column 'w', which is not there; the query of training gave it"):
        predicted(model, "a.csv")
    together = predicted(model, Named.parse([f"query={query.format('a.csv')}"]))
    write(Path("new.csv"), ["k", "v"], [["1", "4"]])
    assert predicted(model, Named.parse([f"query={query.format('new.csv')}"])) == together[4:5]
