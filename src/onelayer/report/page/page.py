"""From figures, tables and facts to one text of HTML: no request, no dependency, no build step."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from onelayer.report.drawn import GENERATOR, Cell, Drawn, Listing
from onelayer.report.page.answer import Answer

HERE = Path(__file__).parent
# one function, of which each part uses those before it
SCRIPTS = ("tools", "theme", "copy", "points", "cells", "filter", "table", "paper")
LONG = 12  # lines of a fact that are shown unasked


def page(
    title: str,
    answer: Answer,
    drawn: Sequence[Drawn],
    listings: Sequence[Listing],
    facts: Mapping[str, str],
    *,
    of: str = "a sweep",
) -> str:
    """Write the page.

    Args:
        title: of the sweep.
        answer: what stands on top.
        drawn: figures in order; their ids may repeat each other's.
        listings: tables in order.
        facts: what is to be known of the sweep, by name.
        of: what is reported.

    Returns:
        HTML in characters that UTF-8 has; whatever of it comes from users is escaped.
    """
    style, script = (HERE / "page.css").read_text(encoding="utf-8"), _script()
    # scripts other than this one do not run, and nothing can be fetched
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; base-uri 'none'"
    )
    shown, missing = [one for one in drawn if one.svg], [one for one in drawn if not one.svg]
    links = [("table", one.name, one.title) for one in listings]
    links = [("figure", one.name, one.title) for one in shown] + links + [("", "facts", "Facts")] * bool(facts)
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta name="generator" content="{GENERATOR}">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{style}</style>\n</head>\n<body>",
        _header(title, of),
        "<main>",
        _answer(answer),
        _links(links),
        *(['<section class="figures" aria-label="Figures">', *map(_figure, shown), "</section>"] if shown else []),
        *map(_table, listings),
        _facts(facts),
        _missing(missing),
        "</main>",
        '<div id="tip" role="status" aria-live="polite" hidden></div>',
        *(_data(f"rows-{one.name}", _rows(one)) for one in listings),
        _data("points", {one.name: [[f"{one.name}-{gid}", label] for gid, label in one.points] for one in shown}),
        f"<script>{script}</script>\n</body>\n</html>\n",
    ]
    # a path may hold bytes that are no text
    return "\n".join(part for part in parts if part).encode("utf-8", "replace").decode()


def _script() -> str:
    parts = [(HERE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return "\n".join(['"use strict";', "(() => {", *parts, "})();"])


def _header(title: str, of: str) -> str:
    return f"""<header>
