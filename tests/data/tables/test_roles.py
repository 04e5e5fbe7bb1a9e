"""What each column is taken for, what the user may say instead, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest

from onelayer.errors import UserError
from tests.data.tables.conftest import Read, frame_of, load_table, refused_in_one_sentence, roles_of, values_of
from tests.reference_data import DATA, needs_data

TWELVE = [f"row {i}" for i in range(12)]


def csv_of(**columns: Any) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(str(one) for one in row) for row in rows)]) + "\n"


LEFT_OUT: dict[str, tuple[dict[str, Any], str]] = {
    "text, every row another": ({"t": TWELVE}, "'t' is left out as an identifier: every row has another text"),
    "integers named so": ({"user_id": range(12)}, "'user_id' is left out as an identifier: every row has another n"),
    "mostly distinct text": (
        {"t": [f"a{i}" for i in range(25)] + ["b"] * 15},
        "'t' is left out as free text: 26 of its 40 texts are distinct",
    ),
    "one number": ({"c": [7] * 12}, "'c' is left out: all its values are the same"),
    "one text": ({"c": ["a"] * 12}, "'c' is left out: all its values are the same"),
    "nothing": ({"e": [""] * 12}, "'e' is left out: it has no values"),
}  # fmt: skip
KEPT: dict[str, tuple[dict[str, Any], str]] = {
    "few distinct texts": ({"t": list("abcdefghi")}, "category"),
    "distinct integers": ({"x": range(12)}, "numeric"),
    "integers named so that repeat": ({"user_id": [1, 2] * 6}, "numeric"),
    "a flag or nothing": ({"t": ["x", "", ""] * 4}, "category"),
    "one number or nothing": ({"c": [1, "", ""] * 4}, "numeric"),
    "many levels that repeat": ({"t": [f"a{i % 25}" for i in range(60)]}, "category"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_no_model_can_use_is_left_out_with_a_note(read: Read, case: str) -> None:
    columns, note = LEFT_OUT[case]
    rows = range(len(next(iter(columns.values()))))
    table = read(csv_of(x=[i % 5 for i in rows], **columns, y=[i % 7 for i in rows]))
    assert roles_of(table) == {"x": "numeric"}
    (said,) = table.notes
    assert said.startswith(note)


@pytest.mark.parametrize("case", KEPT)
def test_what_looks_alike_and_is_kept(read: Read, case: str) -> None:
    columns, role = KEPT[case]
    rows = range(len(next(iter(columns.values()))))
    table = read(csv_of(**columns, y=[i % 7 for i in rows]))
    assert roles_of(table) == dict.fromkeys(columns, role)
    assert table.notes == ()


@pytest.mark.parametrize(
    "name", ["PassengerId", "id", "ID", "customer_id", "rownames", "index", "row_number", "uuid", "user id", "orderKey"]
)
def test_names_of_identifiers(read: Read, name: str) -> None:
    assert roles_of(read(csv_of(**{name: range(3)}, x=[1, 2, 2], y=[1, 2, 4]))) == {"x": "numeric"}


@pytest.mark.parametrize("name", ["x", "year", "width", "grid", "acid", "valid", "paid", "idle", "monkey", "humid"])
def test_names_of_features(read: Read, name: str) -> None:
    assert name in roles_of(read(csv_of(**{name: range(3)}, y=[1, 2, 4])))


SAID: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, list[Any]]]] = {
    "integers as levels": ({"x": [3, 10, 3]}, {"category": ["x"]}, {"x": ["3", "10", "3"]}),
    "numbers as levels": ({"x": [1.5, 2.0, ""]}, {"category": ["x"]}, {"x": ["1.5", "2.0", None]}),
    "an identifier as levels": ({"id": ["a", "b", "c"]}, {"category": ["id"]}, {"id": ["a", "b", "c"]}),
    "an identifier as numbers": ({"id": [4, 5, 6]}, {"numeric": ["id"]}, {"id": [4, 5, 6]}),
    "a constant": ({"x": [7, 7, 7]}, {"numeric": ["x"]}, {"x": [7, 7, 7]}),
    "yes and no": ({"x": ["Yes", "no", "NA"]}, {"boolean": ["x"]}, {"x": [1, 0, None]}),
    "1 and 0": ({"x": [1, 0, 1]}, {"boolean": ["x"]}, {"x": [1, 0, 1]}),
    "truths as levels": ({"x": ["True", "False", "True"]}, {"category": ["x"]}, {"x": ["True", "False", "True"]}),
    "truths as numbers": ({"x": ["TRUE", "false", ""]}, {"numeric": ["x"]}, {"x": [1, 0, None]}),
    "dates as levels": ({"d": ["2020-01-31", "", ""]}, {"category": ["d"]}, {"d": ["2020-01-31", None, None]}),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_what_the_user_says_goes(read: Read, case: str) -> None:
    columns, said, values = SAID[case]
    assert values_of(read(csv_of(**columns, y=[1, 2, 4]), **said)) == values


def test_parts_of_dates(read: Read) -> None:
    """Python's datetime is the other implementation."""
    from datetime import datetime

    days = ["2020-02-29 23:15:00", "1999-12-31 00:00:00", "2026-11-21 08:00:59"]
    table = read(csv_of(d=[*days, ""], y=[1, 2, 4, 5]))
    when = [datetime.fromisoformat(day) for day in days]
    assert values_of(table) == {
        "d.year": [*(one.year for one in when), None],
        "d.month": [*(one.month for one in when), None],
        "d.day": [*(one.day for one in when), None],
        "d.weekday": [*(one.weekday() for one in when), None],
        "d.hour": [*(one.hour for one in when), None],
    }


