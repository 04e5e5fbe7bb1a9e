"""Delimited text: what is understood, and the line that is to blame where it is not."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from onelayer.errors import UserError
from tests.data.tables.conftest import Read, load_table, refused_in_one_sentence, values_of

MANY = "".join(f"{i},{i % 7}\n" for i in range(30000))  # more rows than types are found from


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(read: Read, separator: str, ends: str) -> None:
    lines = [("x", "z", "y"), ("1", "a", "3"), ("2", "b", "4"), ("3", "a", "6")]
    table = read(ends.join(separator.join(line) for line in lines) + ends)
    assert values_of(table) == {"x": [1, 2, 3], "z": ["a", "b", "a"]}
    assert table.target.tolist() == [3, 4, 6]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_line_feeds_in_quotes_beside_lines_that_end_in_crlf(read: Read, suffix: str) -> None:
    """As spreadsheets and Python's csv module write them."""
    text = b'x,"two\nlines",y\r\n1,"a\nb",2\r\n3,c,4\r\n5,"a\nb",7\r\n'
    table = read(gzip.compress(text) if suffix.endswith(".gz") else text, file=f"t{suffix}")
    assert values_of(table) == {"x": [1, 3, 5], "two lines": ["a\nb", "c", "a\nb"]}
    assert "line breaks and tabs in names became one space: 'two lines'" in table.notes


@pytest.mark.parametrize("suffix", [".csv.gz", ".CSV", ".tsv", ".txt"])
def test_suffixes(read: Read, suffix: str) -> None:
    text = b"x,y\n1,2\n3,4\n5,7\n"
    table = read(gzip.compress(text) if suffix.endswith(".gz") else text, file=f"t{suffix}")
    assert values_of(table) == {"x": [1, 3, 5]}


@pytest.mark.parametrize(
    ("encoding", "codec"), [("utf-8", "utf-8"), ("utf-8", "utf-8-sig"), ("latin-1", "latin-1"), ("utf-16", "utf-16")]
)
def test_encodings(read: Read, encoding: str, codec: str) -> None:
    table = read("naïve,y\né,1\nß,2\né,3\n".encode(codec), encoding=encoding)
    assert values_of(table) == {"naïve": ["é", "ß", "é"]}


