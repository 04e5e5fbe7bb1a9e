"""The page as a reader has it: opened from disk in Chromium, with its mouse, its keys and its paper."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest

from onelayer.report.page.page import page
from tests.report import invented
from tests.report.browser import OVERLAPS, Opened, browser, opened

RUNS = invented.runs(120)
ROWS = "#table-runs tbody tr"
Open = Callable[..., AbstractContextManager[Opened]]


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    path = tmp_path_factory.mktemp("report") / "index.html"
    text = page("lr_study", invented.ANSWER, invented.drawn(), invented.listings(), invented.FACTS)
    path.write_text(text, encoding="utf-8")
    with browser() as chromium:
        yield partial(opened, chromium, path)


@pytest.fixture(scope="module")
def wide(show: Open) -> Iterator[Opened]:
    """A page that several tests share, for each of which it is loaded anew."""
    with show() as one:
        yield one


@pytest.fixture
def shown(wide: Opened) -> Opened:
    wide.page.emulate_media(media="screen", color_scheme="light")
    wide.page.mouse.move(0, 0)
    wide.page.reload()
    return wide


def on_paper(shown: Opened) -> None:
    """All rows at once."""
    shown.page.emulate_media(media="print", color_scheme="dark")
    _wait_for_rows(shown, len(RUNS.rows))


def on_screen(shown: Opened) -> None:
    shown.page.emulate_media(media="screen", color_scheme="light")
    _wait_for_rows(shown, 25)


def _wait_for_rows(shown: Opened, count: int) -> None:
    shown.page.locator(ROWS).nth(count - 1).wait_for()
    shown.page.locator(ROWS).nth(count).wait_for(state="detached")


def column(shown: Opened, name: str) -> list[str]:
    """The exact values of a column, as far as rows are shown; "" for a missing one."""
    place = RUNS.columns.index(name)
    script = f"rows => rows.map(row => row.children[{place}].dataset.value ?? '')"
    found: list[str] = shown.page.locator(ROWS).evaluate_all(script)
    return found


def head(name: str) -> str:
    return f"#table-runs th:nth-child({RUNS.columns.index(name) + 1})"


def test_figures_are_drawn_and_every_id_is_there_once(shown: Opened) -> None:
    boxes = shown.value("[...document.querySelectorAll('[data-point] path')].map(one => one.getBBox().width)")
    assert len(boxes) == 3 * 4
    assert min(boxes[:3]) > 100
    assert shown.value("[...document.querySelectorAll('[id]')].length") == shown.value(
        "new Set([...document.querySelectorAll('[id]')].map(one => one.id)).size"
    )
    assert shown.texts("#missing li") == ["Coefficients: The model has 784 columns; there is no room for them."]


def test_a_number_is_rounded_to_the_eye_and_exact_beneath(shown: Opened) -> None:
    on_paper(shown)
    for name in ("val/loss", "train/gap", "seconds", "seed"):
        place = RUNS.columns.index(name)
        given = [row[place] for row in RUNS.rows]
        assert [float(one) if one else None for one in column(shown, name)] == given
        texts = shown.texts(f"{ROWS} td:nth-child({place + 1})")
        for text, value in zip(texts, given, strict=True):
            assert text == "–" if value is None else float(text) == pytest.approx(float(value), rel=5e-5)
            assert len(re.sub(r"^-?0\.0*|e.*|\.", "", text)) <= 5


def test_columns_sort_numbers_by_size_and_missing_ones_last(shown: Opened) -> None:
    before = column(shown, "seed")
    present = sorted(row[5] for row in RUNS.rows if isinstance(row[5], float))
    for direction, wanted in (("ascending", present), ("descending", present[::-1])):
        shown.page.locator(f"{head('val/loss')} button").click()
        assert shown.page.locator(head("val/loss")).get_attribute("aria-sort") == direction
        on_paper(shown)
        found = column(shown, "val/loss")
        on_screen(shown)
        assert [float(one) for one in found if one] == wanted
        assert set(found[len(wanted) :]) == {""}
    shown.page.locator(f"{head('val/loss')} button").click()
    assert column(shown, "seed") == before
    assert shown.page.locator("[aria-sort]").count() == 0


def test_numbers_that_were_typed_as_text_sort_as_numbers_and_keys_do_it_too(shown: Opened) -> None:
    shown.page.locator(f"{head('optim.lr')} button").focus()
    shown.page.keyboard.press("Enter")
    assert set(column(shown, "optim.lr")) == {"1e-3"}  # of 30
    shown.page.keyboard.press("Space")
    assert set(column(shown, "optim.lr")) == {"0.5"}
    shown.page.locator(f"{head('optim')} button").click()
    assert set(column(shown, "optim")) == {"adam"}
    assert shown.page.locator("[aria-sort]").count() == 1


def _cells(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(RUNS.columns, row, strict=True))


FILTERS: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    ("optim=adam lr>0.01", lambda row: row["optim"] == "adam" and float(row["optim.lr"]) > 0.01),
    ("lr=0.001", lambda row: row["optim.lr"] == "1e-3"),
    ("ADAM", lambda row: row["optim"] == "adam"),
    ("val/loss<=0.5", lambda row: row["val/loss"] is not None and row["val/loss"] <= 0.5),
    ("val/loss=", lambda row: row["val/loss"] is None),
    ("val/loss!= status!=done", lambda row: False),
    ("seed>=100 seed!=110", lambda row: row["seed"] >= 100 and row["seed"] != 110),
    ("optim.lr=1e-3,seed=27", lambda row: False),  # a comparison with what stands behind the first sign
    ('"optim.lr=0.5,seed=33"', lambda row: row["seed"] == 33),
    ("<script>", lambda row: row["seed"] == 3),
    ("gap<1e-5 gap>", lambda row: row["train/gap"] is not None and row["train/gap"] < 1e-5),
    ("", lambda row: True),
]


def test_words_and_comparisons_filter(shown: Opened) -> None:
    for typed, holds in FILTERS:
        shown.page.locator("#table-runs input").fill(typed)
        wanted = [row[4] for row in RUNS.rows if holds(_cells(row))]
        assert column(shown, "seed") == [str(one) for one in wanted[:25]], typed
        (note,) = shown.texts("#table-runs .note")
        assert note == ("120 rows" if len(wanted) == 120 else f"{len(wanted)} of 120 rows")


def test_what_cannot_be_understood_is_said(shown: Opened) -> None:
    for typed, said in (
        ("loss<1", "120 rows; loss: val/loss or test/loss?"),
        ("momentum=0.9", "0 of 120 rows; no column is called momentum"),
    ):
        shown.page.locator("#table-runs input").fill(typed)
        assert shown.texts("#table-runs .note") == [said]
        assert shown.page.locator("#table-runs input").get_attribute("aria-invalid") == "true"


def test_pages_of_a_table_show_every_row_once(shown: Opened) -> None:
    found = column(shown, "seed")
    while shown.page.locator("#table-runs .after").is_enabled():
        shown.page.locator("#table-runs .after").click()
        found += column(shown, "seed")
    assert found == [str(number) for number in range(120)]
    assert shown.texts("#table-runs .pages span") == ["101–120 of 120"]


def test_a_curve_says_what_it_is_also_when_the_mouse_is_a_little_beside_it(shown: Opened) -> None:
    shown.page.locator("#figure-profile").scroll_into_view_if_needed()
    middle = """([id, share]) => {
        const path = document.getElementById(id).querySelector('path');
        const at = path.getPointAtLength(path.getTotalLength() * share).matrixTransform(path.getScreenCTM());
        return [at.x, at.y];
    }"""
    for optim in invented.COLOURS:
        x, y = shown.page.evaluate(middle, [f"profile-line-{optim}", 0.6])
        for beside in (0, 4):
            shown.page.mouse.move(x, y + beside)
            assert shown.texts("#tip")[0].startswith(f"optim={optim}\ngap ")
        assert shown.page.locator(".here").get_attribute("id") == f"profile-line-{optim}"
    shown.page.mouse.move(x, y - 60)
    assert shown.page.locator("#tip").is_hidden()
    assert shown.page.locator(".here").count() == 0


def test_arrow_keys_go_through_the_points_of_a_figure(shown: Opened) -> None:
    plot = shown.page.locator("#figure-gap-epochs .plot")
    assert "arrow keys go through its 4 points" in str(plot.get_attribute("aria-label"))
    plot.focus()
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"):
        shown.page.keyboard.press(key)
        said += shown.texts("#tip")
    assert [one.split()[0] for one in said] == ["optim=adam", "optim=sgd", "optim=adam", "a"]
    assert said[-1] == f"a marker of {invented.ODD}"  # as text, and no part of the page
    shown.page.keyboard.press("Escape")
    assert shown.page.locator("#tip").is_hidden()


COLOURS = """() => [document.documentElement, document.body, document.querySelector('svg text'),
    document.querySelector('figure')].map(one => {
        const style = getComputedStyle(one);
        return [style.backgroundColor, style.color, style.fill];
    })"""


def test_dark_is_as_the_system_says_or_the_reader_and_stays(show: Open) -> None:
    with show() as light, show(dark=True) as dark:
        bright, dim = light.value(COLOURS), dark.value(COLOURS)
        assert bright[0][0] != dim[0][0]
        assert all(a[1] != b[1] for a, b in zip(bright, dim, strict=True))
        assert bright[2][2] == bright[1][1]  # the ink of figures is that of the text
        assert dim[2][2] == dim[1][1]
        for one, before, after in ((light, bright, dim), (dark, dim, bright)):
            one.page.locator("#theme").click()
            assert one.value(COLOURS) == after
            one.page.reload()
            assert one.value(COLOURS) == after
            one.page.locator("#theme").click()
            assert one.value(COLOURS) == before


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overlaps_and_nothing_but_boxes_scrolls_sideways(show: Open, width: int) -> None:
    with show(width=width) as one:
        assert one.value(OVERLAPS) == []
        assert one.value("document.documentElement.scrollWidth") == width
        scrolls = "(one => one.scrollWidth > one.clientWidth)(document.querySelector('#table-runs .scroll'))"
        assert one.value(scrolls)
        one.value("document.querySelector('svg text').style.translate = '0 12px'")
        one.value("document.querySelector('.large dt').style.translate = '0 12px'")
        assert one.value(OVERLAPS) != []  # the check sees one where there is one


def test_paper_has_all_rows_no_controls_and_whole_figures(shown: Opened) -> None:
    on_paper(shown)
    for control in ("#theme", "nav", ".tools", ".pages", ".copy", "td button"):
        assert not any(one.is_visible() for one in shown.page.locator(control).all())
    assert shown.page.locator("th button").count() == 0  # Chromium repeats no heading with a button in it
    assert shown.texts("#table-runs th") == list(RUNS.columns)
    figure = "getComputedStyle(document.querySelector('figure')).breakInside"
    assert shown.value(figure) == "avoid"
    assert shown.value("getComputedStyle(document.body).color") == "rgb(35, 38, 43)"
    assert not shown.page.locator("#table-runs .note").is_visible()
    assert shown.page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    on_screen(shown)
    shown.page.locator("#table-runs input").fill("seed=7")
    shown.page.emulate_media(media="print")
    assert shown.page.locator("#table-runs .note").is_visible()  # a part of a table says so on paper
    assert shown.value("getComputedStyle(document.querySelector('.note'), '::before').content") == '"seed=7: "'


def test_commands_are_copied_as_they_are(show: Open) -> None:
    with show(permissions=["clipboard-read", "clipboard-write"]) as one:
        one.page.locator("#answer .copy").click()
        one.page.get_by_text("Copied").wait_for()
        assert one.value("navigator.clipboard.readText()") == invented.ANSWER.command
        one.page.locator(f"{ROWS} td.run button").first.click()
        one.page.locator("td.run").get_by_text("Copied").wait_for()
        assert one.value("navigator.clipboard.readText()") == RUNS.rows[0][-1]


def test_without_scripts_the_answer_and_the_figures_are_there(show: Open) -> None:
    with show(java_script_enabled=False) as one:
        assert one.page.locator("#answer").is_visible()
        assert one.page.locator("figure svg").count() == 3
        assert one.page.locator("noscript p").first.is_visible()
        assert not one.page.locator("#theme").is_visible()
