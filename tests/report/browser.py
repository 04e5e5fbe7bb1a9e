"""A real browser for pages from disk, that says what it fetched and what went wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)

# texts that lie over each other: boxes of visible texts, none of which is part of the other's element
OVERLAPS = """() => {
  const boxes = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest("script, style, noscript, title, defs")) continue;
    if (!parent.checkVisibility({visibilityProperty: true})) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const {left, right, top, bottom} of range.getClientRects()) {
      // what a scrolling box hides is not seen
      const clip = parent.closest(".scroll, pre, td")?.getBoundingClientRect() || {left: -1e9, right: 1e9};
      const seen = [Math.max(left, clip.left), Math.min(right, clip.right)];
      if (seen[1] - seen[0] > 1) boxes.push({parent, left: seen[0], right: seen[1], top, bottom, text: node.data});
    }
  }
  const found = [];
  boxes.sort((a, b) => a.top - b.top);
  boxes.forEach((a, i) => {
    for (let j = i + 1; j < boxes.length && boxes[j].top < a.bottom - 2; j++) {
      const b = boxes[j];
      if (a.parent.contains(b.parent) || b.parent.contains(a.parent)) continue;
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1) found.push([a.text.trim(), b.text.trim()]);
    }
  });
  return found;
}"""


@dataclass
class Opened:
    """A page, and what it did."""

    page: "Page"
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.page.locator(selector).all_inner_texts()
        return found

    def value(self, script: str) -> Any:
        return self.page.evaluate(script)


@contextmanager
def browser() -> Iterator["Browser"]:
    """Start Chromium, or skip."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'"
    )
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield chromium
        chromium.close()


@contextmanager
def opened(chromium: "Browser", path: Path, *, width: int = 1280, dark: bool = False, **more: Any) -> Iterator[Opened]:
    """Open a file; in the end, nothing but that file was fetched, and no error was reported."""
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", **more
    )
    context.set_default_timeout(60_000)  # of a busy machine
    one = Opened(context.new_page())
    one.page.on("request", lambda request: one.requests.append(request.url))
    one.page.on("console", lambda message: one.errors.append(message.text))
    one.page.on("pageerror", lambda error: one.errors.append(str(error)))
    one.page.goto(path.as_uri())
    yield one
    context.close()
    assert set(one.requests) == {path.as_uri()}
    assert one.errors == []