<p class="kind">Report of {escape(of)}</p>
<button type="button" id="theme" hidden>Dark</button>
<h1>{escape(title)}</h1>
</header>"""


def _answer(answer: Answer) -> str:
    winner = f'<p class="winner"><span>Best</span> {_breakable(answer.winner)}</p>' if answer.winner else ""
    said = escape(" ".join(answer.sentences))
    figures = "".join(
        f"<div><dt>{escape(name)}</dt><dd{_exact(value)}>{escape(text)}</dd>"
        f"{f'<dd class=of>{escape(of)}</dd>' if of else ''}</div>"
        for name, text, value, of in answer.figures
    )
    command = _command(answer.command, answer.again) if answer.command else ""
    return (
        f'<section id="answer" aria-label="Answer">\n{winner}\n<dl class="large">{figures}</dl>\n'
        f"<p>{said}</p>\n{command}\n</section>"
    )


def _exact(value: float | int | None) -> str:
    text = None if value is None else json.dumps(value)
    return "" if text is None else f' data-value="{text}" title="{text}"'


def _command(command: str, label: str) -> str:
    return (
        f'<div class="command"><p>{escape(label)}</p><pre tabindex="0"><code>{escape(command)}</code></pre>'
        '<button type="button" class="copy" hidden>Copy</button></div>'
    )


def _links(links: Sequence[tuple[str, str, str]]) -> str:
    lines = [f'<li><a href="#{_id(kind, name)}">{escape(title)}</a></li>' for kind, name, title in links]
    return "" if len(lines) < 2 else f'<nav aria-label="Contents"><ul>{"".join(lines)}</ul></nav>'


def _figure(drawn: Drawn) -> str:
    label = f"{drawn.title}; arrow keys go through its {len(drawn.points)} points" if drawn.points else drawn.title
    focus = ' tabindex="0"' if drawn.points else ""
    return (
        f'<figure id="{_id("figure", drawn.name)}">\n<h2>{escape(drawn.title)}</h2>\n'
        f'<div class="plot" data-points="{escape(drawn.name)}" role="group" aria-label="{escape(label)}"{focus}>\n'
        f"{_embedded(drawn)}\n</div>\n<figcaption>{escape(drawn.caption)}</figcaption>\n</figure>"
    )


def _embedded(drawn: Drawn) -> str:
    """Return the element alone, its ids those of no other figure."""
    svg = drawn.svg[drawn.svg.index("<svg") :].strip()
    prefix = escape(drawn.name)
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"""(\sid=["'])""", rf"\g<1>{prefix}-", svg)
    return re.sub(r"""((?:href=["']|url\()#)""", rf"\g<1>{prefix}-", svg)


def _table(listing: Listing) -> str:
    name, title = _id("table", listing.name), escape(listing.title)
    example = escape(_example(listing))
    return f"""<section class="table" id="{name}" data-rows="rows-{escape(listing.name)}">
<h2>{title}</h2>
<p class="caption">{escape(listing.caption)}</p>
<div class="tools" hidden>
<label>Filter <input type="search" autocomplete="off" spellcheck="false" placeholder="{example}"
 aria-describedby="{name}-note"></label>
<p class="note" id="{name}-note" role="status"></p>
</div>
<div class="scroll" tabindex="0" role="region" aria-label="{title}"></div>
<div class="pages" hidden><button type="button" class="before">Previous</button>
<span></span><button type="button" class="after">Next</button></div>
<noscript><p>Rows need scripts, which this browser does not run; leaderboard.csv has them too.</p></noscript>
</section>"""


def _example(listing: Listing) -> str:
    """Show how to filter, by what this table has: a column of words and one of numbers."""
    found = []
    for kind in (str, float):
        for column, cell in zip(listing.columns, listing.rows[0] if listing.rows else (), strict=False):
            value = f"<{cell:.2g}" if isinstance(cell, float) else f"={cell}"
            if (
                isinstance(cell, kind)
                and re.fullmatch(r"[\w./]+", column)
                and re.fullmatch(r"[<=][\w.+-]{1,12}", value)
            ):
                found.append(f"{column}{value}")
                break
    return " ".join(found) or "words that a row has"


def _rows(listing: Listing) -> dict[str, Any]:
    return {"columns": listing.columns, "rows": [[_finite(cell) for cell in row] for row in listing.rows]}


def _finite(cell: Cell) -> Cell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _facts(facts: Mapping[str, str]) -> str:
    if not facts:
        return ""
    lines = [f"<div><dt>{escape(name)}</dt><dd>{_fact(text)}</dd></div>" for name, text in facts.items()]
    return f'<section id="facts">\n<h2>Facts</h2>\n<dl>{"".join(lines)}</dl>\n</section>'


def _fact(text: str) -> str:
    lines = text.strip("\n").splitlines()
    if len(lines) < 2:
        return escape(text)
    block = f'<pre tabindex="0">{escape(text)}</pre>'
    return block if len(lines) <= LONG else f"<details><summary>{len(lines)} lines</summary>{block}</details>"


def _missing(missing: Sequence[Drawn]) -> str:
    if not missing:
        return ""
    lines = "".join(f"<li><b>{escape(one.title)}</b>: {escape(one.caption)}</li>" for one in missing)
    return f'<section id="missing">\n<h2>Not drawn</h2>\n<ul>{lines}</ul>\n</section>'


def _data(name: str, value: Any) -> str:
    # nothing in it can end the element; U+2028 and its kin are escaped anyway
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'<script type="application/json" id="{escape(name)}">{text}</script>'


def _breakable(text: str) -> str:
    """Escape a configuration, each part of which stays in one line where there is room."""
    return " ".join(f"<span>{escape(word)}</span>" for word in text.split(" "))


def _id(kind: str, name: str) -> str:
    return escape(f"{kind}-{name}" if kind else name)
