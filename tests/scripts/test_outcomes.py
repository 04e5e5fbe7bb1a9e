"""What commands left is compared to the last digit, but for clocks, versions and paths."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from outcomes import differences, outcome

RESULT: dict[str, Any] = {
    "rate": 0.1,
    "gap": None,
    "seconds": 1.5,
    "versions": {"torch": "2.13.0"},
    "lr": [0.1, 0.2],
}
NEXT = np.nextafter(np.float32(1), np.float32(2))
BOARD = "rank,val/loss,seconds,directory\n1,0.5,0.001,optim=sgd\n"
LOG = "2026-12-01 01:32:45,014 INFO onelayer: done  gap 0.00433  5 epochs in 0.00 s of steps  {folder}/run\n"
PAGE = (
    "<dt>versions</dt><dd>torch 2.13.0</dd>\n"
    '<script type="application/json" id="rows-runs">{"columns":["loss","seconds"],"rows":[[0.5,0.001]]}</script>\n'
    '<figure id="figure-gap-seconds"><path d="1"/>\n</figure>\n<figure id="figure-gap-epochs"><path d="2"/></figure>\n'
)


def left(folder: Path, **changed: Any) -> Path:
    """Write what a run leaves, with some of it changed."""
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(RESULT | changed.get("result", {})))
    (folder / "leaderboard.csv").write_text(changed.get("board", BOARD))
    (folder / "train.log").write_text(changed.get("log", LOG).format(folder=folder))
    (folder / "index.html").write_text(changed.get("page", PAGE))
    (folder / "last.ckpt").write_bytes(changed.get("checkpoint", b"\x00"))
    save_file({"weight": changed.get("weight", np.ones((1, 2), np.float32))}, folder / "model.safetensors")
    (folder / f"events.out.tfevents.{changed.get('clock', 1)}.vm.7").write_bytes(b"")
    return folder


def compared(tmp_path: Path, **changed: Any) -> list[tuple[str, str, str]]:
    there, here = left(tmp_path / "there"), left(tmp_path / "here", **changed)
    masks = {str(there): "FOLDER", str(here): "FOLDER"}
    return list(differences(outcome(there, masks), outcome(here, masks)))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"result": {"seconds": 2.5, "versions": {"torch": "2.14.0"}}},
        {"board": BOARD.replace("0.001", "0.002")},
        {"log": LOG.replace("01:32:45,014", "02:00:00,000").replace("0.00 s", "1.25 s")},
        {"page": PAGE.replace("2.13", "2.14").replace("0.001", "0.002").replace('d="1"', 'd="3"')},
        {"checkpoint": b"\x01"},
        {"clock": 2},
    ],
)
def test_clocks_versions_paths_and_checkpoints_may_differ(tmp_path: Path, changed: dict[str, Any]) -> None:
    assert compared(tmp_path, **changed) == []


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"result": {"rate": math.nextafter(0.1, 1)}}, "result.json rate"),
        ({"result": {"gap": math.nan}}, "result.json gap"),
        ({"result": {"lr": [0.1, 0.3]}}, "result.json lr[1]"),
        ({"result": {"new": 1}}, "result.json new"),
        ({"board": BOARD.replace("0.5", "0.50")}, "leaderboard.csv row 1, val/loss"),
        ({"log": LOG.replace("0.00433", "0.00434")}, "train.log line 1"),
        ({"weight": np.array([[1, NEXT]], np.float32)}, "model.safetensors weight[0][1]"),
        ({"page": PAGE.replace("0.5,", "0.6,")}, "index.html rows-runs row 1, loss"),
        ({"page": PAGE.replace('d="2"', 'd="3"')}, "index.html line 4"),
    ],
)
def test_a_last_digit_is_a_difference(tmp_path: Path, changed: dict[str, Any], key: str) -> None:
    assert [name for name, _, _ in compared(tmp_path, **changed)] == [key]


def test_a_float_of_another_width_is_a_difference(tmp_path: Path) -> None:
    (found,) = compared(tmp_path, weight=np.ones((1, 2)))
    assert found == ("model.safetensors weight", "'float32 (1, 2)'", "'float64 (1, 2)'")


def test_a_missing_file_is_a_difference(tmp_path: Path) -> None:
    there, here = left(tmp_path / "there"), left(tmp_path / "here")
    (here / "last.ckpt").unlink()
    assert ("last.ckpt", "'a file'", "nothing") in differences(outcome(there), outcome(here))
