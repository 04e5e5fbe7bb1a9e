"""What TensorBoard itself says of sweeps, over HTTP and in a browser, against the results on disk."""

import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
import yaml
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from onelayer.report.figures.canvas import Canvas
from onelayer.report.records import read_sweep
from onelayer.report.tensorboard import is_wanted, write_events
from onelayer.track.layout import of_runs
from tests.conftest import composed
from tests.report.browser import browser
from tests.report.swept import train

QUICK = ("data=linear", "data.n_samples=60", "trainer.max_epochs=4")
# of 1e9 both diverge; the preset of momentum is another argument than that of sgd
LIVE = ("optim=adam,momentum", "optim.lr=0.1,1e9", "data.dtype=float64")
# only the best two get curves; an lr that the data say, a truth, a choice of words, a number or none
KEPT = ("optim=sgd", "optim.lr=auto", "model.bias=true,false", "patience=2,null", "model.init=zeros,normal", "seed=3")
ANY_STATUS = ("STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING")
SECONDS = 120  # for what takes five on a machine that is not busy


@dataclass(frozen=True)
class Board:
    """TensorBoard as it runs.

    Attributes:
        url: where.
        top: the folder it shows.
        results: of every run below that, by the name that TensorBoard has for it.
    """

    url: str
    top: Path
    results: dict[str, dict[str, Any]]

    def get(self, path: str, **query: str) -> Any:
        with urlopen(f"{self.url}data/{path}?{urlencode(query)}") as answer:
            return json.load(answer)

    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of the HParams tab, by run."""
        asked = {"experimentName": "", "allowedStatuses": ANY_STATUS, "colParams": [], "startIndex": 0, "sliceSize": 99}
        url = f"{self.url}data/plugin/hparams/session_groups"
        with urlopen(Request(url, json.dumps(asked).encode(), {"Content-Type": "application/json"})) as answer:
            groups = json.load(answer)["sessionGroups"]
        return {group["sessions"][0]["name"]: group for group in groups}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """Two sweeps in one folder: one drawn as it went, with a report; one of which the best were drawn."""
    top = tmp_path_factory.mktemp("outputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYDRA_FULL_ERROR", "0")
        train("-m", *QUICK, *LIVE, f"hydra.sweep.dir={top / 'live'}")
        few = ("logger.max_live_runs=2", "logger.figures=false")
        train("-m", *QUICK, *KEPT, *few, f"hydra.sweep.dir={top / 'kept'}")
    paths = sorted(top.rglob("result.json"))
    results = {str(path.parent.relative_to(top)): json.loads(path.read_bytes()) for path in paths}
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(top), "--host=127.0.0.1", "--port=0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        try:
            urls = (re.search(r"http://127\S+", line) for line in process.stderr)
            found = Board(next(url.group() for url in urls if url), top, results)
            until = time.monotonic() + SECONDS
            while time.monotonic() < until and not _is_read(found):
                time.sleep(0.2)
            yield found
        finally:
            process.terminate()


def _is_read(board: Board) -> bool:
    """Whether TensorBoard has come to the last event of every file."""
    try:
        rows, pictures = board.rows(), board.get("plugin/images/tags")
    except URLError:
        return False
    ended = all("status" in row["sessions"][0] for row in rows.values())
    return rows.keys() == board.results.keys() and ended and "live/report" in pictures


def test_every_run_is_a_row_with_what_was_typed_and_how_it_ended(board: Board) -> None:
    rows = board.rows()
    assert len(rows) == len(board.results) == 4 + 8
    for name, result in board.results.items():
        row = rows[name]
        typed = dict(one.split("=") for one in result["overrides"] if not one.startswith("logger"))
        known = {"model.l2": 0.0, "seed": 0, **typed, "optim.lr": result["lr"], "status": result["status"]}
        assert row["hparams"].keys() == known.keys()
        for key, value in row["hparams"].items():
            if isinstance(value, bool):
                assert known[key] == str(value)
            elif isinstance(value, float):
                assert value == float(known[key])
            else:
                assert value == known[key]
        told = {one["name"]["tag"]: one["value"] for one in row["metricValues"]}
        ended = {tag.removeprefix("verdict/"): value for tag, value in told.items() if tag.startswith("verdict/")}
        failed = result["status"] == "diverged"
        finite = {} if failed else {tag: value for tag, value in result["metrics"].items() if value is not None}
        assert ended == pytest.approx({**finite, "epochs": result["epochs"]}, rel=1e-6)
        numbers = [value for value in told.values() if isinstance(value, float | int) and math.isfinite(value)]
        assert all(abs(value) < 1e6 for value in numbers)  # one of 1e19 would hide what differs between the others
        assert row["sessions"][0]["status"] == ("STATUS_FAILURE" if failed else "STATUS_SUCCESS")
    assert {row["hparams"]["status"] for row in rows.values()} >= {"done", "diverged"}


def test_what_differs_is_a_column_before_what_does_not(board: Board) -> None:
    url = f"{board.url}data/plugin/hparams/experiment"
    with urlopen(Request(url, b'{"experimentName": ""}', {"Content-Type": "application/json"})) as answer:
        columns = {one["name"]: one for one in json.load(answer)["hparamInfos"]}
    differs = [one.get("differs", False) for one in columns.values()]
    assert differs == sorted(differs, reverse=True)
    assert columns["model.bias"]["type"] == "DATA_TYPE_BOOL"
    assert sorted(columns["optim"]["domainDiscrete"]) == ["adam", "momentum", "sgd"]
    assert sorted(columns["patience"]["domainDiscrete"]) == ["2.0", "null"]


def test_custom_scalars_has_training_and_validation_in_one_chart(board: Board) -> None:
    tags = board.get("plugin/scalars/tags")
    runs, stacks = sorted(board.get("plugin/custom_scalars/layout")["category"], key=lambda one: str(one["title"]))
    charts = {chart["title"]: chart["multiline"]["tag"] for chart in runs["chart"]}
    assert list(charts)[:2] == ["loss", "objective and gap to the optimum"]
    assert set(charts) > {"lr", "r2", "mse"}
    best = [run for run, found in tags.items() if run in board.results and "val/loss" in found]
    assert len([run for run in best if run.startswith("live")]) == 4
    assert 2 <= len([run for run in best if run.startswith("kept")]) < 8
    wanted = [re.compile(one) for expressions in charts.values() for one in expressions]
    drawn = {tag for tag in tags[best[0]] if any(one.match(tag) for one in wanted)}
    assert drawn == {tag for tag in tags[best[0]] if not tag.startswith("verdict/")}
    one = next(run for run in best if board.results[run]["status"] == "done")
    shown = board.get("plugin/custom_scalars/scalars", run=one, tag=charts["loss"][1])
    assert [step for _, step, _ in shown["tag_to_events"]["val/loss"]] == [1, 2, 3, 4]
    (whole,) = [run for run in tags if run.startswith("kept/stacks/")][:1]
    for chart in stacks["chart"]:
        (series,) = chart["margin"]["series"]
        assert set(series.values()) <= set(tags[whole])


def test_the_figures_of_the_report_are_a_run_of_their_own(board: Board) -> None:
    tags = board.get("plugin/images/tags")
    figures = tags["live/report"]
    assert not any(run.endswith("report") for run in tags if run != "live/report")  # logger.figures=false
    assert not (board.top / "kept" / "report").exists()
    titles = [figures[tag]["displayName"] for tag in sorted(figures)]
    page = (board.top / "live" / "report" / "index.html").read_text()
    places = [page.index(title) for title in titles if title in page]
    assert len(places) > 5
    assert "Learning-rate sensitivity" in titles
    assert "a dot for its val/loss" in figures[next(tag for tag in figures if "sensitivity" in tag)]["description"]
    (first,) = board.get("plugin/images/images", run="live/report", tag=min(figures), sample="0")
    with urlopen(f"{board.url}data/plugin/images/individualImage?{first['query']}") as answer:
        assert answer.read().startswith(b"\x89PNG")


def test_curves_are_drawn_in_a_browser_and_nothing_is_asked_of_others(board: Board) -> None:
    requests, errors = list[str](), list[str]()
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1500, "height": 1000})
        page.set_default_timeout(SECONDS * 1000)
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{board.url}#custom_scalars")
        lines = page.locator("vz-line-chart2 path.line")
        lines.first.wait_for(state="attached")
        page.wait_for_function(
            """() => {
                const all = root => [...root.querySelectorAll('*')].flatMap(
                    one => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
                return all(document).some(one => one.matches('path.line') && one.getTotalLength() > 50);
            }"""
        )
        page.close()
    assert {url for url in requests if not url.startswith((board.url, "data:", "blob:"))} == set()
    assert errors == []


def test_a_report_replaces_the_figures_of_the_one_before(tmp_path: Path) -> None:
    canvas = Canvas("one")
    canvas.dots([1], [2], ["a"])
    painted = [canvas.drawn("A title", "How to read it.")]
    for step in (1, 2):
        write_events(painted, tmp_path, step)
    (path,) = tmp_path.iterdir()
    found = [(event.step, one) for event in EventFileLoader(str(path)).Load() for one in event.summary.value]
    ((step, value),) = found
    assert (step, value.tag, value.metadata.display_name) == (2, "whole sweep/01 one", "A title")
    assert value.tensor.string_val[2] == painted[0].png()


@pytest.mark.parametrize(("logger", "wanted"), [("tensorboard", True), ("none", False)])
def test_figures_go_where_the_runs_were_to_be_looked_at(tmp_path: Path, logger: str, wanted: bool) -> None:
    (tmp_path / "run" / ".hydra").mkdir(parents=True)
    (tmp_path / "run" / ".hydra" / "overrides.yaml").write_text("[]")
    (tmp_path / "run" / ".hydra" / "config.yaml").write_text(yaml.safe_dump(composed(f"logger={logger}")))
    assert is_wanted(tmp_path, read_sweep(tmp_path)) is wanted


def test_a_chart_matches_its_tags_alone() -> None:
    (runs,) = of_runs(["train/loss", "train/lr", "val/loss", "val/r2"]).category
    charts = {chart.title: list(chart.multiline.tag) for chart in runs.chart}
    assert list(charts) == ["loss", "lr", "r2"]
    assert not any(re.match(one, "val/loss/median") for one in charts["loss"])