def test_text_that_is_said_to_be_a_date(read: Read) -> None:
    text = 'x,d,y\n1,"2020-01-31",1\n2,unknown,2\n3,2020-02-01,3\n'
    values = values_of(read(text, date=["d"], missing=["unknown"]))
    assert values["d.day"] == [31, None, 1]
    assert "d.hour" not in values
    with pytest.raises(UserError, match=r"data\.date=\[d\]: 'unknown' in line 3 is no date such as 2026-01-31"):
        read(text, date=["d"])


TARGETS: dict[str, tuple[list[Any], dict[str, Any], tuple[str, ...] | None, list[float]]] = {
    "text": (["b", "a", "b"], {}, ("a", "b"), [1, 0, 1]),
    "upper case before lower": (["b", "B", "é", "b"], {}, ("B", "b", "é"), [1, 0, 2, 1]),
    "true and false": (["True", "False", "True"], {}, ("False", "True"), [1, 0, 1]),
    "yes and no": (["No", "Yes", "No"], {}, ("No", "Yes"), [0, 1, 0]),
    "two integers": ([10, 9, 10], {}, ("9", "10"), [1, 0, 1]),
    "two numbers": ([0.5, -1.0, 0.5], {}, ("-1.0", "0.5"), [1, 0, 1]),
    "more numbers": ([1, 2, 4], {}, None, [1, 2, 4]),
    "two numbers that are a quantity": ([10, 9, 10], {"numeric": ["y"]}, None, [10, 9, 10]),
    "integers that are classes": ([9, 10, 8, 9], {"category": ["y"]}, ("8", "9", "10"), [1, 2, 0, 1]),
    "missing ones": (["a", "NA", "b", "", "a"], {}, ("a", "b"), [0, 1, 0]),
}


@pytest.mark.parametrize("case", TARGETS)
def test_targets(read: Read, case: str) -> None:
    values, said, classes, target = TARGETS[case]
    table = read(csv_of(x=[i * i for i in range(len(values))], y=values), **said)
    assert table.classes == classes
    assert table.target.tolist() == target
    assert table.target.dtype == (np.float64 if classes is None else np.int64)


def test_columns_may_be_called_by_numbers(read: Read) -> None:
    """As pandas calls them where nobody does."""
    text = "0,1,2,2.5,true,null\n1,5,7,1,1,4\n2,6,8,1,2,4\n4,8,1,2,2,5\n"
    table = read(text, target=2, drop=[0, 1, "null"], by=2.5, numeric=[True])
    assert (table.target_name, table.target.tolist(), roles_of(table)) == ("2", [7, 8, 1], {"true": "numeric"})
    assert table.by is not None
    assert table.by.tolist() == [1, 1, 2]


