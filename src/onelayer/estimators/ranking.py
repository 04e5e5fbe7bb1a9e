"""From runs that have ended to the table of a sweep."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onelayer.errors import UserError
from onelayer.estimators.board import SPREAD, Leaderboard, Row
from onelayer.estimators.memory import FittedRun
from onelayer.estimators.settings import in_our_words
from onelayer.report.cautions import OF_THE_LOSS
from onelayer.report.leaderboard import build_leaderboard
from onelayer.report.records import Record


def row_of(combination: Mapping[str, Any], number: int, fold: int | None, found: FittedRun | Exception) -> Row:
    """Say how a run ended; `fold` is the one that judges it, None where the rows that chose the best epoch do."""
    row: Row = {"combination": number, **combination, "fold": fold}
    if isinstance(found, Exception):
        said = str(in_our_words(found)) if isinstance(found, UserError) else repr(found)
        return {**row, "status": "failed", "metrics": {}, "epochs": None, "seconds": None, "error": said}
    result = found.result
    # where a fold judges, the rows that chose the best epoch have done their work
    judges = "val/" if fold is None else "test/"
    metrics = {name: value for name, value in result["metrics"].items() if name.startswith("train/")}
    metrics |= {
        f"val/{name.removeprefix(judges)}": value
        for name, value in result["metrics"].items()
        if name.startswith(judges)
    }
    kept = {name: result[name] for name in ("status", "epochs", "best_epoch", "seconds", "lr")}
    return {**row, **kept, "metrics": metrics, "error": None}


def board_of(
    runs: Sequence[Row], combinations: Sequence[dict[str, Any]], monitor: str
) -> tuple[Leaderboard, int | None]:
    """Return the table, and which combination is the first."""
    records = [
        Record(
            Path(f"{run['combination']:08}"),
            run["status"],
            (f"number={run['combination']}",),
            {"number": str(run["combination"]), "data.fold": str(run["fold"])},
            {name: value if np.isfinite(value) else None for name, value in run["metrics"].items()},
            run["epochs"],
            run["seconds"],
            monitor,
            run["error"],
        )
        for run in runs
    ]
    board = build_leaderboard(records, sort=monitor)
    keys = dict.fromkeys(key for one in combinations for key in one)
    measured = [monitor, *(name for name in board.metrics if name != monitor and not name.startswith("train/"))]
    measured += ["train/loss", "train/gap"]
    rows: list[Row] = []
    for row in board.rows:
        number = int(row.best.overrides["number"])
        cells: Row = {"rank": row.rank, "status": row.status, **{key: combinations[number].get(key) for key in keys}}
        for name in (*measured, "epochs", "seconds"):
            mean = row.mean(name)
            cells[name] = None if mean is None else mean.value
            if name not in ("epochs", "seconds"):
                cells[name + SPREAD] = None if mean is None else mean.spread
        rows.append(cells)
    notes = [
        f"{monitor} is in other units where {key} differs; monitor='val/{OF_THE_LOSS[f'data.{key}']}' compares them"
        for key in keys
        if f"data.{key}" in OF_THE_LOSS and monitor == "val/loss"
    ]
    best = None if board.best is None else int(board.best.best.overrides["number"])
    return Leaderboard(rows, notes, shown=(*keys, *board.shown)), best
