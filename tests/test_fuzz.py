"""No traceback is ever right: whatever is typed, and whatever lies in a file, ends well or in a sentence.

ONELAYER_EXAMPLES=20 draws twenty times as many of both.
"""

import gzip
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from onelayer.cli import main
from onelayer.terminal.usage import COMMANDS
from tests.conftest import Outcome, close_logs, composed, examples

GENERATE = (Phase.explicit, Phase.generate)  # a case is short; to make it shorter takes minutes
SAME = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
ROWS = "a,b,y\n" + "".join(f"{row % 5},{'xyz'[row % 3]},{row * 0.5 + row % 2}\n" for row in range(30))
TRAINED = ("data=table", "data.path=rows.csv", "data.target=y", "trainer.max_epochs=1", "logger=none")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, a run, a sweep of two, and things that are neither."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "rows.csv").write_text(ROWS)
    (folder / "empty").mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "gone").symlink_to("nowhere")
    (folder / "text").write_text("no run")
    for name in ("result.json", "model/model.json", "model/model.safetensors", ".hydra/config.yaml", "leaderboard.csv"):
        (folder / "broken" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "broken" / name).write_bytes(b"\0{]\xff")
    return folder


@pytest.fixture
def ends(place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command line, and hold its end to what is right."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["onelayer", *arguments])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            close_logs()
        said = capfd.readouterr()
        assert code in (0, 1, 2), arguments
        assert "Traceback" not in said.out + said.err, (arguments, said)
        assert "logging error" not in said.err.lower(), (arguments, said)
        if code:
            assert "error: " in said.err, (arguments, said)
            assert len(said.err.splitlines()) < 30, (arguments, said)
        return Outcome(code, said.out, said.err)

    if not (place / "run").exists():
        assert run("train", *TRAINED, "hydra.run.dir=run").code == 0
        assert run("train", "-m", *TRAINED, "seed=0,1", "hydra.sweep.dir=sweep").code == 0
    return run


def keys(tree: dict[str, object], above: str = "") -> Iterator[str]:
    for name, value in tree.items():
        yield f"{above}{name}"
        if isinstance(value, dict):
            yield from keys(value, f"{above}{name}.")


KEYS = sorted(keys(composed("data=table")))
VALUES = st.sampled_from(
    ("", "null", "0", "-1", "1e999", "nan", "true", "x", "[]", "[1]", "{}", "{a: 1}", "a,b", "'a, b'", "range(3)", "é")
) | st.sampled_from(("[", "'", "${seed}", "${nowhere}", "${oc.env:NOWHERE}", "~", "1_000", "adam", "wine", "glob(*)"))
VALUES |= st.text("ab0.,:=[]{}()'\"$\\~ -é\n", max_size=6)


@st.composite
def arguments(draw: st.DrawFn) -> str:
    key = draw(st.sampled_from(KEYS))
    if draw(st.booleans()):  # a typo
        at = draw(st.integers(0, len(key) - 1))
        key = draw(st.sampled_from((key[:at] + key[at + 1 :], key[:at] + key[at] + key[at:], key.upper())))
    shape = draw(st.sampled_from(("{}={}",) * 6 + ("+{}={}", "++{}={}", "~{}", "{}", "{}@x={}", "--{}={}", "-{}")))
    return str(shape.format(key, draw(VALUES)))


@settings(max_examples=examples(14), deadline=None, phases=GENERATE, suppress_health_check=SAME)
@given(
    st.lists(arguments(), min_size=1, max_size=3), st.sampled_from(((), (), ("-m",), ("--cfg", "job", "-p", "data")))
)
def test_training(ends: Callable[..., Outcome], place: Path, typed: list[str], flags: tuple[str, ...]) -> None:
    ends(
        "train",
        *flags,
        *TRAINED,
        *typed,
        "hydra.run.dir=out/${now:%H-%M-%S-%f}",
        "hydra.sweep.dir=out/${now:%H-%M-%S-%f}",
    )
    assert not (place / "outputs").exists()


@settings(max_examples=examples(10), deadline=None, phases=GENERATE, suppress_health_check=SAME)
@given(st.lists(arguments().map(lambda one: one.replace("data.", "")), max_size=2))
def test_inspection(ends: Callable[..., Outcome], typed: list[str]) -> None:
    ends("inspect", "rows.csv", *typed)


PLACES = st.sampled_from(
    ("run", "sweep", "empty", "loop", "gone", "text", "broken", "nowhere", "", ".", "run/model", "é")
)
SWITCHES = ("--mean", "--json", "--force", "--polish", "--by-run", "--choose", "--x", "-o", "-")
ASKING = ("--out", "--id", "--to", "--level", "--seed", "--top", "--sort", "--weight", "--table", "--robust")
ASKED = ("out.md", "out.csv", "empty", "loop", "nowhere/x.csv", "rows.csv", "", "a", "zz", "-1", "0", "2", "sql", "HC3")
FLAGS = st.sampled_from(SWITCHES) | st.builds("{}={}".format, st.sampled_from(ASKING), st.sampled_from(ASKED))


@settings(max_examples=examples(20), deadline=None, phases=GENERATE, suppress_health_check=SAME)
@given(
    st.sampled_from(sorted({*COMMANDS} - {"train", "inspect"})),
    PLACES,
    st.lists(PLACES | FLAGS | st.just("rows.csv"), max_size=4),
)
def test_deliveries(ends: Callable[..., Outcome], command: str, first: str, typed: list[str]) -> None:
    ends(command, first, *typed)


SUFFIXES = (
    ".csv",
    ".tsv",
    ".csv.gz",
    ".parquet",
    ".json",
    ".jsonl",
    ".npz",
    ".npy",
    ".safetensors",
    ".svm",
    ".txt",
    "",
)
CONTENTS = (
    st.binary(max_size=40)
    | st.text("a,b;\n\t\"'1.x \0é|#", max_size=40).map(str.encode)
    | st.integers(0, len(ROWS)).map(lambda end: ROWS.encode()[:end])
    | st.integers(0, 60).map(lambda end: gzip.compress(ROWS.encode(), mtime=0)[:end])
    | st.sampled_from((b"PAR1", b"{}", b"[]", b"[{}]", b"\x93NUMPY", b"PK\x03\x04", b"\2\0\0\0\0\0\0\0{}", b"1 1:1\n"))
)  # fmt: skip


@settings(max_examples=examples(10), deadline=None, phases=GENERATE, suppress_health_check=SAME)
@given(
    st.sampled_from(SUFFIXES),
    CONTENTS,
    st.sampled_from(("inspect", "train", "predict", "evaluate", "embeddings", "libsvm")),
)
def test_files(ends: Callable[..., Outcome], place: Path, suffix: str, content: bytes, use: str) -> None:
    file = place / f"odd{suffix}"
    file.write_bytes(content)
    training = ("data.target=y", *TRAINED[3:], "hydra.run.dir=out/${now:%H-%M-%S-%f}")
    lines = {
        "inspect": ("inspect", file.name),
        "train": ("train", "data=table", f"data.path={file.name}", *training),
        "predict": ("predict", "run", file.name, "-o", "out.csv", "--force"),
        "evaluate": ("evaluate", "run", file.name),
        "embeddings": ("train", "data=embeddings", f"data.path={file.name}", *training[1:]),
        "libsvm": ("train", "data=libsvm", f"data.path={file.name}", *training[1:]),
    }
    ends(*lines[use])