DATES: dict[str, tuple[list[str], str, list[tuple[int, int]]]] = {
    "day first": (["01.12.2020", "31.12.2020"], "'d' holds dates written %d.%m.%Y", [(12, 1), (12, 31)]),
    "month first": (["12/31/2020", "1/1/2020"], "'d' holds dates written %m/%d/%Y", [(12, 31), (1, 1)]),
    "in words": (["3 May 2020", "31 Dec 2020"], "'d' holds dates written %d %b %Y", [(5, 3), (12, 31)]),
    "alike in any order": (["01/01/2020", "02/02/2020"], "'d' holds dates written %d/%m/%Y", [(1, 1), (2, 2)]),
    "ISO": (["2020-01-01", "2020-01-02"], "", [(1, 1), (1, 2)]),
}  # fmt: skip


@pytest.mark.parametrize("case", DATES)
def test_texts_that_are_dates(case: str) -> None:
    """The format is the one that fits all rows; a day of 2 digits is looked for in all of them."""
    values, note, days = DATES[case]
    query = f"select {values}[i % 2 + 1] as d, i % 7 as y from range(12) as t(i)"
    table = load_table(query=query)
    assert table.notes == ((note,) if note else ())
    assert list(zip(values_of(table)["d.month"], values_of(table)["d.day"], strict=True)) == days * 6
    assert load_table(query=query, category=["d"]).notes == ()


UNSETTLED = {
    "day or month": (
        ["03/04/2024", "11/02/2024"],
        "'d' is text, since '03/04/2024' may be 3 April 2024 (data.date_format='%d/%m/%Y') or 4 March 2024 "
        "(data.date_format='%m/%d/%Y'); set the one that is right",
    ),
    "two ways of writing": (
        ["3 May 2020", "31 Dec 2020 10:00"],
        "'d' is text, though all its 12 values look like dates, such as '3 May 2020'; '31 Dec 2020 10:00' in row 2 is "
        "not written as '3 May 2020' is; write all dates in one way",
    ),
}


@pytest.mark.parametrize("case", UNSETTLED)
def test_texts_that_may_be_dates_are_told(case: str) -> None:
    values, note = UNSETTLED[case]
    query = f"select {values}[i % 2 + 1] as d, i % 7 as y from range(12) as t(i)"
    assert load_table(query=query).notes == (note,)


def test_an_ambiguous_date_is_settled_by_its_format(read: Read) -> None:
    text = "x,d,y\n1,03/04/2024,1\n2,11/02/2024,2\n4,01/01/2024,4\n"
    assert values_of(read(text, date_format="%d/%m/%Y"))["d.month"] == [4, 2, 1]
    assert values_of(read(text, date_format="%m/%d/%Y"))["d.month"] == [3, 11, 1]
    with pytest.raises(UserError, match=r"data.date=\[d\]: '03/04/2024' may be 3 April 2024 .*; set the one"):
        read(text, date=["d"])


ASKED: dict[str, tuple[list[str], dict[str, Any], list[float | None]]] = {
    "thousands": (["1,234", "12", "1,234,567.5", "NA"], {"thousands": ","}, [1234, 12, 1234567.5, None]),
    "thousands and a decimal comma": (["1.234,5", "-12", "7"], {"thousands": "."}, [1234.5, -12, 7]),
    "thousands by spaces": (["1 234", "1\u00a0234", "5"], {"thousands": " "}, [1234, 1234, 5]),
    "a decimal comma that might part thousands": (["1,234", "2,345", "3"], {"decimal": ","}, [1.234, 2.345, 3]),
    "a currency": (["$1,234.50", "-$3", "$7"], {"numeric": ["x"]}, [1234.5, -3, 7]),
    "a currency behind": (["1.234,50 €", "3 €", "-7 €"], {"numeric": ["x"]}, [1234.5, 3, -7]),
    "percent": (["5%", "6.5 %", "-7%"], {"numeric": ["x"]}, [5, 6.5, -7]),
}  # fmt: skip


