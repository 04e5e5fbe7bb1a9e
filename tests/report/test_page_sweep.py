"""The report of real sweeps: what its page says is what their results say, and it never costs a sweep its success."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onelayer.cli import main
from onelayer.errors import UserError
from onelayer.report.command import write_page
from onelayer.report.write import PAGE
from tests.conftest import Outcome
from tests.report.browser import OVERLAPS, browser, opened
from tests.report.test_page_text import Read
from tests.sweeps.sweeps import end_run, fail_run

SWEEP = ("-m", "optim=adam,sgd", "optim.lr=0.1,1e9", "seed=0,1", "data=iris", "trainer.max_epochs=4")


NAME = "a <b> & c"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep with its report."""
    from onelayer.cli import train

    folder = tmp_path_factory.mktemp("sweep")
    before, argv = Path.cwd(), sys.argv
    os.chdir(folder)
    sys.argv = ["train.py", *SWEEP, "logger.tensorboard=false", f"hydra.sweep.dir='{NAME}'"]
    try:
        train()
    finally:
        os.chdir(before)
        sys.argv = argv
    return folder / NAME


def results(sweep: Path) -> dict[str, Any]:
    return {path.parent.name: json.loads(path.read_bytes()) for path in sweep.rglob("result.json")}


def table(page: Path, name: str) -> list[dict[str, Any]]:
    data = json.loads(Read(page.read_text(encoding="utf-8")).texts[f"rows-{name}"])
    return [dict(zip(data["columns"], row, strict=True)) for row in data["rows"]]


def test_a_sweep_ends_with_its_report(study: Path) -> None:
    assert (study / "train.log").read_text().endswith(f"report at {NAME}/report/index.html\n")
    assert {path.name for path in (study / "report").iterdir()} == {PAGE}


def test_every_number_of_the_page_is_that_of_a_result(study: Path) -> None:
    found = results(study)
    rows = table(study / "report" / PAGE, "runs")
    assert len(rows) == len(found) == 8
    for row in rows:
        result = found[Path(row["directory"]).name]
        for name in ("status", "epochs", "seconds"):
            assert row[name] == result[name]
        for name, value in result["metrics"].items():
            assert row[name] == value
        for override in result["overrides"]:
            key, _, value = override.partition("=")
            assert str(row.get(key, value)) == value or float(row[key]) == float(value)


def test_it_opens_in_a_browser_with_every_figure_and_the_best_run_on_top(study: Path) -> None:
    found = results(study)
    with browser() as chromium, opened(chromium, study / "report" / PAGE) as one:
        assert one.texts("h1") == [NAME]
        (exact,) = one.page.locator(".large dd").first.evaluate_all("found => found.map(one => one.dataset.value)")
        winner = dict(part.split("=") for part in one.texts(".winner")[0].split()[1:])
        losses = [
            result["metrics"]["val/loss"]
            for result in found.values()
            if all(f"{key}={value}" in result["overrides"] for key, value in winner.items())
        ]
        assert float(exact) == pytest.approx(sum(losses) / len(losses), rel=1e-15)
        assert one.page.locator("figure svg").count() > 5
        command = one.texts("#answer code")[0]
        assert all(f"{key}={value}" in command for key, value in winner.items())
        assert one.value(OVERLAPS) == []


def test_a_failing_report_is_one_warning(
    tmp_path: Path, cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "study" / "report" / PAGE).mkdir(parents=True)  # stands in the way of the page, for a superuser too
    said = cli(*SWEEP[:2], "data=iris", "trainer.max_epochs=1", "logger.tensorboard=false", "hydra.sweep.dir=study")
    assert said.code == 0, said.err
    (line,) = [line for line in said.out.splitlines() if "report" in line]
    assert line.startswith("warning: no report (study/report/index.html: Is a directory")
    assert line.endswith("onelayer report study tries it again")


