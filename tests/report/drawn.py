"""Figures by their names, and results of runs that nobody trained."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from onelayer.report.figures.canvas import Painted
from onelayer.track.rundir import FORMAT


def named(painted: list[Painted], name: str) -> Painted:
    return next(one for one in painted if one.drawn.name == name)


def pretended(folder: Path, runs: int) -> Iterator[str]:
    """Results and curves of a sweep that nobody trained."""
    rng = np.random.default_rng(0)
    for number in range(runs):
        optimizer = ("sgd", "adam", "momentum")[number % 3]
        overrides = (f"optim={optimizer}", f"optim.lr={10 ** rng.uniform(-4, 0):.6g}", f"model.l2={rng.integers(4)}")
        loss = float(rng.lognormal())
        status = "diverged" if number % 10 == 0 else "done"
        metrics = {"val/loss": loss, "test/loss": loss, "train/rel_gap": loss, "train/gap": loss}
        told = {"format": FORMAT, "status": status, "metrics": metrics, "monitor": "val/loss", "seconds": 1.0}
        told |= {"epochs": 200, "evaluations": 1800, "overrides": [*overrides, f"seed={number}"]}
        (folder / f"run{number}").mkdir()
        (folder / f"run{number}" / "result.json").write_text(json.dumps(told))
        yield f"run{number}"