@pytest.mark.parametrize("case", ASKED)
def test_numbers_that_are_none_to_a_program_are_read_when_asked(read: Read, case: str) -> None:
    texts, how, numbers = ASKED[case]
    assert values_of(read(csv_of(x=[f'"{text}"' for text in texts], y=[1, 2, 4, 8][: len(texts)]), **how)) == {
        "x": numbers
    }


ADVISED: dict[str, tuple[list[str], str, dict[str, Any]]] = {
    "a currency": (["$1.5", "$2", "$7"], "'$1.5'; to read them so list it in data.numeric=[x]", {"numeric": ["x"]}),
    "thousands": (["1,234.5", "2", "7"], "'1,234.5'; to read them so set data.thousands=','", {"thousands": ","}),
    "percent": (["5%", "6%", "7%"], "'5%'; to read them so list it in data.numeric=[x]", {"numeric": ["x"]}),
}  # fmt: skip


def test_dates_without_signs_are_read_by_their_format(read: Read) -> None:
    text = "d,y\n20230131,1\n20230201,2\n20240101,4\n"
    with pytest.raises(
        UserError, match=r"'20230131' in line 2 is no date .* say how it is written: data.date_format\)"
    ):
        read(text, date=["d"])
    assert values_of(read(text, date=["d"], date_format="%Y%m%d"))["d.month"] == [1, 2, 1]


def test_a_currency_with_a_comma_needs_two_keys(read: Read) -> None:
    table = csv_of(x=['"$1,234"', "$2", "$7"] * 4, y=[i % 7 for i in range(12)])
    (told,) = read(table).notes
    assert told == (
        "'x' is text, since '$1,234' may be 1.234 (data.decimal=',') or 1234 (data.thousands=','); set the one that is "
        "right and list it in data.numeric=[x]"
    )
    assert values_of(read(table, numeric=["x"], thousands=","))["x"][:2] == [1234, 2]


@pytest.mark.parametrize("case", ADVISED)
def test_the_key_that_makes_numbers_of_a_text_is_named_and_works(read: Read, case: str) -> None:
    texts, advice, how = ADVISED[case]
    table = csv_of(x=[f'"{text}"' for text in texts * 4], y=[i % 7 for i in range(12)])
    assert read(table).notes == (f"'x' is text, though all its values are numbers, such as {advice}",)
    assert roles_of(read(table, **how)) == {"x": "numeric"}


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"thousands": ","}, "data.thousands=,: no column of t.csv holds numbers that are written so; leave it out"),
        ({"decimal": ","}, "data.decimal=,: no column of t.csv holds numbers that are written so; leave it out"),
        ({"date_format": "%d/%m/%Y"}, "data.date_format=%d/%m/%Y: no column of t.csv holds dates that are written so"),
        ({"date_format": "%Y"}, "data.date_format=%Y: it has no month; a date is written such as %d/%m/%Y"),
        ({"date_format": "%d/%m/%Q"}, "data.date_format=%d/%m/%Q: '%Q' is none of"),
        ({"decimal": ".", "thousands": "."}, "one sign cannot be both"),
        ({"numeric": ["d"]}, "data.numeric=[d]: 'a' in line 2 is no number"),
    ],
)
def test_a_notation_that_nothing_is_written_in_is_refused(read: Read, how: dict[str, Any], reason: str) -> None:
    refused_in_one_sentence(read, reason, "x,d,y\n1,a,2\n2,b,3\n4,a,5\n", **how)


MAY_BE_CLASSES = {
    "whole numbers": ([row % 3 for row in range(60)], "'y' holds 3 different whole numbers and is taken for a number"),
    "two numbers": ([1 + row % 2 for row in range(6)], "'y' holds two numbers, 1 and 2, and is taken for two classes"),
}