READS: dict[str, tuple[str | bytes, dict[str, Any], dict[str, list[Any]]]] = {
    "spellings of a missing value": (
        "x,z,y\n1,NA,1\n?,a,2\nN/A,,3\nnull,b,4\nNaN,NULL,5\n",
        {},
        {"x": [1, None, None, None, None], "z": [None, "a", None, "b", None]},
    ),
    "a spelling of the user's": ("x,y\n1,1\n-999,2\n-,3\n4,4\n", {"missing": [-999, "-"]}, {"x": [1, None, None, 4]}),
    "spaces around values": ("x, z, y\n 1, a, 1\n 2, ?, 2\n 3,b ,3\n", {}, {"x": [1, 2, 3], "z": ["a", None, "b"]}),
    "a quoted line break": ('x,y\n"a\nb",1\nc,2\nc,3\n', {}, {"x": ["a\nb", "c", "c"]}),
    "single quotes": ("'x','y'\n'1','2'\n'3','4'\n'3','5'\n", {}, {"x": [1, 3, 3]}),
    "empty lines": ("\n\nx,y\n1,2\n\n3,4\n5,6\n", {}, {"x": [1, 3, 5]}),
    "a decimal comma": ("x;y\n1,5;1\n-,5;2\n3;3\n1e3;4\n", {}, {"x": [1.5, -0.5, 3, 1000]}),
    "huge and tiny": ("x,y\n1e308,1\n5e-324,2\n-0.0,3\n", {}, {"x": [1e308, 5e-324, 0]}),
    "more digits than int64": ("x,y\n1234567890123456789012,1\n1,2\n2,3\n", {}, {"x": [1.2345678901234568e21, 1, 2]}),
    "no header": ("1,2\n3,4\n5,7\n", {"names": ["x", "y"]}, {"x": [1, 3, 5]}),
    "text without a header": ("a,2\nb,4\na,9\n", {"names": ["x", "y"]}, {"x": ["a", "b", "a"]}),
    "text alone": ("x,y\na,u\nb,v\na,u\n", {}, {"x": ["a", "b", "a"]}),
    "an underscore is no number": ("x,y\n1_2,1\n3_4,2\n1_2,3\n", {}, {"x": ["1_2", "3_4", "1_2"]}),
    "time zones": ("d,y\n2020-01-01T10:00:00Z,1\n2020-01-01T11:00:00+02:00,2\n", {}, {"d.hour": [10, 9]}),
    "a time is text": ("x,y\n10:30:00,1\n9:30:00,2\n9:30:00,3\n", {}, {"x": ["10:30:00", "9:30:00", "9:30:00"]}),
    "lines above the header": ('"Report\nx,y\n1,2\n3,4\n5,5\n', {"skip_rows": 1}, {"x": [1, 3, 5]}),
    "a header that is left out": ("1,2\n1,2\n3,4\n5,5\n", {"skip_rows": 1, "names": ["x", "y"]}, {"x": [1, 3, 5]}),
    "comments": ("# t\nx,y\nC#,2\n # mid\nb # no,4\n#,5\nC#,5\n", {"comment": "#"}, {"x": ["C#", "b # no", "C#"]}),
    "many lines on top": (
        "a\n" * 300 + "# b\n" * 300 + "x,y\n1,2\n3,3\n",
        {"skip_rows": 300, "comment": "#"},
        {"x": [1, 3]},
    ),
    "a sign of comments in quotes": ('x,y\n"a\n#b",2\nc,3\nc,4\n', {"comment": "#"}, {"x": ["a\n#b", "c", "c"]}),
    "spaces after separators": ('"x", "y"\n"a, b", 2\n "c", 3\nc, 4\n', {}, {"x": ["a, b", "c", "c"]}),
    "aligned by spaces": ("  x   y\n  1 2.5 \n 10   3\n100   4\n", {}, {"x": [1, 10, 100]}),
    "spaces on an empty line": ("x,y\n1,2\n   \n3,4\n5,5\n", {}, {"x": [1, 3, 5]}),
    "lines of nothing but tabs": ("x\tz\ty\n1\t2\t2\n\t\t\r\n3\t4\t3\n", {}, {"x": [1, 3]}),
    "lines ended by CRCRLF": ("x,y\r\r\n1,2\r\r\n3,4\r\r\n5,7\r\r\n", {}, {"x": [1, 3, 5]}),
    "a header ended by LF, rows by CRLF": ("x,y\n1,2\r\n3,4\r\n5,7\r\n", {}, {"x": [1, 3, 5]}),
    "big-endian": ("\ufeffx,y\né,2\nb,3\né,4\n".encode("utf-16-be"), {"encoding": "utf-16"}, {"x": ["é", "b", "é"]}),
    "utf-8, found": ("x,y\né,2\nb,3\né,4\n", {"encoding": "auto"}, {"x": ["é", "b", "é"]}),
    "names for a row of a word and a number": ("a,5\n1,4\n2,9\n", {"names": ["x", "y"]}, {"x": ["a", "1", "2"]}),
    "a very long text": (f"x,y\n{'a' * 100_000},1\nb,2\nb,3\n", {}, {"x": ["a" * 100_000, "b", "b"]}),
}  # fmt: skip


@pytest.mark.parametrize("case", READS)
def test_is_read(read: Read, case: str) -> None:
    text, arguments, features = READS[case]
    values = values_of(read(text, **arguments))
    assert {name: values[name] for name in features} == features


