"""What a stream cannot do is one sentence before anything is made, and nothing of it is left on the disk."""

import gc
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch  # noqa: F401 - makes a folder for temporary files of its own, once a process
import pytest

from onelayer.data.sources import load
from onelayer.errors import UserError
from tests.conftest import ROOT, Outcome
from tests.data.streaming.tables import invented, saved, stream_of

BASE = ("data=table", "data.path=t.parquet", "data.stream=true", "data.target=yes", "logger=none")


REFUSED = [
    (["data.batch_size=full"], "data.batch_size=full"),
    (["data.split.stratify=true"], "data.split.stratify=true"),
    (["data.split.by=group", "data.split.shuffle=false"], "data.split.shuffle=false with data.split.by"),
    (["data.folds=3", "data.fold=0", "data.split.shuffle=false"], "data.split.shuffle=false with data.folds"),
    (["data.folds=3", "data.fold=3"], "data.fold=3"),
    (["monitor=val/auroc"], "monitor=val/auroc: a binary run on streamed rows has no such metric"),
    (
        ["monitor=val/r2", "data.target=number", "data.split.val=1"],
        "monitor=val/r2 has no value: there is one validation",
    ),
    (["optim=lbfgs"], "which some optimizers need, takes all rows at once"),
    (["optim=rprop"], "which some optimizers need, takes all rows at once"),
    (["data.block_rows=0"], "data.block_rows=0"),
    (["data.target=number", "data.class_weight=balanced"], "data.class_weight=balanced"),
    (["data.target=nowhere"], "nowhere"),
    (["data.path=nowhere.parquet"], "nowhere.parquet"),
    (["data.class_weight={maybe: 2}"], "'maybe'"),
    (["task=regression"], "data.target=yes: 'no' in row 1 is no number"),
]


@pytest.mark.parametrize(
    ("arguments", "said", "multirun"),
    [
        *((*case, False) for case in REFUSED),
        *(pytest.param(*case, True, marks=[pytest.mark.slow] * (place > 0)) for place, case in enumerate(REFUSED[::4])),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_no_database(
    cli: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
    multirun: bool,
) -> None:
    saved(invented(60), tmp_path / "t.parquet")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    out = [f"hydra.{'sweep' if multirun else 'run'}.dir={tmp_path / 'out'}"]
    done = cli(*(["-m"] if multirun else []), *BASE, *out, *arguments)
    assert done.code in (1, 2)
    assert said in done.err + done.out
    assert "Traceback" not in done.err + done.out
    assert not list((tmp_path / "out").rglob("checkpoints"))
    gc.collect()
    assert not list((tmp_path / "scratch").iterdir())


def test_the_database_goes_with_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(invented(60), tmp_path / "t.parquet")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    stream = load("table", path=str(tmp_path / "t.parquet"), target="yes", stream=True)
    assert [one.name for folder in (tmp_path / "scratch").iterdir() for one in folder.iterdir()]
    del stream
    gc.collect()
    assert not list((tmp_path / "scratch").iterdir())


READ = "from onelayer.data.sources import load; stream = load('table', path='t.parquet', target='yes', stream=True); "


def process(code: str, folder: Path, rows: int = 60) -> "subprocess.Popen[str]":
    (folder / "scratch").mkdir()
    saved(invented(rows), folder / "t.parquet")
    environment = os.environ | {"TMPDIR": str(folder / "scratch"), "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("end", ["", "1 / 0", pytest.param("raise SystemExit(3)", marks=pytest.mark.slow)])
def test_the_database_goes_when_the_process_ends_however_it_does(tmp_path: Path, end: str) -> None:
    process(READ + end, tmp_path).communicate(timeout=300)
    assert not list((tmp_path / "scratch").iterdir())


def test_the_database_goes_after_ctrl_c(tmp_path: Path) -> None:
    child = process(READ + "import time; time.sleep(60)", tmp_path)
    while not list((tmp_path / "scratch").glob("*/rows.duckdb")):
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=300)
    assert "KeyboardInterrupt" in said
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.slow
def test_nothing_stays_of_a_command_that_is_ended_while_it_copies(tmp_path: Path) -> None:
    query = "data.query=select range as a, range % 2 as yes from range(20000000)"
    arguments = ["data=table", query, "data.target=yes", "data.stream=true", "hydra.run.dir=run"]
    child = process(f"import sys; sys.argv[1:] = {arguments}; from onelayer.cli import train; train()", tmp_path)
    while not list((tmp_path / "scratch").glob("*/rows.duckdb")):
        time.sleep(0.02)
    time.sleep(0.2)
    child.terminate()
    try:
        _, said = child.communicate(timeout=300)
    finally:
        child.kill()
    assert (child.returncode, said) == (128 + signal.SIGTERM, "")
    assert not list((tmp_path / "scratch").glob("onelayer-*"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("room", [10_000, 500_000])
def test_a_disk_that_is_full_is_one_sentence_that_names_the_remedy(tmp_path: Path, room: int) -> None:
    """There is no room for an empty database, or none for its rows."""
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room})); "
    code += "from onelayer.data.sources import load; load('table', path='t.parquet', target='yes', stream=True)"
    _, said = process(code, tmp_path, 20_000).communicate(timeout=300)
    assert re.search(r"UserError: .*: Could not write", said)
    assert "set the environment variable TMPDIR to a folder with more room" in said
    assert not list((tmp_path / "scratch").iterdir())


def test_memory_that_does_not_suffice_for_statistics_is_one_sentence(tmp_path: Path) -> None:
    stream = stream_of(invented(20_000), tmp_path, drop=("yes", "kind"))
    stream.rows.connection.execute("SET memory_limit = '1MB'")
    with pytest.raises(UserError, match=r"out of memory.*data.stream=true.*data.block_rows") as refused:
        stream.rows.all("SELECT a, b, c, number FROM rows ORDER BY number")
    assert "\n" not in str(refused.value)
