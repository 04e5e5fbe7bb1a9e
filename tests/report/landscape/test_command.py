"""`onelayer landscape` as it is typed: its files, and what it refuses."""

import io
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from onelayer.cli import main
from onelayer.filenames import TRAJECTORY
from onelayer.report.landscape.chosen import MOST, choose
from onelayer.report.landscape.command import GIF, PNG, SVG, TXT, draw
from onelayer.report.landscape.film import frames
from tests.report.landscape.conftest import HILLS, KEEP
from tests.report.swept import sweep


def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[int, str]:
    """The exit code and all that is said."""
    monkeypatch.setattr(sys, "argv", ["onelayer", "landscape", *map(str, arguments)])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    capsys.readouterr()
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    told = capsys.readouterr()
    return code, told.out + told.err


@pytest.fixture(scope="module")
def drawn(hills: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw([hills], out=tmp_path_factory.mktemp("drawn") / "deep" / "landscape")[0]


def test_it_writes_a_figure_and_an_animation(drawn: Path) -> None:
    assert sorted(path.name for path in drawn.iterdir()) == [GIF, PNG, SVG, TXT]
    assert [path.name for path in drawn.parent.iterdir()] == ["landscape"]
    svg = (drawn / SVG).read_text()
    assert svg.startswith("<svg")
    for word in ("sgd", "adam", "momentum", "start", "optimum", "weight of x0, scaled", "exact optimum"):
        assert f">{word}<" in svg or word in re.sub(r"<[^>]+>", "", svg)
    figure = Image.open(io.BytesIO((drawn / PNG).read_bytes()))
    film: Any = Image.open(io.BytesIO((drawn / GIF).read_bytes()))
    assert figure.size[0] == 960
    assert film.n_frames == len(frames(30))
    assert (drawn / GIF).stat().st_size < 2e6
    shown = []
    for place in (0, film.n_frames - 1):
        film.seek(place)
        shown.append(film.convert("RGB"))
    assert shown[0].getpixel((0, 0)) == (255, 255, 255)
    assert shown[0].tobytes() != shown[1].tobytes()


def test_the_same_runs_give_the_same_bytes(drawn: Path, hills: Path, tmp_path: Path) -> None:
    again, _ = draw([hills], out=tmp_path / "again")
    for name in (SVG, PNG, GIF, TXT):
        assert (again / name).read_bytes() == (drawn / name).read_bytes(), name


def test_a_scan_is_drawn_without_an_animation(
    scan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, told = said(capsys, monkeypatch, scan)
    assert code == 0, told
    assert told.endswith(f"landscape at {scan / 'landscape'}\n")
    assert sorted(path.name for path in (scan / "landscape").iterdir()) == [PNG, SVG, TXT]
    assert "5 runs of one point" in (scan / "landscape" / SVG).read_text()
    assert said(capsys, monkeypatch, scan) == (
        1,
        f"error: {scan / 'landscape'}: there are files in that folder; name another one with -o, or add --force\n",
    )
    (scan / "here").mkdir()
    monkeypatch.chdir(scan / "here")
    assert said(capsys, monkeypatch, scan, "-o", Path())[0] == 0
    assert (scan / "here" / PNG).is_file()
    (scan / "landscape" / GIF).write_bytes(b"of an earlier landscape")
    (scan / "landscape" / "notes.txt").write_text("mine")
    assert said(capsys, monkeypatch, scan, "--force", "--weights", "x0")[0] == 0
    assert sorted(path.name for path in (scan / "landscape").iterdir()) == [PNG, SVG, TXT, "notes.txt"]
    shutil.rmtree(scan / "landscape")
    shutil.rmtree(scan / "here")


def test_what_cannot_be_drawn_is_one_sentence_and_nothing_is_written(
    hills: Path, cancer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pathless = tmp_path / "pathless"
    shutil.copytree(hills, pathless)
    (pathless / "1" / TRAJECTORY).unlink()
    out = tmp_path / "out"
    for arguments, why in (
        ((pathless,), f"{pathless / '1'}: no path was kept of that run; train it again with logger.weights=true"),
        ((hills, "--weights", "x_1,x0"), "--weights x_1: there is no such weight; did you mean 'x1'?"),
        ((cancer, "--weights", "ages"), "there is no such weight; there are mean radius, mean texture, "),
        ((hills, "--weights", "x0,x1,x0"), "--weights x0,x1,x0: name one weight, or two different ones, such as x0,x1"),
        ((hills, "--weights", ""), "--weights '': name one weight, or two"),
        ((hills, "--weights", "x0\rx1"), "names cannot be read from that"),
        ((hills, cancer), "have no landscape in common: the train rows differ; name runs that minimise the same on "),
        ((tmp_path / "gone",), f"{tmp_path / 'gone'}: no such folder; give that of a sweep"),
        ((hills / "0", tmp_path), f"{tmp_path}"),
    ):
        code, told = said(capsys, monkeypatch, *arguments, "-o", out, "--animation", "none")
        assert (code, why in told, told.count("\n")) == (1, True, 1), told
        assert not out.exists()
    two = (hills / "0", hills / "1")
    assert "the landscape of 2 runs has no place of its own" in said(capsys, monkeypatch, *two)[1]


def test_of_many_runs_the_best_of_each_optimizer_are_shown(tmp_path: Path) -> None:
    rates = "optim.lr=choice(0.1,0.05,0.02,0.01,1e9)"
    many = sweep(tmp_path / "many", *(one for one in HILLS if "lr=" not in one), rates, "trainer.max_epochs=3", *KEEP)
    chosen = choose([many])
    assert [trace.label for trace in chosen.traces] == ["momentum", "sgd", "adam"]
    assert chosen.notes == (f"shown are the best of each optimizer, 3 of {15} runs",)
    assert MOST < 15
    # named one by one they are all there, and told apart; what diverged goes as far as numbers do
    named = choose([many / "0", many / "1", many / "4"])
    assert sorted(trace.label for trace in named.traces) == ["sgd lr 0.05", "sgd lr 0.1", "sgd lr 1e+09"]
    picture, caption = draw([many / "0", many / "1", many / "4"], out=tmp_path / "o", animated=False)
    assert "sgd lr 1e+09 diverged and leaves the picture" in caption
    assert sorted(path.name for path in picture.iterdir()) == [PNG, SVG, TXT]
