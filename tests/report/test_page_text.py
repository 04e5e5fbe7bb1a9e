"""The page as a text: what a user named is never taken for HTML, and nothing points outside."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from onelayer.report.drawn import Drawn, Listing, Point
from onelayer.report.page.answer import Answer
from onelayer.report.page.page import page
from tests.report import invented

SVG = '<svg viewBox="0 0 9 9"><defs><path id="p"/></defs><g id="p1"><use href="#p" clip-path="url(#p)"/></g></svg>'


class Read(HTMLParser):
    """What elements and texts there are; data by their ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: dict[str, str] = {}
        self.inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.inside = dict(attrs).get("id") or tag

    def handle_data(self, data: str) -> None:
        self.texts[self.inside] = self.texts.get(self.inside, "") + data


def read(title: str, named: str) -> Read:
    point = (Point("p1", named),)
    return Read(
        page(
            title,
            Answer(named, (named,), (), named),
            [Drawn("a", named, named, SVG, point), Drawn("b", named, named, "", ())],
            [Listing("runs", named, named, (named, "x"), ((named, 0.1), (None, float("nan"))))],
            {named: named, "lines": f"{named}\n{named}"},
        )
    )


PLAIN = read("name", "name")


ODD = st.sampled_from([invented.ODD, "<!--", "]]>", "\udc80", "</title>", "&amp;lt;"])


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30) | ODD)
def test_whatever_a_thing_is_called_the_elements_are_the_same(named: str) -> None:
    found = read(named, named)
    assert found.tags.count("script") == PLAIN.tags.count("script") == 3
    assert {*found.tags} == {*PLAIN.tags}
    assert {name for name, _ in found.attributes} == {name for name, _ in PLAIN.attributes}
    assert json.loads(found.texts["rows-runs"]) == {"columns": [named, "x"], "rows": [[named, 0.1], [None, None]]}
    assert json.loads(found.texts["points"]) == {"a": [["a-p1", named]]}


def test_ids_of_a_figure_and_what_refers_to_them_are_its_own() -> None:
    attributes = PLAIN.attributes
    assert [value for name, value in attributes if name == "id" and value in ("a-p", "a-p1")] == ["a-p", "a-p1"]
    assert ("href", "#a-p") in attributes
    assert ("clip-path", "url(#a-p)") in attributes


def test_nothing_is_fetched_and_no_other_script_may_run() -> None:
    text = page("a", invented.ANSWER, invented.drawn(), invented.listings(), invented.FACTS)
    found = Read(text)
    links = [value for name, value in found.attributes if name in ("href", "src", "xlink:href", "action", "srcset")]
    assert all(link and link.startswith("#") for link in links)
    assert not re.findall(r"url\((?!#)|@import", text)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert "default-src &#x27;none&#x27;" in policy
    assert not re.findall(r"script-src[^;]*(unsafe|http|\*)", policy)


def test_the_same_sweep_gives_the_same_page_and_a_thousand_runs_a_small_one(tmp_path: Path) -> None:
    parts = (invented.ANSWER, invented.drawn(), invented.listings(1000), invented.FACTS)
    text = page("a", *parts)
    assert page("a", *parts) == text
    assert len(text.encode()) < 1e6
