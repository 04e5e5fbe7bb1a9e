"""A statement reads the columns of a table as training does: by their types, and run on the table itself."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import onelayer
from onelayer.data.encode import Encoder, EncodeSettings
from onelayer.data.encode.design import Numbers
from onelayer.data.frame import Frame
from onelayer.data.tables.fetch import fetch_frame
from onelayer.data.tables.notation import Notation
from onelayer.data.tables.opening import open_rows
from onelayer.data.tables.roles import Said
from onelayer.data.tables.understanding import understand
from onelayer.deliver.export.exporting import TARGETS
from onelayer.deliver.export.invented import with_invented
from onelayer.deliver.export.parity import largest_difference
from onelayer.deliver.export.rows import Raw
from onelayer.deliver.export.sql_reading import value_of
from onelayer.deliver.model import Model
from onelayer.errors import UserError
from tests.conftest import Outcome
from tests.deliver.exports import MISSING, RECORD, model_of

ROWS = 400
# how a column is held, by its role: SQL of it from the row's number i
HELD: dict[str, dict[str, str]] = {
    "category": {
        "DOUBLE": "(i % 5) / 2.0",
        "DOUBLE, with holes": "CASE WHEN i % 7 = 0 THEN NULL WHEN i % 7 = 1 THEN 'nan'::DOUBLE ELSE (i % 5) * 1e14 END",
        "DECIMAL": "CAST((i % 5) / 2.0 AS DECIMAL(6, 3))",
        "FLOAT": "CAST((i % 5) / 10.0 AS FLOAT)",
        "BIGINT": "i % 5 - 2 + (1 - i % 2) * 9007199254740993",
        "a spelling of a missing value as a number": "CASE WHEN i % 3 = 0 THEN -999 ELSE i % 3 END",
        "BOOLEAN": "CASE WHEN i % 5 > 0 THEN i % 2 = 0 END",
        "DATE": "DATE '2020-01-01' + CAST(i % 4 AS INTEGER)",
        "TIMESTAMP": "TIMESTAMP '2020-01-01 10:00:00' + INTERVAL (i % 4) HOUR",
        "padded": "['male', ' male', E'\\tmale\\r\\n', 'female ', 'a b', ''][i % 6 + 1]",
        "missing": "['x', 'NA', ' NA ', '?', '-999', 'y', '  ', NULL, 'na'][i % 9 + 1]",
        "numbers in text": "['1', '1.0', ' 01', '1e0', '1,0', 'z'][i % 6 + 1]",
    },
    "numeric": {
        "text": "['1.5', ' -2 ', '3e1', 'NA', '', '-999', '7'][i % 7 + 1]",
        "text with commas": "[' 1,5', '-2,25', '3', 'NA', '1234,5'][i % 5 + 1]",
        "a spelling of a missing value as a number": "CASE WHEN i % 3 = 0 THEN -999 ELSE i % 3 END",
        "another spelling of that number": "['1', '-999.0', '2.5'][i % 3 + 1]",
        "DECIMAL": "CAST(i / 3.0 AS DECIMAL(9, 2))",
        "FLOAT": "CASE WHEN i % 5 > 0 THEN CAST(i / 3.0 AS FLOAT) ELSE 'nan'::FLOAT END",
        "HUGEINT": "CAST(i AS HUGEINT) * 1000000000000000000000",
    },
    "boolean": {
        "words": "['Yes', 'no ', 'TRUE', 'f', 'NA', '1', '0'][i % 7 + 1]",
        "DOUBLE": "CASE WHEN i % 3 > 0 THEN (i % 2) * 1.0::DOUBLE ELSE 'nan'::DOUBLE END",
        "DECIMAL": "CAST(i % 2 AS DECIMAL(3, 1))",
        "TINYINT": "CAST(i % 2 AS TINYINT)",
        "true and false": "['true', ' False', 'NA'][i % 3 + 1]",
    },
    "date": {
        "text": "[' 2024-02-29', '1969-12-31 ', 'NA', NULL, '2001-10-07'][i % 5 + 1]",
        "text with times": "['2024-02-29 23:59:00', '1969-12-31'][i % 2 + 1]",
        "DATE": "DATE '1999-12-30' + CAST(i AS INTEGER)",
        "a zone": "TIMESTAMPTZ '2024-03-01 01:30:00+02' + INTERVAL (i) HOUR",
    },
}
CASES = [(role, case) for role, cases in HELD.items() for case in cases]
SETTINGS = {
    "category": EncodeSettings(min_count=60),
    "numeric": EncodeSettings(indicator=True),
    "boolean": EncodeSettings(indicator=True),
    "date": EncodeSettings(indicator=True),
}


def saved(path: Path, column: str) -> Path:
    """A file with a column and a target."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY (SELECT {column} AS \"it's\", i AS goal FROM range({ROWS}) AS t(i)) TO '{path}'")
    return path


