"""A table with two categories and two weights, runs on it, and the command."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

from onelayer.cli import main
from tests.conftest import Outcome
from tests.data.streaming.tables import invented, saved
from tests.deliver.summary.runs import Summarised, Train, trained_soon


@pytest.fixture(scope="package")
def frame() -> pd.DataFrame:
    """Two categories, one with holes, two weights, and targets that no column separates."""
    frame, rng = invented(300)[["a", "b", "c", "truth", "number"]], np.random.default_rng(1)
    frame["a"] = frame["a"].fillna(0.5)
    frame["city"] = rng.choice(np.array(["Rome", "Oslo", "Lima", "Bonn", None]), 300)
    frame["port"] = rng.choice(["x", "y", "z"], 300)
    frame["times"], frame["share"] = rng.integers(0, 4, 300), rng.random(300) + 0.5
    z = frame["a"] + 0.02 * (frame["b"] - 500) + (frame["city"] == "Rome") - 0.5
    frame["yes"] = np.where(rng.random(300) < special.expit(z), "yes", "no")
    frame["kind"] = np.array(["low", "middle", "high"])[rng.integers(0, 2, 300) + (frame["yes"] == "yes")]
    return frame


@pytest.fixture(scope="package")
def folder(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    saved(frame, folder / "t.parquet")
    return folder


@pytest.fixture(scope="package")
def train(folder: Path) -> Train:
    """Train on the frame's columns, or some of them, once for each command line."""
    done: dict[tuple[str, ...], Path] = {}

    def run(target: str, *arguments: str, dropped: str = "times,share") -> Path:
        key = (target, dropped, *arguments)
        if key not in done:
            others = [one for one in ("number", "yes", "kind") if one != target]
            values = {"path": str(folder / "t.parquet"), "target": target, "drop": [*others, *dropped.split(",")]}
            done[key] = trained_soon(folder / f"run{len(done)}", "data=table", *arguments, **values)
        return done[key]

    return run


@pytest.fixture
def summary(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Summarised:
    """Run `onelayer summary` with arguments, in process."""

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        monkeypatch.setattr(sys, "argv", ["onelayer", "summary", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Outcome(code, *capfd.readouterr())

    return run