@pytest.mark.parametrize("case", MAY_BE_CLASSES)
def test_what_a_target_of_few_numbers_is_taken_for_is_told(read: Read, case: str) -> None:
    values, note = MAY_BE_CLASSES[case]
    table = csv_of(x=[row * row for row in range(len(values))], y=values)
    (told,) = read(table).notes
    assert told.startswith(note)
    other = "multiclass" if "multiclass" in told else "regression"
    assert not read(table, task=other).notes
    assert not read(csv_of(x=range(6), y=[0, 1] * 3)).notes


def test_one_number_written_in_two_ways_is_no_class(read: Read) -> None:
    refused_in_one_sentence(read, "'1' and '1.0' are one number written differently", "x,y\n1,1\n2,1.0\n3,0\n4,0\n")


def test_numbers_that_begin_with_zeros_may_be_codes(read: Read) -> None:
    text = csv_of(zip=[f"{i % 5:05}" for i in range(12)], y=[i % 7 for i in range(12)])
    assert read(text).notes == (
        "'zip' is numeric: it is text, but all its 12 values are numbers; 12 begin with a 0, so if they are codes, "
        "list it in data.category=[zip]",
    )
    assert read(text, category=["zip"]).notes == ()


def test_rows_without_a_target_are_left_out_and_counted(read: Read) -> None:
    table = read("x,y\n1,\n2,3\n3,4\n4,NA\n5,7\n")
    assert values_of(table) == {"x": [2, 3, 5]}
    assert table.notes == ("2 of 5 rows have no 'y' and are left out",)


def test_lines_are_counted_in_the_file_whatever_was_left_out(read: Read) -> None:
    with pytest.raises(UserError, match="column 'x' is inf in line 4"):
        read("x,y\n1,\n2,3\ninf,4\n4,NA\n5,7\n")


