"""How pages are read and what is compared: the convention of docs/contribute/docs.md, by examples."""

from pathlib import Path

import pytest

from docs.blocks import PageError, blocks_of
from docs.compare import difference
from docs.execute import ROOT, BlockError, chains, run_page

SHOWN = "gap 0.00168 (relative 0.003)  100 epochs in … s"


@pytest.mark.parametrize(
    "came",
    [
        "gap 0.00168 (relative 0.003)  100 epochs in 0.11 s",
        "gap 0.001685 (relative 0.0034)  100 epochs in 12 s",  # within 1 %, and one in the last digit
        "  gap 0.00167   (relative 0.002) 100 epochs in 3 s\n\n",
    ],
)
def test_outputs_that_say_the_same(came: str) -> None:
    assert difference(SHOWN, came) is None


@pytest.mark.parametrize(
    "came",
    [
        "gap 0.00172 (relative 0.003)  100 epochs in 1 s",
        "gap 0.00168 (relative 0.005)  100 epochs in 1 s",
        "gap 0.00168 (relative 0.003)  101 epochs in 1 s",
        "gap 0.00168 (relative 0.003)  100 epochs",
        "gap 0.00168 (relative 0.003)  100 epochs in 1 s\nand more",
        "",
    ],
)
def test_outputs_that_do_not(came: str) -> None:
    assert difference(SHOWN, came) is not None


def test_a_line_of_three_dots_stands_for_any_lines() -> None:
    assert difference("a\n…\nb", "a\nb") is None
    assert difference("a\n…\nb", "a\n1\n2\nb") is None
    assert difference("a\n…\nb", "a\n1\n2\nc") is not None


def test_versions_are_no_numbers() -> None:
    assert difference("torch 2.13.0", "torch 2.14.0") is not None


def page(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text, "utf-8")
    return path


def test_a_page_of_every_kind_of_block(tmp_path: Path, environment: dict[str, str]) -> None:
    made = page(
        tmp_path,
        "<!-- files: titanic.csv -->\n```console\n$ ls\ntitanic.csv\n"
        "$ python src/train.py optim=adm\nerror: …\n…\n```\n"
        "```bash\nx=1  # a block is one script\necho $x > y.txt\n```\n"
        "<!-- hidden\n```python\nfrom pathlib import Path\n```\n-->\n"
        '```python\nprint(1 / 3, Path("y.txt").read_text())\n```\n\n```text\n0.33 1\n```\n'
        "<!-- not run: needs a GPU -->\n```bash\nfalse\n```\n"
        "<!-- not run: installs: pip -->\n```bash\npip install nothing-of-that-name\ntrue\n```\n",
    )
    (tmp_path / "here").mkdir()
    assert run_page(made, tmp_path / "here", environment) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```console\n$ echo 1\n2\n```\n", "page.md:2: echo 1"),
        ("```console\n$ false\n```\n", "page.md:2: exit code 1 of  false"),
        ("```bash\necho before\nfalse\necho after\n```\n", "exit code 1 in: false"),
        ("```python\n\nassert 1 == 2\n```\n", 'page.md", line 3'),
        ("<!-- not run: installs: pip -->\n```bash\ntrue\n```\n", "no line has the words of the mark: pip"),
    ],
)
def test_a_page_that_says_something_wrong(text: str, said: str, tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(BlockError) as found:
        run_page(page(tmp_path, text), tmp_path, environment)
    assert said in str(found.value)
    assert "after" not in str(found.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- not run: it is Monday -->\n```bash\ntrue\n```\n", "the reason must be one of"),
        ("<!-- run with: a=1 -->\n\ntext\n", "has no block after it"),
        ("<!-- run with: a=1 -->\n```yaml\na: 1\n```\n", "stands before a block that is never run"),
        ("```bash\ntrue\n", "is not closed"),
    ],
)
def test_a_page_that_is_not_by_the_convention(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(PageError, match=said):
        blocks_of(page(tmp_path, text))


def test_what_is_not_run() -> None:
    """Whoever adds a line here has a reason that nobody can mend."""
    left = {
        (str(path.relative_to(ROOT)), value)
        for chain in chains()
        for path in chain
        for block in blocks_of(path)
        for value in block.values("not run")
    }
    assert left == {
        ("README.md", "installs"),
        ("README.md", "needs a GPU: trainer=gpu"),
        ("README.md", "serves until stopped: tensorboard"),
        ("docs/howto/embeddings.md", "needs a network"),
        ("docs/howto/gpu.md", "needs a GPU"),
        ("docs/howto/tensorboard.md", "serves until stopped: tensorboard"),
        ("docs/index.md", "installs"),
        ("docs/tutorial/first-run.md", "installs"),
    }


def test_every_figure_is_there() -> None:
    for chain in chains():
        for path in chain:
            for block in blocks_of(path):
                if block.kind == "figure":
                    assert (path.parent / block.code).is_file(), f"{block.where}: make docs draws it"
