"""Where a file has no room, that is one sentence with its path, and what had ended is kept.

A limit on the size of files stands for the disk: what goes beyond cannot be written, and the system says so.
"""

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from onelayer.cli import main
from onelayer.data.tables import sql
from onelayer.whole import whole
from tests.conftest import Outcome
from tests.sweeps.traces import statuses

Cli = Callable[..., Outcome]
SETTINGS = ("data=diabetes", "trainer.max_epochs=2", "logger.figures=false")
SENTENCE = "File too large; make room there, or choose another folder"


@contextmanager
def room(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("size", "file"),
    [
        (2000, "run"),  # what Hydra writes before the run starts
        (5500, "run/events.out.tfevents"),
        (7000, "run/model"),
        (12000, "run/checkpoints/last.ckpt"),
    ],
)
def test_a_run_without_room_is_one_sentence(cli: Cli, tmp_path: Path, size: int, file: str) -> None:
    drawn = ("logger=none",) if "events" not in file else ("trainer.max_epochs=200",)
    settings = ("data=digits", *SETTINGS[1:], "hydra.run.dir=run", *drawn)
    with room(size):
        said = cli(*settings)
    assert said.code == 1
    assert file in said.err
    assert said.err.endswith(f": {SENTENCE}\n")
    assert said.err.count("\n") == 1
    assert not list((tmp_path / "run").rglob(".*"))
    assert cli(*settings).code == 0  # as if nothing had been


def test_a_sweep_without_room_keeps_what_had_ended_and_goes_on(cli: Cli, tmp_path: Path) -> None:
    settings = ("-m", *SETTINGS, "logger=none", "hydra.sweep.dir=sweep")
    assert cli(*settings, "seed=0,1").code == 0
    with room(5500):
        said = cli(*settings, "seed=0,1,2,3,4")
    assert said.code == 1
    (error,) = (line for line in said.out.splitlines() if line.startswith("error:"))
    assert error.endswith(SENTENCE)
    assert str(tmp_path / "sweep") in error
    assert "stopped: 3 of 5 runs have not ended; go on with" in said.out
    assert "Traceback" not in said.out + said.err
    assert not list((tmp_path / "sweep").rglob(".*.*"))
    assert statuses(tmp_path / "sweep") == {"done": 2}
    assert cli(*settings, "seed=0,1,2,3,4").code == 0
    assert statuses(tmp_path / "sweep") == {"done": 5}


def test_a_sweep_whose_record_has_no_room_leaves_nothing(cli: Cli, tmp_path: Path) -> None:
    with room(1000):
        said = cli("-m", *SETTINGS, "seed=0,1", "hydra.sweep.dir=sweep")
    assert (said.code, said.err) == (1, f"error: sweep/multirun.yaml: {SENTENCE}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (["card", "run", "-o", "out.md"], 100),
        (["export", "run", "--to", "sql", "-o", "out.sql"], 1000),
        (["report", "run", "-o", "out"], 1000),
        (["landscape", "run", "-o", "out"], 1000),
    ],
)
def test_a_delivery_without_room_is_one_sentence_and_leaves_no_file(
    cli: Cli,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    size: int,
) -> None:
    (tmp_path / "few.csv").write_text("a,b,y\n" + "".join(f"{row},{row % 7},{row % 5}\n" for row in range(60)))
    (tmp_path / "many.csv").write_text("a,b\n" + "".join(f"{row},{row % 7}\n" for row in range(9000)))
    table = ("data=table", "data.path=few.csv", "data.target=y", "trainer.max_epochs=2", "logger.weights=true")
    assert cli(*table, "hydra.run.dir=run").code == 0
    monkeypatch.setattr(sys, "argv", ["onelayer", *arguments])
    with pytest.raises(SystemExit) as stop, room(size):
        main()
    said = capfd.readouterr()
    assert stop.value.code == 1
    assert said.err.startswith("error: out")
    assert "File too large" in said.err
    assert said.err.count("\n") == 1
    assert not [path for path in tmp_path.glob("out*/**/*") if path.is_file()]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"]])
def test_an_output_without_room_is_one_sentence(arguments: list[str]) -> None:
    script = f"import sys; sys.argv[1:] = {arguments!r}; from onelayer.cli import main; main()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    sentence = "error: standard output: No space left on device; make room there, or choose another folder\n"
    assert (done.returncode, done.stderr) == (1, sentence)


def test_duckdb_without_room_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    connection = sql.connect()
    with pytest.raises(duckdb.Error) as failed, room(1000), whole(tmp_path / "out.csv") as partial:
        connection.execute(f"COPY (SELECT * FROM range(100000)) TO {sql.text(str(partial))} (FORMAT csv)")
    assert str(sql.refusal("few.csv", failed.value)) == f"{tmp_path}/out.csv: {SENTENCE}"
    assert list(tmp_path.iterdir()) == []
