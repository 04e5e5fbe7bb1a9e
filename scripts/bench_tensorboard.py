"""Seconds until TensorBoard answers for 1000 runs, and what writing for it costs their sweep; needs Chromium."""

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from playwright.sync_api import sync_playwright

from machine import write_page

TRAIN = Path(__file__).resolve().parents[1] / "src" / "train.py"
SWEEP = (
    *("-m", "optim=adam,sgd,momentum,rmsprop,adagrad", "optim.lr=tag(log,interval(1e-4,10))"),
    *("hydra.sweeper.points=20", "model.l2=0,1e-3", "seed=0,1,2,3,4", "data=breast_cancer"),
    *("data.batch_size=full", "trainer.max_epochs=30"),
)
RUNS, ROUNDS = 1000, 3
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    PORT = free.getsockname()[1]
# of so many runs TensorBoard ticks none by itself, but it does where a filter leaves a few
FILTERED = "#scalars&regexInput=%5Estacks%2F"
URL = f"http://127.0.0.1:{PORT}/"
ANY_STATUS = ("STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING")
# how it can be started: as most people type it, with its data server; and without
WAYS = ((), ("--load_fast=false",))
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
ADVICE = """
Type `tensorboard --logdir SWEEP`: its data server, which the first two rows have, is there by default. What
`--samples_per_plugin` and `--reload_multifile` are for is not the case here: a curve of more than 1000 points, or a run
that goes on in several files while it is watched.

Beyond 500 runs TensorBoard ticks none by itself, but it does where a filter leaves a few (10 are ticked, 200 are not):
`#scalars&regexInput=%5Estacks%2F` behind the address shows the spread of all, `#scalars&regexInput=optim%3Dadam,` lists
the runs of one optimizer. `logger.max_live_runs` says how many of the best have curves. HParams has every run, and in
Parallel Coordinates those that have a value in each ticked column: untick `train/*`, which are curves, and tick
`verdict/*`, the numbers that every run ended with.
"""
DRAWN = """() => {
    const all = root => [...root.querySelectorAll('*')].flatMap(
        one => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
    return all(document).some(one => one.matches('path.line') && one.getTotalLength() > 50);
}"""


def trained(sweep: Path, *logger: str) -> float:
    """CPU seconds of the sweep."""
    command = [sys.executable, str(TRAIN), *SWEEP, *logger, f"hydra.sweep.dir={sweep}"]
    began = cpu_of_children()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert sum(json.loads(path.read_bytes())["status"] != "failed" for path in sweep.rglob("result.json")) == RUNS
    return cpu_of_children() - began


def cpu_of_children() -> float:
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def asked(path: str, body: dict[str, Any] | None = None, **query: str) -> Any:
    """What TensorBoard says; None as long as it says nothing."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{URL}data/{path}?{urlencode(query)}", data, {"Content-Type": "application/json"})
    try:
        with urlopen(request) as answer:
            return json.load(answer)
    except URLError:
        return None


def rows() -> bool:
    """Whether the HParams tab has every run, with the numbers that it ended with."""
    body = {
        "experimentName": "",
        "allowedStatuses": ANY_STATUS,
        "colParams": [],
        "startIndex": 0,
        "sliceSize": 2 * RUNS,
    }
    groups = (asked("plugin/hparams/session_groups", body) or {}).get("sessionGroups", [])
    return len([one for one in groups if "endTimeSecs" in one["sessions"][0]]) == RUNS


def curve() -> bool:
    """Whether any curve is served."""
    for run, tags in (asked("plugin/scalars/tags") or {}).items():
        if "train/loss" in tags:
            return bool(asked("plugin/scalars/scalars", run=run, tag="train/loss"))
    return False


@contextmanager
def started(sweep: Path, *how: str) -> Iterator[Callable[[Callable[[], bool]], float]]:
    """Start TensorBoard; what is lent waits for something, and returns the seconds since the start."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(sweep), "--host=127.0.0.1", f"--port={PORT}"]
    with subprocess.Popen([*command, *how], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        began = time.perf_counter()

        def waited(until: Callable[[], bool]) -> float:
            while not until():
                assert process.poll() is None, f"TensorBoard has ended; is port {PORT} taken?"
                time.sleep(0.05)
            return time.perf_counter() - began

        try:
            yield waited
        finally:
            process.terminate()
            process.wait()


def seen() -> float:
    """Seconds from opening the tab Scalars to the first curve."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.set_default_timeout(600_000)
        began = time.perf_counter()
        page.goto(f"{URL}{FILTERED}")
        page.wait_for_function(DRAWN)
        taken = time.perf_counter() - began
        browser.close()
        return taken


def line(what: str, taken: list[float]) -> str:
    return f"| {what} | {statistics.median(taken):.2f} | {min(taken):.2f} - {max(taken):.2f} |"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        without, cost = trained(top / "none", "logger=none"), trained(top / "study", "logger.figures=false")
        lines = ["| | seconds, median | min - max |", "|---|---|---|"]
        for how in WAYS:
            served, listed = [], []
            for _ in range(ROUNDS):
                with started(top / "study", *how) as waited:
                    served.append(waited(curve))
                    listed.append(waited(rows))
            command = " ".join(("tensorboard --logdir SWEEP", *how))
            lines.append(line(f"from `{command}` until a curve is served", served))
            lines.append(line("and until HParams has every run with its numbers", listed))
        with started(top / "study") as waited:
            waited(rows)
            shown = [seen() for _ in range(ROUNDS)]
        lines.append(line(f"from opening `{FILTERED}` in Chromium to the first curve", shown))
        size = sum(path.stat().st_size for path in (top / "study").rglob("events.*"))
        told = (
            f"{RUNS} runs of breast_cancer over 30 epochs, 250 of them with curves; {size / 1e6:.1f} MB of events; "
            f"{ROUNDS} rounds.\n\n" + "\n".join(lines) + f"\n\nThe sweep took {without:.1f} s of CPU time with "
            f"logger=none and {cost:.1f} s with event files, {(cost - without) / RUNS * 1e3:.1f} ms a run more.\n"
        )
    write_page("tensorboard", "TensorBoard with 1000 runs", "python scripts/bench_tensorboard.py", told + ADVICE)


if __name__ == "__main__":
    main()
