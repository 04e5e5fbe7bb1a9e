"""The site: built strictly, whole without a network, and its reference knows every key, option and command."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from docs.execute import ROOT
from docs.reference import CONF, GROUPS, configuration, group_page
from docs.yaml_comments import read
from onelayer.config import RunSpec
from onelayer.terminal.usage import COMMANDS
from tests.report.browser import browser

# attributes that a browser fetches by itself; a link that one may click is none of them
FETCHED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("use", "href")}


class Page(HTMLParser):
    """The places of a page, and what it fetches and links to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        self.fetched += [value for name, value in given.items() if (tag, name) in FETCHED]
        self.links += [given["href"]] if tag == "a" and "href" in given else []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """All pages of the site, by their files."""
    mkdocs = pytest.importorskip("mkdocs.config")
    from mkdocs.commands.build import build

    folder = tmp_path_factory.mktemp("site")
    build(mkdocs.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))  # strict: a warning ends it
    # 404.html is for servers, which show it at any address
    return {path: Page(path) for path in sorted(folder.rglob("*.html")) if path.name != "404.html"}


def test_no_page_fetches_anything_from_a_network(site: dict[Path, Page]) -> None:
    for path, page in site.items():
        assert not [url for url in page.fetched if re.match(r"(https?:)?//", url)], path
    for sheet in min(site, key=lambda path: len(path.parts)).parent.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", sheet.read_text("utf-8")), sheet


def test_every_internal_link_leads_somewhere(site: dict[Path, Page]) -> None:
    for path, page in site.items():
        for link in [*page.links, *page.fetched]:
            parts = urlsplit(link)
            if parts.scheme or not (parts.path or parts.fragment):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path}: {link}"
            if parts.fragment and target in site:
                assert unquote(parts.fragment) in site[target].ids, f"{path}: {link}"


def test_search_works_from_disk_and_pages_fit_screens(site: dict[Path, Page]) -> None:
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        said: list[str] = []
        page.on("request", lambda request: said.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(next(path for path in site if path.match("reference/metrics.html")).as_uri())
        page.click("[data-md-component=search-query]")
        page.keyboard.type("class_weight")
        page.locator(".md-search-result__item a[href*='reference/configuration.html']").first.wait_for()
        for name in ("index.html", "tutorial/sweep.html", "reference/configuration.html", "learn/optimizers.html"):
            page.goto(next(path for path in site if path.match(name)).as_uri())
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 900})
                # a script puts wide tables into boxes that scroll
                page.wait_for_function(f"document.documentElement.scrollWidth <= {width}", timeout=60_000)
        assert [one for one in said if not one.startswith(("file:", "data:", "blob:"))] == []


def test_every_command_is_in_the_reference(site: dict[Path, Page]) -> None:
    (page,) = [page for path, page in site.items() if path.match("reference/commands.html")]
    assert {f"onelayer-{name}" for name in COMMANDS} <= page.ids


@pytest.mark.parametrize("group", GROUPS)
def test_every_option_of_a_group_is_in_the_reference(group: str, site: dict[Path, Page]) -> None:
    (page,) = [page for path, page in site.items() if path.match(f"groups/{group}.html")]
    assert {path.stem for path in (CONF / group).glob("*.yaml")} <= page.ids


def test_every_folder_of_options_has_a_page() -> None:
    assert {path.name for path in CONF.iterdir() if path.is_dir()} - {"hydra", "__pycache__"} == {*GROUPS}


def rows(text: str) -> list[list[str]]:
    """The cells of all tables of a page but their heads."""
    lines = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| `")
    ]
    assert lines
    return lines


def keys(schema: dict[str, Any], part: dict[str, Any], path: str = "") -> Iterator[str]:
    """The keys of a JSON schema, as the command line has them."""
    for name, field in part["properties"].items():
        kinds = [kind["$ref"].rpartition("/")[2] for kind in (field, *field.get("anyOf", ())) if "$ref" in kind]
        if kinds:
            yield from keys(schema, schema["$defs"][kinds[0]], f"{path}{name}.")
        else:
            yield path + name


def test_every_key_of_the_schema_has_a_type_and_a_meaning() -> None:
    found = {row[0].strip("`"): row[1:] for row in rows(configuration())}
    schema = RunSpec.model_json_schema()
    assert {*keys(schema, schema)} == {key for key in found if not key.startswith("hydra.")}
    assert all(kind and meaning for kind, _, meaning in found.values())


@pytest.mark.parametrize("group", ["data", "model", "optim", "scheduler", "trainer", "logger"])
def test_every_key_of_an_option_has_a_type_and_a_meaning(group: str) -> None:
    page = group_page(group)
    for row in rows(page):
        assert all(row[:4]), row
    for path in (CONF / group).glob("*.yaml"):
        for entry in read(path).entries:
            assert f"{entry.key.removeprefix(f'{group}.')}`" in page or entry.key == "source"