def test_weights_and_what_the_split_goes_by_are_no_features(read: Read) -> None:
    table = read("x,w,g,y\n1,1,b,1\n2,2.5,a,2\n9,0,c,9\n3,0.5,b,3\n", sample_weight="w", by="g")
    assert roles_of(table) == {"x": "numeric"}
    assert table.sample_weight is not None
    assert table.by is not None
    assert table.sample_weight.tolist() == [1, 2.5, 0.5]
    assert table.notes[:1] == ("1 of 4 rows have the weight 0 in 'w' and are left out",)
    assert table.by.tolist() == [1, 0, 1]
    days = read("x,d,y\n1,2020-01-02,1\n2,2020-01-01,2\n3,2020-03-01,3\n", by="d")
    assert days.by is not None
    assert days.by.astype("datetime64[us]").astype("datetime64[D]").astype(str).tolist() == [
        "2020-01-02", "2020-01-01", "2020-03-01"
    ]  # fmt: skip


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no target": ("x,y\n1,2\n2,3\n", {"target": None}, "data.target: name the column to be learnt; there are x, y"),
    "unknown": ("xs,y\n1,2\n2,3\n", {"drop": ["x"]}, "data.drop=x: the table has no such column; did you mean 'xs'?"),
    "another target": ("x,y\n1,2\n2,3\n", {"target": "zzz"}, "the table has no such column; there are x, y"),
    "a name, no list": ("x,y\n1,2\n2,3\n", {"drop": "x"}, "data.drop=x: must be a list, such as [x]"),
    "two roles": ("x,y\n1,2\n2,3\n", {"drop": ["x"], "category": ["x"]}, "'x' is in data.drop and in data.category"),
    "target twice": ("x,y\n1,2\n2,3\n", {"by": "y"}, "column 'y' is in data.target and in data.split.by"),
    "no number": ("x,y\n1,2\nb,3\n", {"numeric": ["x"]}, "data.numeric=[x]: 'b' in line 3 is no number"),
    "no truth": ("x,y\nyes,2\nmaybe,3\n", {"boolean": ["x"]}, "data.boolean=[x]: 'maybe' in line 3 is neither true"),
    "a number for a date": ("x,y\n1,2\n2,3\n", {"date": ["x"]}, "'1' in line 2 is no date such as 2026-01-31"),
    "a date for a number": ("x,y\n2020-01-01,2\n2020-01-02,3\n", {"numeric": ["x"]}, "'2020-01-01' in line 2 is no n"),
    "one class": ("x,y\n1,a\n2,a\n", {}, "data.target=y: all its values are 'a'; there is nothing to learn"),
    "one number": ("x,y\n1,5\n2,5\n", {}, "data.target=y: all its values are 5; there is nothing to learn"),
    "no value": ("x,y\n1,\n2,\n", {}, "data.target=y: the column has no values; choose another"),
    "distinct texts": ("x,y\n1,a\n2,b\n3,c\n", {}, "data.target=y: 3 different texts in 3 rows are no classes"),
    "a text for a regression": (
        "x,y\n1,a\n2,b\n",
        {"task": "regression"},
        "task=regression, data.target=y: 'a' in line 2 is no number",
    ),
    "null in a list": ("x,y\n1,2\n2,3\n", {"drop": [None]}, 'called null is written in quotes, as in ["null"]'),
    "null for a target": ("null,y\n1,2\n2,3\n", {"target": None}, "(that one is written data.target='\"null\"')"),
    "a date": ("x,y\n1,2020-01-01\n2,2020-01-02\n", {}, "data.target=y: its type is DATE"),
    "1001 classes": (
        csv_of(x=range(2002), y=[f"c{i % 1001}" for i in range(2002)]),
        {},
        "data.target=y: 1001 different texts in 2002 rows are no classes",
    ),
    "no feature": ("c,y\n1,2\n1,3\n1,4\n", {}, "no column is left as a feature ('c' is constant, 'y' is target)"),
    "a negative weight": ("x,w,y\n1,1,2\n2,-1,3\n", {"sample_weight": "w"}, "the weight is -1 in line 3"),
    "a missing weight": ("x,w,y\n1,1,2\n2,,3\n4,2,3\n", {"sample_weight": "w"}, "the weight is missing in line 3"),
    "weights of 0": ("x,w,y\n1,0,2\n2,0,3\n", {"sample_weight": "w"}, "all weights are 0; no row would count"),
    "a weight in text": ("x,w,y\n1,a,2\n2,b,3\n", {"sample_weight": "w"}, "its type is VARCHAR; a weight is a number"),
    "a hole to split by": ("x,g,y\n1,a,2\n2,,3\n4,b,5\n", {"by": "g"}, "split.by=g: the value is missing in line 3"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_in_one_sentence(read: Read, case: str) -> None:
    text, arguments, reason = REFUSED[case]
    refused_in_one_sentence(read, reason, text, **arguments)


@needs_data
@pytest.mark.parametrize("path", sorted((DATA / "tabular").glob("*.json")), ids=lambda path: path.stem)
def test_real_tables(path: Any) -> None:
    """Rows, missing values, levels and classes are those that the reference counted."""
    known = json.loads(path.read_text())
    left_out = {
        "titanic_train": {"PassengerId", "Name", "Ticket", "Cabin"},
        "auto_mpg": {"name"},
        "islr_default": {"rownames"},
    }.get(path.stem, set())
    table = load_table(path=str(path.with_suffix(".csv")), target=known["target"])
    frame = frame_of(table)
    assert len(table) == known["n_rows"] - known["missing"].get(known["target"], 0)
    assert [c.name for c in frame.columns] == [c for c in known["columns"] if c not in {known["target"], *left_out}]
    kinds = {"number": "numeric", "text": "category"}
    if "dtypes" in known:
        assert roles_of(table) == {c.name: kinds[known["dtypes"][c.name]] for c in frame.columns}
    if known["target"] not in known["missing"]:
        missing = {name: values.count(None) for name, values in values_of(table).items() if None in values}
        assert missing == {name: count for name, count in known["missing"].items() if name not in left_out}
    levels = {column.name: len(column.levels) for column in frame.columns if column.role == "category"}
    assert levels == {name: known["cardinality"][name] for name in levels}
    if table.classes is not None:
        assert dict(zip(table.classes, np.bincount(table.target).tolist(), strict=True)) == known["classes"]
