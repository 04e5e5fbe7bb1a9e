"""Every awkward file of the reference data: what comes of it, by name, and the remedy where it is refused."""

from typing import Any

import numpy as np
import pytest

from onelayer.errors import UserError
from tests.data.tables.conftest import load_table, values_of
from tests.reference_data import DATA, needs_data

pytestmark = needs_data
LATIN_NAMES = [
    "José Álvarez",
    "Müller",
    "François Dupont",
    "Björn Andersson",
    "Søren Kierkegaard",
    "García López",
    "Élodie Moreau",
]
UNNAMED_FIELDS = {"names": ["n", "test", "text"], "target": "n"}

# file, arguments, values of the features, target, notes
LOADS: list[tuple[str, dict[str, Any], dict[str, list[Any]], list[Any], list[str]]] = [
    ("bom__duckdb__utf8bom", {"target": "id"}, {"name": ["Mark", "Hannes"]}, [0, 1], []),
    ("line_ends__readr__eol-cr", {"target": "x"}, {"y": ["a", "b", "c"]}, [1, 2, 3], []),
    ("line_ends__readr__eol-crlf", {"target": "x"}, {"y": ["a", "b", "c"]}, [1, 2, 3], []),
    (
        "decimal_comma__duckdb__decimal_separators",
        {"target": "periods"},
        {"commas": [1.1, 0.25, 15300.0, 15300.0, -15300.0]},
        [1.1, 0.25, 15300.0, 15300.0, -15300.0],
        ["'commas' is numeric: all its 5 values are numbers with a decimal comma"],
    ),
    (
        "duplicate_names__duckdb__duplicate_header_col",
        {"target": "a"},
        {"a_1": ["text1", "text2"]},
        [0, 1],
        ["'a' names more than one column; column 3 is called 'a_1'", "'b' is left out: all its values are the same"],
    ),
    (
        "mixed_types__duckdb__mixed_double",
        {"target": "A"},
        {"B": ["not_a_double_:(", "not_a_double_:(", "5", "5.555", "not_a_double_:("]},
        [1, 2, 3, 4, 5],
        ["'B' is text, since 3 of its 5 values are no numbers, the first 'not_a_double_:(' in line 2"],
    ),
    (
        "encoding__duckdb__latin1",
        {"target": "age", "encoding": "latin-1", "category": ["name"]},
        {"name": LATIN_NAMES},
        [30, 25, 45],
        [],
    ),
    (
        "no_header__duckdb__no_header",
        {"names": ["n", "test", "day"], "target": "n"},
        {"day.year": [2000, 2000], "day.month": [12, 12], "day.day": [12, 13], "day.weekday": [1, 2]},
        [0, 1],
        ["'test' is left out: all its values are the same"],
    ),
    ("separator__duckdb__semicolon_delim", UNNAMED_FIELDS, {"text": ["text1", "text2", "text3"]}, [123, 345, 567], []),
    ("separator__duckdb__tab", UNNAMED_FIELDS, {"text": ["text1", "text2", "text3"]}, [123, 345, 567], []),
]
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("all_missing_columns__csvkit__test_empty_columns", {}, "line 3 has 4 fields, but the first line has 5; mend that"),
    ("bad_quotes__duckdb__unterminated", {}, "line 1 opens a quoted field that is not closed"),
    ("empty_lines__duckdb__empty", {}, "the file is empty"),
    ("empty_lines__duckdb__header_only", {}, "one column, 'abs_file_name'; a table needs two"),
    ("encoding__duckdb__latin1", {}, "line 2: the bytes are no utf-8 text; set data.encoding=latin-1"),
    ("invalid_bytes__duckdb__invalid_utf8", {}, "begins as utf-16 does: set data.encoding=utf-16"),
    ("invalid_bytes__duckdb__invalid_utf8", {"encoding": "utf-16"}, "one column, 'bla'; a table needs two"),
    ("no_header__duckdb__no_header", {}, "line 1 (123.0, TEST1, 2000-12-12) holds values, not the names of columns"),
    ("separator__duckdb__semicolon_delim", {}, "line 1 (123, TEST9, text1) holds values, not the names of columns"),
    ("separator__duckdb__tab", {}, "line 1 (123, TEST12, text1) holds values, not the names of columns"),
    ("separator__duckdb__tab", {"names": ["a", "b"]}, "data.names names 2 columns, but line 1"),
    ("quoted_newline__duckdb__quoted_newline", {}, "one column, 'col1'; a table needs two"),
    ("ragged__csvkit__bad", {}, "line 2 has 4 fields, but the first line has 3; mend that line"),
    ("ragged__duckdb__error_too_many", {}, "line 6 has 3 fields, but the first line has 2; mend that line"),
]


@pytest.mark.parametrize(("file", "arguments", "features", "target", "notes"), LOADS, ids=[one[0] for one in LOADS])
def test_is_read(
    file: str, arguments: dict[str, Any], features: dict[str, list[Any]], target: list[Any], notes: list[str]
) -> None:
    table = load_table(path=str(DATA / "nasty" / f"{file}.csv"), **arguments)
    assert {name: values_of(table)[name][: len(values)] for name, values in features.items()} == features
    assert np.asarray(table.target)[: len(target)].tolist() == target
    assert [note for note in notes if note not in table.notes] == []


@pytest.mark.parametrize(("file", "arguments", "reason"), REFUSED, ids=[f"{one[0]}-{[*one[1]]}" for one in REFUSED])
def test_is_refused(file: str, arguments: dict[str, Any], reason: str) -> None:
    path = DATA / "nasty" / f"{file}.csv"
    with pytest.raises(UserError) as refused:
        load_table(path=str(path), **arguments)
    said = str(refused.value)
    assert reason in said
    assert path.name in said
    assert "\n" not in said


def test_each_file_has_an_outcome() -> None:
    files = {path.stem for path in (DATA / "nasty").glob("*.csv")}
    assert files == {one[0] for one in [*LOADS, *REFUSED]}
