"""README.md: in both languages the same, each link leads to a file, and what it says of options is all of them."""

import re
from pathlib import Path

import pytest

from docs.blocks import FENCE
from docs.execute import ROOT

READMES = ("README.md", "README.zh.md")


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def code_of(name: str) -> list[str]:
    """All fenced and indented blocks."""
    blocks, inside = [], False
    for line in text(name).splitlines():
        if FENCE.match(line):
            inside = not inside
            blocks += [line] if inside else []
        elif inside or line.startswith("    "):
            blocks.append(line)
    return blocks


def test_both_languages_show_the_same_code() -> None:
    assert code_of("README.md") == code_of("README.zh.md")


def test_both_languages_have_the_same_sections_links_and_numbers() -> None:
    def shape(name: str) -> tuple[int, list[str], list[str]]:
        plain = re.sub(r"```.*?```", "", text(name), flags=re.DOTALL).partition("\n\n")[2].partition("\n\n")[2]
        links = re.findall(r"\]\(([^)]+)\)", plain)
        return plain.count("\n## "), sorted(links), sorted(re.findall(r"\d+\.\d+|\d{3,}", plain))

    assert shape("README.md") == shape("README.zh.md")


@pytest.mark.parametrize("name", READMES)
def test_links_lead_to_files(name: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text(name)):
        assert link.startswith("http") or (ROOT / link).exists(), link


@pytest.mark.parametrize("name", READMES)
def test_the_table_of_choices_is_complete(name: str) -> None:
    for group in ("data", "model", "optim", "scheduler", "trainer", "logger", "sweep"):
        (row,) = [line for line in text(name).splitlines() if line.startswith(f"| `{group}=`")]
        said = {word for part in re.findall(r"`([^`]+)`", row.split("|", 2)[2]) for word in part.split()}
        assert said == {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}, group


@pytest.mark.parametrize("name", READMES)
def test_the_table_of_speed_has_the_numbers_of_the_benchmarks(name: str) -> None:
    measured = "\n".join(path.read_text("utf-8") for path in Path(ROOT / "docs" / "benchmarks").glob("*.md"))
    known = {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\d)", measured)}
    section = re.split(r"\n## ", text(name))[3]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    assert len(rows) == 5
    for row in rows:
        for number in map(float, re.findall(r"(?<![\w.])(\d+(?:\.\d+)?) (?:us|s)\b", row)):
            digits = 1 if number < 100 else 0
            assert any(round(one, digits) == number for one in known), (row, number)
