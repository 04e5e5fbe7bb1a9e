"""Sweeps as they lie on disk, and their leaderboards."""

import csv
import io
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console

from onelayer.report.leaderboard import Leaderboard, build_leaderboard
from onelayer.report.records import read_sweep
from onelayer.report.tables import show, write
from onelayer.terminal.overrides import run_name
from onelayer.track.rundir import write_result

NAN = float("nan")


def start_run(sweep: Path, *overrides: str) -> Path:
    """A run directory as Hydra makes it."""
    directory = sweep / run_name(list(overrides))
    (directory / ".hydra").mkdir(parents=True)
    OmegaConf.save(OmegaConf.create(list(overrides)), directory / ".hydra" / "overrides.yaml")
    return directory


def end_run(sweep: Path, *overrides: str, status: str = "done", loss: float = 1.0, **more: Any) -> Path:
    """A run directory with its result; metrics of the three stages are told apart."""
    directory = start_run(sweep, *overrides)
    metrics = {"val/loss": loss, "test/loss": loss + 1, "val/r2": -loss, "test/r2": -loss - 1, "train/gap": loss / 7}
    result = {"status": status, "metrics": metrics, "epochs": 3, "seconds": 0.25, "monitor": "val/loss"}
    write_result(directory, result | {"overrides": list(overrides)} | more)
    return directory


def fail_run(sweep: Path, *overrides: str, error: str) -> Path:
    directory = start_run(sweep, *overrides)
    write_result(directory, {"status": "failed", "error": error, "overrides": list(overrides)})
    return directory


def board_of(sweep: Path, **options: Any) -> Leaderboard:
    return build_leaderboard(read_sweep(sweep), **options)


def csv_of(sweep: Path, board: Leaderboard) -> list[dict[str, str]]:
    write(board, sweep)
    with (sweep / "leaderboard.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def shown(board: Leaderboard, width: int = 160, top: int = 20) -> str:
    file = io.StringIO()
    show(board, Console(file=file, force_terminal=True, color_system=None, width=width), top=top)
    return file.getvalue()