def read(role: str, **source: str) -> tuple[Frame, Raw, Encoder]:
    rows = open_rows(**source, missing=(*MISSING, "-999"))  # type: ignore[arg-type]
    readings = understand(rows, Said(target="goal", **{role: ["it's"]})).readings  # type: ignore[arg-type]
    frame = fetch_frame(rows, readings)
    return frame, Raw(rows, np.arange(ROWS)), Encoder.fit(frame, SETTINGS[role])


def model(encoder: Encoder, frame: Frame) -> Model:
    """A model whose probabilities are not all 0 or 1."""
    design = encoder.apply(frame)
    scale = design.std(axis=0)
    one = model_of(encoder, ("no", "yes"), "logit", scales=(design.mean(axis=0), np.where(scale > 0, scale, 1.0)))
    one.artefact.header["missing"] = [*MISSING, "-999"]
    return one


@pytest.mark.parametrize(("role", "case"), CASES)
def test_a_statement_reads_a_file_as_training_does(role: str, case: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "t.parquet", HELD[role][case])
    frame, raw, encoder = read(role, path=str(path))
    one = model(encoder, frame)
    rows, target, file = with_invented(frame, one, raw), TARGETS["sql"], tmp_path / "model.sql"
    target.write(one, file, {**RECORD, "types": rows.types})
    wanted = one.of_frame(rows.frame)
    assert largest_difference(target.predict(file, rows), wanted, one, "sql") < 1e-14
    # as a user runs it: duckdb reads the file, and nothing of ours is there
    statement = file.read_text().replace("FROM input\n", f"FROM read_parquet('{path}') AS input\n")
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT probability_yes FROM ({statement}) ORDER BY goal").fetchnumpy()
    assert wanted.probability is not None
    np.testing.assert_allclose(found["probability_yes"], wanted.probability[:ROWS, 1], rtol=0, atol=1e-14)


@pytest.mark.parametrize("unit", ["$", "%", "EUR"])
@pytest.mark.parametrize("form", ["{}5", "{}-5", "-{}5.5", "+{} 5", "5{}", "-1,234.5 {}", "{} 12,000", "7"])
def test_a_number_with_a_unit_is_read_as_in_training(unit: str, form: str) -> None:
    column, text = Numbers("x", "numeric", notation=Notation(".", ",", unit)), form.format(unit)
    statement = f"SELECT {value_of(column, 'VARCHAR', MISSING)} FROM (SELECT $1 AS x) AS input"
    with duckdb.connect() as connection:
        assert connection.execute(statement, [text]).fetchall() == [(column.notation.number(text),)]
        for wrong in (f"1{unit}2", f"1 {unit}2", f"1{unit} 2"):
            assert column.notation.number(wrong) is None
            with pytest.raises(duckdb.ConversionException):
                connection.execute(statement, [wrong]).fetchall()


