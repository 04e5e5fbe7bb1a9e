"""Seconds until the report of 1000 runs is on disk, and until it can be used in a browser; needs Chromium."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from machine import write_page as write_benchmark
from onelayer.report.command import write_page

TRAIN = Path(__file__).resolve().parents[1] / "src" / "train.py"
SWEEP = (
    *("-m", "optim=adam,sgd,momentum,rmsprop,adagrad", "optim.lr=tag(log,interval(1e-4,10))"),
    *("hydra.sweeper.points=20", "model.l2=0,1e-3", "seed=0,1,2,3,4", "data=breast_cancer"),
    *("data.batch_size=full", "trainer.max_epochs=30"),
)
ROUNDS, RUNS = 3, 1000
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
# two frames after its last line was read, a page has been painted
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
# from a key to the rows that it leaves
FILTERED = """() => new Promise(done => {
    const began = performance.now(), input = document.querySelector('#table-runs input');
    input.value = 'optim=adam val/loss<0.1';
    input.dispatchEvent(new Event('input'));
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
})"""


def written(sweep: Path) -> list[float]:
    """Seconds of the page alone, as a sweep ends with it."""
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.process_time()
        write_page([sweep], files=False)
        taken.append(time.process_time() - began)
    return taken[1:]  # the first one imports


def opened(page: Path) -> tuple[list[float], list[float]]:
    """Seconds from opening the file to its first picture, and of a filter."""
    shown, filtered = [], []
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for _ in range(ROUNDS):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(page.as_uri())
            shown.append(tab.evaluate(PAINTED) / 1e3)
            filtered.append(tab.evaluate(FILTERED) / 1e3)
            tab.close()
        browser.close()
    return shown, filtered


def line(what: str, taken: list[float]) -> str:
    return f"| {what} | {statistics.median(taken):.2f} | {min(taken):.2f} - {max(taken):.2f} |"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sweep = Path(folder) / "study"
        command = [sys.executable, str(TRAIN), *SWEEP, "logger=none", f"hydra.sweep.dir={sweep}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        assert len([path for path in sweep.rglob("result.json") if json.loads(path.read_bytes())]) == RUNS
        drawing = written(sweep)
        page = sweep / "report" / "index.html"
        shown, filtered = opened(page)
        lines = [
            f"{RUNS} runs of breast_cancer over 5 optimizers, 20 learning rates, 2 penalties and 5 seeds; the page has "
            f"{page.stat().st_size / 1e6:.1f} MB; {ROUNDS} rounds.\n",
            "| | seconds, median | min - max |",
            "|---|---|---|",
            line("gather, draw and write the page, in CPU time", drawing),
            line("from opening the file to a page that can be used", shown),
            line("from a letter in the filter to its rows", filtered),
        ]
    write_benchmark("report", "The report of a sweep", "python scripts/bench_report.py", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
