"""The code blocks of a page and the marks before them; docs/contribute/docs.md says what they mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

REASONS = ("needs a GPU", "needs a network", "installs", "serves until stopped")
RUN = ("bash", "console", "python")
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<kind>[\w-]*)(?P<title>.*)$")
MARK = re.compile(r"^\s*<!-- (?P<word>files|run with|not run|figure)(?:: (?P<value>.*?))? -->\s*$")
CONTINUES = re.compile(r"^<!-- continues: (?P<page>\S+) -->$", re.MULTILINE)
IMAGE = re.compile(r"!\[[^\]]*\]\((?P<path>[^)\s]+)")


@dataclass(frozen=True)
class Mark:
    """What a comment says about the block, or the image, after it."""

    word: str
    value: str
    line: int


@dataclass(frozen=True)
class Block:
    """One block that is run, or the image of a figure."""

    page: Path
    line: int  # of its first line of code, from 1
    kind: str  # bash, console, python or figure
    code: str  # of a figure: the path of the image, as the page has it
    printed: str | None = None  # what the ```text after a ```python shows
    marks: tuple[Mark, ...] = field(default=())

    def values(self, word: str) -> list[str]:
        """What the marks of one word say, in order."""
        return [mark.value for mark in self.marks if mark.word == word]

    @property
    def where(self) -> str:
        """The block in the words of a message."""
        return f"{self.page}:{self.line}"


class PageError(ValueError):
    """A page that is not written by the convention."""


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page that are run, from top to bottom, hidden ones too.

    Raises:
        PageError: a mark has nothing to mark, a reason is none of `REASONS`, a fence is not closed.
    """
    found: list[Block] = []
    marks: list[Mark] = []
    for line, text, fenced in _pieces(page):
        if fenced is not None:
            kind, code = fenced
            after_python = bool(found) and found[-1].kind == "python" and found[-1].printed is None and not marks
            if kind == "text" and after_python and _only_blank(page, found[-1], line):
                last = found.pop()
                found.append(Block(page, last.line, last.kind, last.code, code, last.marks))
            elif kind in RUN:
                found.append(Block(page, line, kind, code, None, tuple(marks)))
                marks = []
            elif marks:
                raise PageError(f"{page}:{line}: <!-- {marks[-1].word}: … --> stands before a block that is never run")
        elif mark := MARK.match(text):
            marks.append(_checked(Mark(mark["word"], mark["value"] or "", line), page))
        elif image := IMAGE.search(text):
            if marks and marks[-1].word == "figure":
                found.append(Block(page, line, "figure", image["path"], None, tuple(marks)))
                marks = []
        elif text.strip() and not text.lstrip().startswith(("<!--", "-->")) and marks:
            raise PageError(f"{page}:{marks[-1].line}: <!-- {marks[-1].word}: … --> has no block after it")
    if marks:
        raise PageError(f"{page}:{marks[-1].line}: <!-- {marks[-1].word}: … --> has no block after it")
    return found


def continued(page: Path) -> Path | None:
    """The page in whose folder this one goes on, if it says so."""
    found = CONTINUES.search(page.read_text("utf-8"))
    return (page.parent / found["page"]).resolve() if found else None


def _checked(mark: Mark, page: Path) -> Mark:
    if mark.word == "not run" and mark.value.partition(":")[0] not in REASONS:
        raise PageError(f"{page}:{mark.line}: not run: {mark.value}: the reason must be one of {', '.join(REASONS)}")
    return mark


def _only_blank(page: Path, block: Block, line: int) -> bool:
    """Whether nothing stands between the end of a block and the fence before a line."""
    lines = page.read_text("utf-8").splitlines()
    end = block.line - 1 + len(block.code.splitlines())
    return not any(text.strip() for text in lines[end + 1 : line - 2])


def _pieces(page: Path) -> Iterator[tuple[int, str, tuple[str, str] | None]]:
    """Lines outside of fences, and fenced blocks as (kind, code) without their indentation."""
    lines = enumerate(page.read_text("utf-8").splitlines(), 1)
    for line, text in lines:
        opened = FENCE.match(text)
        if opened is None:
            yield line, text, None
            continue
        code: list[str] = []
        for _, inside in lines:
            if inside.strip() == opened["fence"]:
                break
            code.append(inside.removeprefix(opened["indent"]))
        else:
            raise PageError(f"{page}:{line}: this fence is not closed")
        yield line + 1, text, (opened["kind"], "".join(f"{one}\n" for one in code))