def test_a_check_is_of_the_table_itself(tmp_path: Path) -> None:
    """A statement for another type than the table's is found out, though it is right of what was read."""
    frame, raw, encoder = read("category", path=str(saved(tmp_path / "t.parquet", HELD["category"]["DOUBLE"])))
    one = model(encoder, frame)
    rows, target, file = with_invented(frame, one, raw), TARGETS["sql"], tmp_path / "model.sql"
    target.write(one, file, {**RECORD, "types": {"it's": "BOOLEAN"}})
    with pytest.raises(UserError, match="it differs from predict by"):
        largest_difference(target.predict(file, rows), one.of_frame(rows.frame), one, "sql")
    target.write(one, file, {**RECORD, "types": {"it's": "VARCHAR"}})
    with pytest.raises(UserError, match=r"duckdb cannot run the statement: No function matches .*trim"):
        target.predict(file, rows)


def test_an_infinite_number_is_not_predicted(tmp_path: Path) -> None:
    frame, _, encoder = read("numeric", path=str(saved(tmp_path / "t.parquet", "i / 2.0")))
    TARGETS["sql"].write(model(encoder, frame), tmp_path / "model.sql", RECORD)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE input AS SELECT unnest(['1', 'inf', '-inf', 'nan', NULL])::DOUBLE AS \"it's\"")
        found = connection.execute((tmp_path / "model.sql").read_text()).df()
    for one in ("prediction", "probability_yes"):
        assert found[one].isna().tolist() == [False, True, True, False, False]


@pytest.mark.parametrize("stream", [False, True])
def test_a_run_on_codes_held_as_doubles_and_padded_text(
    stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Outcome]
) -> None:
    """The categories of this table were all unseen to the statement, and its check did not see it."""
    from onelayer.cli import train

    zips = "CASE WHEN i % 50 > 0 THEN (10000 + i % 3)::DOUBLE END"
    columns = f"{zips} AS zip, [' male', 'female', 'NA'][i % 3 + 1] AS sex, CASE WHEN i % 9 > 0 THEN i % 2 END AS y"
    path = tmp_path / "t.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT i, {columns} FROM range(200) AS t(i)) TO '{path}'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    said = ("data=table", "data.path=t.parquet", "data.target=y", "data.category=[zip]", f"data.stream={stream}")
    monkeypatch.setattr(sys, "argv", ["train.py", *said, "logger=none", "trainer.max_epochs=1", "hydra.run.dir=run"])
    train()
    done = command("export", "run", "--to", "sql")
    assert done.code == 0, done.err
    record = json.loads((tmp_path / "run" / "export" / "model.sql.json").read_text())
    assert record["types"] == {"i": "BIGINT", "zip": "DOUBLE", "sex": "VARCHAR"}
    statement = (tmp_path / "run" / "export" / "model.sql").read_text()
    statement = statement.replace("FROM input\n", f"FROM '{path}' AS input\n")
    with duckdb.connect() as connection:
        found: Any = connection.execute(f"SELECT * FROM ({statement}) ORDER BY i").df()
    wanted = onelayer.load("run").predict_proba(found[["i", "zip", "sex"]])
    np.testing.assert_allclose(found[["probability_0", "probability_1"]], wanted, atol=1e-6)


def test_what_is_read_is_told(tmp_path: Path) -> None:
    column = "CAST(['b', ' a', 'NA', 'c'][i % 4 + 1] AS ENUM (' a', 'b', 'NA', 'c'))"  # a Parquet file has no such type
    frame, raw, encoder = read("category", query=f'SELECT {column} AS "it\'s", i AS goal FROM range({ROWS}) AS t(i)')
    one = model(encoder, frame)
    rows, target = with_invented(frame, one, raw), TARGETS["sql"]
    target.write(one, tmp_path / "model.sql", {**RECORD, "types": rows.types})
    largest_difference(target.predict(tmp_path / "model.sql", rows), one.of_frame(rows.frame), one, "sql")
    header = [line for line in (tmp_path / "model.sql").read_text().splitlines() if line.startswith("--")]
    assert header[2] == '-- "it\'s" category, ENUM(...).'
    assert header[3] == '-- Missing is what is NULL or NaN, and what is empty or one of ["NA", "?", "-999"].'
    for to, missing in (("onnx", "'' where missing"), ("sklearn", "None, NaN or '' where missing")):
        (note,) = TARGETS[to].notes(one)
        assert "a category enters as the text that it is, without spaces around it (a number as 1, not 1.0)" in note
        assert missing in note