NOTED: dict[str, tuple[str | bytes, str]] = {
    "spaces around names": ("x , y\n1,1\n2,2\n3,3\n", "names with spaces around them were stripped: 'x'"),
    "spaces around values": ("x,y\na ,1\nb,2\na,3\n", "'x' has 1 texts with spaces around them, which were stripped"),
    "comments": ("# t\nx,y\n1,2\n#\n3,4\n", "2 lines of t.csv left out that begin with '#'"),
    "dates in two ways": (
        "y,d\n1,2024-03-08 01:25:58\n2,2024-03-09 01:25:58\n4,03/10/2024 01:25:58\n5,2024-03-11 01:25:58\n",
        "'d' is text, since '03/10/2024 01:25:58' may be 3 October 2024 (data.date_format='%d/%m/%Y %H:%M:%S') or 10 "
        "March 2024 (data.date_format='%m/%d/%Y %H:%M:%S'); set the one that is right",
    ),
    "an encoding that is looked for": (
        "x,y\né,1\nb,2\né,3\n".encode("latin-1"),
        "t.csv is read as latin-1 (data.encoding=auto)",
    ),
    "a first line that may be a row": (
        "a,b,y\nu,3,1\nv,4,2\nu,5,3\n1,b,2\n",
        "line 1 of t.csv (a, b, y) is taken for the names of the columns; where it is a row, name all 3 with "
        "data.names=[...]",
    ),
    "text alone": (
        "x,y\na,u\nb,v\na,u\n",
        "line 1 of t.csv (x, y) is taken for the names of the columns; where it is a row, name all 2 with "
        "data.names=[...]",
    ),
    "names of different case": (
        "a,A,y\n1,2,3\n2,3,4\n5,5,5\n",
        "'A' and 'a' differ in case alone; column 2 is called 'A_1'",
    ),
    "a name that another has": (
        "a,a,a_1,y\n1,2,3,3\n2,3,4,4\n1,1,1,5\n",
        "'a' names more than one column; column 2 is called 'a_2'",
    ),
    "no name": (",a,y\n0,2,3\n1,3,4\n2,1,5\n", "column 1 has no name and is called 'unnamed_1'"),
    "duckdb's own name": (
        "rowid,y\n7,3\n70000,4\n2,5\n",
        "'rowid' is a name that duckdb keeps for itself; the column is called 'rowid_1'",
    ),
    "commas that may part thousands": (
        'x,y\n"1,234",2\n"2,345",3\n3,4\n',
        "'x' is text, since '1,234' may be 1.234 (data.decimal=',') or 1234 (data.thousands=','); set the one that is "
        "right",
    ),
    "numbers with other signs": (
        "x,y\n5%,2\n6%,3\n5%,5\n",
        "'x' is text, though all its values are numbers, such as '5%'; to read them so list it in data.numeric=[x]",
    ),
    "a word among many numbers": (
        "x,y\n" + "1,1\n2,2\n3,3\n4,4\n" * 3 + "-,5\n",
        "'x' is text, since 1 of its 13 values is no number, the first '-' in line 14; if that means a missing value, "
        "add it to data.missing",
    ),
    "integers that float64 rounds": (
        "x,y\n9007199254740993,2\n1,3\n3,4\n",
        "'x' has integers beyond 2^53, which float64 rounds",
    ),
    "dates that are not ISO": ("d,y\n13/01/2020,2\n14/02/2020,3\nNA,5\n", "'d' holds dates written %d/%m/%Y"),
}


@pytest.mark.parametrize("case", NOTED)
def test_is_read_with_a_note(read: Read, case: str) -> None:
    text, note = NOTED[case]
    key = {"comments": {"comment": "#"}, "an encoding that is looked for": {"encoding": "auto"}}
    assert note in read(text, **key.get(case, {})).notes


def test_rows_after_the_first_thousands_may_change_a_type(read: Read) -> None:
    """duckdb itself would round 1.5 to 2, and cut the time off."""
    assert values_of(read(f"x,y\n{MANY}1.5,3\n"))["x"][-2:] == [29999, 1.5]
    days = "".join(f"{2000 + i % 20}-01-{1 + i % 28:02},{i % 7}\n" for i in range(30000))
    times = read(f"d,y\n{days}2020-01-01 10:30:00,3\n")
    assert values_of(times)["d.hour"][-2:] == [0, 10]
    late = read("x,z,y\n" + "".join(f",{i},{i % 7}\n" for i in range(30000)) + "1.5,2,3\n2.5,2,3\n")
    assert values_of(late)["x"][-3:] == [None, 1.5, 2.5]
    quoted = read("x,y\n" + "".join(f"a{i % 7},{i % 7}\n" for i in range(30000)) + '"q,r",3\n')
    assert values_of(quoted)["x"][-1] == "q,r"


