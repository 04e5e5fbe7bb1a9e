"""Run all code of README and the pages in full, draw their figures, and build the site in site/."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config

from docs.execute import ROOT, BlockError, chains, run_page, warm_process


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="onelayer_pages_") as name, warm_process() as environment:
        for number, chain in enumerate(chains()):
            folder = Path(name) / str(number)
            folder.mkdir()
            for page in chain:
                _run(page, folder, environment)
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # what else one could build sites with
    build(load_config(str(ROOT / "mkdocs.yml")))
    print(f"site at {ROOT / 'site' / 'index.html'}")


def _run(page: Path, folder: Path, environment: dict[str, str]) -> None:
    """Run a page in full and take over its figures."""
    begin = time.perf_counter()
    try:
        figures = run_page(page, folder, environment, full=True)
    except BlockError as error:
        sys.exit(f"error: {error}")
    for source, image in figures:
        image.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, image)
    drawn = f", {len(figures)} figures" if figures else ""
    print(f"{page.relative_to(ROOT)}: ran in {time.perf_counter() - begin:.1f} s{drawn}", flush=True)


if __name__ == "__main__":
    main()