def test_one_run_or_a_sweep_that_is_not_to_be_looked_at_has_none(tmp_path: Path, cli: Callable[..., Outcome]) -> None:
    for name, *arguments in (("one", "seed=0", "logger.tensorboard=false"), ("two", "seed=0,1", "logger=none")):
        assert cli("-m", "data=iris", "trainer.max_epochs=1", f"hydra.sweep.dir={name}", *arguments).code == 0
        assert not (tmp_path / name / "report").exists()


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["onelayer", "report", *arguments])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_command_writes_page_figures_and_data_of_one_sweep_or_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        for lr in ("0.1", "0.2"):
            end_run(tmp_path / name, f"optim={name}", f"optim.lr={lr}", loss=float(lr))
    fail_run(tmp_path / "a", "optim.lr=3", error="first <line>\nsecond")
    assert command(monkeypatch, "a") == 0
    assert capsys.readouterr().out == "report at a/report/index.html\n"
    assert {path.name for path in (tmp_path / "a" / "report").iterdir()} == {PAGE, "figures", "data.json"}
    assert command(monkeypatch, "a") == 0  # again, in its own place
    assert command(monkeypatch, "a", "b", "-o", "both") == 0
    rows = table(tmp_path / "both" / PAGE, "runs")
    assert sorted(row["directory"] for row in rows if row["val/loss"]) == sorted(
        f"{name}/optim={name},optim.lr={lr}" for name in "ab" for lr in ("0.1", "0.2")
    )


def test_mistakes_are_one_sentence_and_nothing_is_overwritten(tmp_path: Path) -> None:
    end_run(tmp_path / "a", "optim=adam")
    with pytest.raises(UserError, match="name a folder with -o FOLDER"):
        write_page([tmp_path / "a", tmp_path / "a"])
    with pytest.raises(UserError, match="no such folder"):
        write_page([tmp_path / "nowhere"])
    (tmp_path / PAGE).write_text("mine")
    with pytest.raises(UserError, match="this is no report of onelayer"):
        write_page([tmp_path / "a"], tmp_path)
    assert (tmp_path / PAGE).read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"a", PAGE}


def test_nothing_of_a_user_is_overwritten_or_joined(tmp_path: Path) -> None:
    for lr in ("0.1", "0.2"):
        end_run(tmp_path / "a", "optim=adam", f"optim.lr={lr}", loss=float(lr))
    out = tmp_path / "mine"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="there are other files in that folder; name a new or an empty one"):
        write_page([tmp_path / "a"], out)
    (out / "notes.txt").rename(tmp_path / "notes.txt")
    write_page([tmp_path / "a"], out)  # empty
    kept = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert {path.suffix for path in kept} == {".html", ".json", ".svg", ".png"}
    write_page([tmp_path / "a"], out)  # in the place of its own files
    for name in ("data.json", "figures/mine.svg", "figures/coefficients.png"):
        path = out / name
        before = path.read_bytes() if path.exists() else None
        path.write_text('{"mine": 1}')
        with pytest.raises(UserError, match=rf"{name}: this is no report of onelayer; move it away"):
            write_page([tmp_path / "a"], out)
        assert path.read_text() == '{"mine": 1}'
        path.unlink() if before is None else path.write_bytes(before)
    with pytest.raises(UserError, match="that is a file"):
        write_page([tmp_path / "a"], tmp_path / "notes.txt")


def test_figures_and_tables_are_never_those_of_an_earlier_page(tmp_path: Path) -> None:
    for lr in ("0.1", "0.2"):
        end_run(tmp_path / "a", "optim=adam", f"optim.lr={lr}", loss=float(lr))
    folder = write_page([tmp_path / "a"]).parent
    assert (folder / "figures" / "sensitivity.svg").exists()
    (folder / "figures" / "notes.txt").write_text("mine")
    shutil.rmtree(tmp_path / "a" / "optim=adam,optim.lr=0.2")
    write_page([tmp_path / "a"], files=False)  # as a sweep ends
    assert len(json.loads((folder / "data.json").read_text())["tables"]["runs"]["rows"]) == 1
    assert not (folder / "figures" / "sensitivity.svg").exists()
    assert (folder / "figures" / "notes.txt").read_text() == "mine"