def test_integers_keep_all_their_digits_as_levels(read: Read) -> None:
    table = read("x,y\n9007199254740993,2\n9007199254740992,3\n1,4\n", category=["x"])
    assert values_of(table) == {"x": ["9007199254740993", "9007199254740992", "1"]}


REFUSED: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "ragged late": (f"x,y\n{MANY}1,2,3\n", {}, "t.csv: line 30002 has 3 fields, but the first line has 2"),
    "a quote late": (f'x,y\n{MANY}"1,2\n', {}, "t.csv: line 30002 opens a quoted field that is not closed"),
    "bytes late": (f"x,y\n{MANY}".encode() + b"\xff\xfe,3\n", {}, "t.csv: line 30002: the bytes are no utf-8 text"),
    "a short last line": ("x,y\n1,2\n3", {}, "t.csv: line 3 has 1 field, but the first line has 2"),
    "a line of 2 MB": ("x,y\n" + "a" * 3_000_000 + ",1\n", {}, "t.csv: line 2 is longer than 2 MB"),
    "text above the header": (
        "Report\nx,y\n1,2\n",
        {},
        "t.csv: line 1 has one column, 'Report', but from line 2 on all have 2, separated by commas; leave out what "
        "stands above the header with data.skip_rows=1",
    ),
    "text with commas above the header": (
        "Report, 2024, all\nx,y\n1,2\n",
        {},
        "line 2 has 2 fields, but the first line has 3; where text stands above the header, leave it out with "
        "data.skip_rows=1",
    ),
    "comments above the header": (
        "# Report\n# all\nx,y\n1,2\n",
        {},
        "leave out what stands above the header with \"data.comment='#'\", or data.skip_rows=2",
    ),
    "a comment among rows": (
        "x,y\n1,2\n% so far, so good, and so on\n2,3\n",
        {},
        "line 3 has 3 fields, but the first line has 2; where it is a comment, leave such lines out with "
        "\"data.comment='%'\"",
    ),
    "more lines than there are": ("x,y\n1,2\n", {"skip_rows": 2}, "data.skip_rows=2 leaves no line of t.csv"),
    "more lines of CRCRLF than there are": ("x,y\r\r\n1,2\r\r\n", {"skip_rows": 2}, "data.skip_rows=2 leaves no line"),
    "comments alone": ("#x,y\n#1,2\n", {"comment": "#"}, "every line begins with #, as comments do"),
    "an empty field too many": ("x,z,y\n1,2,3\n,4,5,\n7,8,9\n", {}, "line 3 has 4 fields, but the first line has 3"),
    "two empty fields too many": ("x,z,y\n1,2,3\n4,5,6,,\n", {}, "line 3 has 5 fields, but the first line has 3"),
    "a missing field too many": ("x,z,y\n1,2,3\n4,5,6,NA\n", {}, "line 3 has 4 fields, but the first line has 3"),
    "lines in quotes": ('"x;y"\n"1;2"\n"3;4"\n', {}, "each line is in quotes as a whole, so that the semicolons in it"),
    "words": ("two words\nin a line of text\nhere\n", {}, "line 1 has 2 words, another has 5"),
    "a separator that no query finds": ("x/y\n1/2\n3/4\n\"\n", {}, "the file has one column, 'x/y'; a table needs two"),
    "shift_jis": (f"x,y\n{'名前'},2\n".encode("shift_jis"), {}, "line 2: the bytes are no utf-8 text; save it as"),
    "utf-16 in gzip": (gzip.compress("x,y\n1,2\n".encode("utf-16")), {"file": "t.csv.gz"}, "set data.encoding=utf-16"),
    "no gzip": (b"x,y\n1,2\n", {"file": "t.csv.gz"}, "t.csv.gz: the file is no gzip file, or only a part of one"),
    "a part of gzip": (gzip.compress(b"x,y\n1,2\n")[:-9], {"file": "t.csv.gz"}, "or only a part of one; pack it again"),
    "utf-8 as utf-16": ("x,y\n1,2\n3,4\n", {"encoding": "utf-16"}, "no utf-16 text; set data.encoding=utf-8"),
    "no zstd": (b"x,y\n1,2\n", {"file": "t.csv.zst"}, "t.csv.zst: the file is no zstd file, or a broken one"),
    "neither, looked for": (b"x,y\n\x93a,2\n", {"encoding": "auto"}, "the bytes are no latin-1 text; save it as utf-8"),
    "utf-16 as latin-1": ("x,y\n1,2\n".encode("utf-16"), {"encoding": "latin-1"}, "set data.encoding=utf-16"),
    "another separator": ("x~y\n1~2\n3~4\n", {}, "'~' seems to separate the columns"),
    "a header alone": ("x,y\n", {}, "the file has a header and no rows below it"),
    "empty lines alone": ("\n \n\n", {}, "the file is empty"),
    "infinity": ("x,z,y\n1,2,3\n4,inf,6\n7,8,9\n", {}, "t.csv: column 'z' is inf in line 3; only finite numbers"),
    "infinity by size": ("x,y\n1e400,2\n1,3\n3,4\n", {}, "t.csv: column 'x' is inf in line 2"),
    "rows that are no lines": ('x,z,y\n"a\nb",1,1\nc,inf,2\n', {}, "column 'z' is inf in row 2"),
    "names for a file that has some": ("u,v\n1,2\n3,4\n", {"names": ["x", "y"]}, "line 1 of t.csv (u, v) names the"),
    "names that it has": ("x,y\na,b\n", {"names": ["x", "y"]}, "(x, y) names the columns already; leave"),
    "big-endian utf-16": (b"\xfe\xff" + "x,y\n".encode("utf-16-be"), {}, "set data.encoding=utf-16"),
    "a number above numbers": ("a,5\nb,4\nc,9\n", {}, "line 1 (a, 5) holds values, not the names of columns; name all"),
    "values that occur again": ("a,u\nb,v\na,u\nb,u\n", {}, "line 1 (a, u) holds values, not the names of columns"),
    "an encoding that is not there": ("x,y\n", {"encoding": "cp1252"}, "data.encoding=cp1252: must be 'utf-8'"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_in_one_sentence(read: Read, case: str) -> None:
    text, arguments, reason = REFUSED[case]
    refused_in_one_sentence(read, reason, text, **arguments)


def test_what_is_infinite_can_be_left_out(read: Read) -> None:
    assert values_of(read("x,z,y\n1,2,3\n4,inf,6\n7,8,9\n", drop=["z"])) == {"x": [1, 4, 7]}


def test_files_of_one_form_are_read_together(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"part{number}.csv").write_text(f"x,y\n{number},{10 * number}\n{number}.5,1\n")
    table = load_table(path=str(tmp_path / "part*.csv"))
    assert values_of(table) == {"x": [0, 0.5, 1, 1.5, 2, 2.5]}
    assert table.target.tolist() == [0, 1, 10, 1, 20, 1]


def test_a_type_that_only_a_later_file_has(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,1\n2,2\n")
    (tmp_path / "b.csv").write_text("x,y\n1.5,3\nNA,4\n")
    assert values_of(load_table(path=str(tmp_path / "*.csv"))) == {"x": [1, 2, 1.5, None]}


def test_files_that_differ_in_lines_above_and_in_their_ends(tmp_path: Path) -> None:
    """A line above the header of one file is no row of another."""
    (tmp_path / "a.csv").write_text("\n\nx,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,y\n3,5\n5,6\n")
    (tmp_path / "c.csv").write_bytes(b"x,y\n7,8\r\n9,1\r\n")
    table = load_table(path=str(tmp_path / "*.csv"))
    assert values_of(table) == {"x": [1, 3, 5, 7, 9]}
    given = load_table(path=str(tmp_path / "[ab].csv"), test_path=str(tmp_path / "c.csv"))
    assert given.part is not None
    assert given.part.tolist() == [0, 0, 0, 2, 2]


@pytest.mark.parametrize("header", ["x,z\n", "y,x\n", "x,y,z\n"])
def test_files_of_other_columns_are_refused(tmp_path: Path, header: str) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,1\n2,2\n")
    (tmp_path / "b.csv").write_text(header + "1,2,3\n")
    with pytest.raises(UserError, match=r"b\.csv: its columns \(.*\) are not those of .*a\.csv \(x, y\)"):
        load_table(path=str(tmp_path / "*.csv"))
