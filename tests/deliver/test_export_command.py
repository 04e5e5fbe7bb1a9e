"""`onelayer export` as a user types it: what lies on disk then, and what does not where something is wrong."""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import onnx
import pytest

from onelayer.cli import main
from onelayer.deliver.export import exporting
from onelayer.deliver.export.exporting import TARGETS
from onelayer.deliver.model import Model
from tests.conftest import Outcome
from tests.data.streaming.tables import invented, saved

Export = Callable[..., Outcome]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, beside the table that it was trained on."""
    from onelayer.cli import train

    folder = tmp_path_factory.mktemp("run")
    saved(invented(300), folder / "t.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HYDRA_FULL_ERROR", "0")
        said = ("data=table", "data.path=t.parquet", "data.target=yes", "data.drop=[number,kind,weight]")
        patch.setattr(sys, "argv", ["train.py", *said, "logger=none", "trainer.max_epochs=1", "hydra.run.dir=run"])
        train()
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run, which finds its table where it was."""
    copytree(trained / "run", tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Export:
    def typed(*arguments: str | Path) -> Outcome:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        monkeypatch.setattr(sys, "argv", ["onelayer", "export", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Outcome(code, *capfd.readouterr())

    return typed


@pytest.mark.parametrize("to", TARGETS)
def test_a_run_is_exported_beside_its_model(to: str, run: Path, command: Export) -> None:
    done = command("run", "--to", to)
    assert done.code == 0, done.err
    file = run / "export" / TARGETS[to].file
    record = json.loads(Path(f"{file}.json").read_text())
    opset = "opset 21, " if to == "onnx" else ""
    difference = f"{record['largest_difference']:.1e}"
    assert done.out == (
        f"run/export/{file.name}: {opset}{record['rows']} rows ({record['invented_rows']} of them invented), "
        f"largest difference {difference} (1e-05 allowed)\n"
    )
    assert sorted(path.name for path in file.parent.iterdir()) == [file.name, f"{file.name}.json"]
    assert record["rows"] == 300 + record["invented_rows"]
    assert record["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert record["model_sha256"] == json.loads((run / "model" / "model.json").read_text())["sha256"]
    if to == "onnx":
        (said,) = [json.loads(one.value) for one in onnx.load(file).metadata_props]
        assert said["largest_difference"] == record["largest_difference"]
        assert done.err == (
            "a category enters as the text that it is, without spaces around it (a number as 1, not 1.0), '' where "
            "missing: the inputs are city\n"
            "a date enters by its parts, a number each (weekday: 0 is Monday): the inputs are when.year, when.month, "
            "when.day, when.weekday, when.hour\n"
        )
    if to == "sql":
        (said,) = [json.loads(line[3:]) for line in file.read_text().splitlines() if line.startswith("-- {")]
        assert said == {key: value for key, value in record.items() if key not in ("file", "sha256")}


def test_a_file_that_is_there_stays_unless_it_is_said(run: Path, tmp_path: Path, command: Export) -> None:
    (tmp_path / "mine.sql").write_text("mine")
    asked = ("run", "--to", "sql", "-o", "mine.sql")
    done = command(*asked)
    assert (done.code, done.err) == (
        1,
        "error: mine.sql: the file is there already; choose another name with -o, or write over it with --force\n",
    )
    assert (tmp_path / "mine.sql").read_text() == "mine"
    assert command(*asked, "--force").code == 0
    assert (tmp_path / "mine.sql").read_text().startswith("-- onelayer")
    assert not (run / "export").exists()
    assert "write a file that ends in .sql" in command("run", "--to", "sql", "-o", "mine.onnx").err
    assert "there is no folder" in command("run", "--to", "sql", "-o", "nowhere/mine.sql").err
    (tmp_path / "folder.sql").mkdir()
    for force in ((), ("--force",)):
        done = command("run", "--to", "sql", "-o", "folder.sql", *force)
        assert done.err == "error: folder.sql: that is a folder; choose another name with -o\n"
    assert command("run", "--to", "excel").code == 2


@pytest.mark.parametrize("to", TARGETS)
def test_a_file_that_says_something_else_is_not_written(
    to: str, run: Path, command: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One weight in the file is off by a ten thousandth."""
    target = TARGETS[to]

    def spoilt(model: Model, *others: object) -> None:
        weight = model.artefact.weight.copy()
        weight[0, 0] += 1e-4
        target.write(Model(replace(model.artefact, weight=weight)), *others)  # type: ignore[arg-type]

    monkeypatch.setitem(exporting.TARGETS, to, target._replace(write=spoilt))
    before = sorted(run.rglob("*"))
    done = command("run", "--to", to)
    assert (done.code, done.out) == (1, "")
    assert f"{target.file}: it differs from predict by" in done.err
    assert "where 1e-05 is allowed, so it was not written" in done.err
    assert sorted(run.rglob("*")) == before


def test_rows_come_from_a_table_where_the_own_are_gone(
    trained: Path, run: Path, tmp_path: Path, command: Export
) -> None:
    config = run / ".hydra" / "config.yaml"
    config.write_text(config.read_text().replace("t.parquet", "gone.parquet"))
    done = command("run", "--to", "sql")
    assert done.code == 1
    assert "gone.parquet" in done.err
    assert "so name some with --table FILE" in done.err
    assert done.err.count("\n") == 1
    assert command("run", "--to", "sql", "--table", trained / "t.parquet").code == 0
    # the model alone, as one hands it over
    copytree(run / "model", tmp_path / "alone")
    assert "so name some with --table FILE" in command("alone", "--to", "sql").err
    assert command("alone", "--to", "sql", "--table", trained / "t.parquet").code == 0
    assert (tmp_path / "alone" / "export" / "model.sql").is_file()


def test_a_package_that_is_not_there_is_named(run: Path, command: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = TARGETS["sql"]._replace(packages=("duckdb", "no-such-package"))
    monkeypatch.setitem(exporting.TARGETS, "sql", lacking)
    done = command("run", "--to", "sql")
    assert (done.code, done.err) == (
        1,
        "error: no-such-package: not installed; pip install 'onelayer[export]' brings what exports need\n",
    )
