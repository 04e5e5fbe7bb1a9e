"""What Python's csv module writes is read back cell by cell, and what it cannot read is refused."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onelayer.data.tables.opening import open_rows
from onelayer.data.tables.plain import _separators
from onelayer.errors import UserError
from tests.conftest import examples

CELL = st.text("ab1 .,;|\t\"'#\\é😀\r\n", max_size=5)
QUOTED = st.fixed_dictionaries({"quotechar": st.sampled_from("\"'"), "quoting": st.just(csv.QUOTE_ALL)})
MINIMAL = st.just({"quotechar": '"', "quoting": csv.QUOTE_MINIMAL})
FORM = st.fixed_dictionaries(
    {"delimiter": st.sampled_from(",;\t| "), "lineterminator": st.sampled_from(["\n", "\r\n", "\r"])}
)


def cells_of(path: Path, names: list[str], **how: Any) -> list[list[str]]:
    """Return all cells without spaces around them, as columns of text are read."""
    rows = open_rows(path=str(path), texts=names, **how)
    return [[(cell or "").strip() for cell in row] for row in rows.all("SELECT * FROM rows ORDER BY rowid")]


@settings(
    max_examples=examples(15),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=2, max_size=6),
    odd=st.sampled_from(["", " name", "\nname", ", name", '"name"']),
    form=FORM,
    quotes=QUOTED | MINIMAL,
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
    packed=st.booleans(),
)
def test_what_pythons_csv_module_writes_is_read_back(
    tmp_path: Path,
    rows: list[tuple[str, ...]],
    odd: str,
    form: dict[str, Any],
    quotes: dict[str, Any],
    codec: str,
    packed: bool,
) -> None:
    if any(sign in cell for row in rows for cell in row for sign in "\r\n") or form["delimiter"] == " ":
        quotes = quotes | {"quoting": csv.QUOTE_ALL}  # csv leaves some ends of lines without quotes
    written = io.StringIO()
    writer = csv.writer(written, **form, **quotes)
    writer.writerow(["first", f"second{odd}", "third"])
    writer.writerows(rows)
    text = written.getvalue()
    content = (("\ufeff" if codec == "utf-16-be" else "") + text).encode(codec)
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    names = ["first", " ".join(f"second{odd}".split()), "third"]
    encoding = "utf-16" if codec.startswith("utf-16") else "utf-8"
    assert cells_of(path, names, encoding=encoding) == [[cell.strip() for cell in row] for row in rows]


@settings(
    max_examples=examples(15),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(
                ["1,2,3", "4,,6", '"a,b",2,3', "7,8", "7,8,9,", ",7,8,9", '"a', 'a"b,c,d', "", "  ", "#,,", "x, y,z"]
            ),
            st.sampled_from(["\n", "\n", "\r\n", "\r", "\r\r\n"]),
        ),
        min_size=2,
        max_size=6,
    )
)
def test_odd_lines_are_read_as_python_reads_them_or_refused(tmp_path: Path, lines: list[tuple[str, str]]) -> None:
    text = "first,second,third\n" + "".join(line + end for line, end in lines)
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    try:
        expected = [
            row
            for row in csv.reader(io.StringIO(text, newline=""), strict=True)
            if any(map(str.strip, row)) or len(row) > 1
        ]
    except csv.Error:
        expected = []
    if expected and {len(row) for row in expected} == {3} and len(expected) > 1:
        assert cells_of(path, expected[0]) == [[cell.strip() for cell in row] for row in expected[1:]]
        return
    with pytest.raises(UserError) as refused:
        cells_of(path, ["first", "second", "third"])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("ending", "encoding", "cell", "surplus", "above", "packed"),
    [
        ("\n", "utf-8", "b", ",", "", False),
        ("\n", "utf-8", '"b,c"', ",NA", "", False),
        ("\n", "utf-8", "'", ',"NA"', "", True),
        ("\r\n", "utf-8", "b", ",NA", "of 2024, by hand\n", False),
        ("\r\n", "utf-16", '"b,c"', ",", "", False),
        ("\r", "utf-8", "b", ",", "of 2024, by hand\n", False),
        ("\n", "utf-16", "b", ",", "of 2024, by hand\n", True),
    ],
)
def test_a_missing_field_too_many_is_refused_wherever_it_stands(
    tmp_path: Path, ending: str, encoding: str, cell: str, surplus: str, above: str, packed: bool
) -> None:
    rows = [f"{row},{cell},{row % 7}" for row in range(300)]
    for name, last in (("whole.csv", ""), ("ragged.csv", surplus)):
        text = f"{above}x,z,y\n" + "\n".join([*rows, f"300,{cell},5{last}", ""])
        content = text.replace("\n", ending).encode(encoding)
        (tmp_path / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)
    how: dict[str, Any] = {"missing": ("NA",), "encoding": encoding, "skip_rows": 1 if above else 0}
    suffix = "csv.gz" if packed else "csv"
    assert open_rows(path=str(tmp_path / f"whole.{suffix}"), **how).count == 301
    with pytest.raises(UserError, match=rf"ragged\.{suffix}.*: line {303 if above else 302} has 4 fields"):
        open_rows(path=str(tmp_path / f"*.{suffix}"), **how)


@pytest.mark.parametrize(
    "content", ["x,y\n1,2\n3,\n", 'x,y\n"1,5",2\n3,4\n', 'x,y\n1,"2\n,"\n3,4\n', "x,y\n\n1,2\n\n3,4"]
)
def test_separators_are_no_fewer_than_those_of_the_records(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    rows = open_rows(path=str(path))
    assert rows.dialect is not None
    quoted = sum(cell.count(",") for row in csv.reader(io.StringIO(content)) for cell in row)
    assert _separators(rows.dialect) == rows.count + 1 + quoted
