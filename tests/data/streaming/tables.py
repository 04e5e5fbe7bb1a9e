"""Tables on disk for the tests of streaming, and what a run on them left."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from onelayer.artefact import Artefact
from onelayer.config import RunSpec
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import Prepared, prepare
from onelayer.data.streaming.part import StreamedPart
from onelayer.data.streaming.stream import Stream
from onelayer.data.tables.opening import open_rows
from onelayer.data.tables.roles import Said
from onelayer.data.tables.understanding import understand
from tests.conftest import Outcome, composed, only_run, prepared_of, result_of

ROWS = 700
Floats = NDArray[np.float64]


def invented(rows: int = ROWS, seed: int = 0, holes: bool = True) -> pd.DataFrame:
    """Numbers near and far from zero, truths, dates, levels with rare ones, weights, three targets; some have holes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)) * [1, 30, 0.01] + [0, 500, 3]
    city = rng.choice(["Rome", "Oslo", "Lima", "Bonn"], rows, p=[0.5, 0.3, 0.18, 0.02]).astype(object)
    signal = (x - [0, 500, 3]) / [1, 30, 0.01] @ [1, -0.5, 0.25] + (city == "Rome") + 0.3 * rng.normal(size=rows)
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    frame["single"] = rng.normal(size=rows).astype(np.float32)
    frame["truth"] = rng.random(rows) < 0.4
    frame["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**8, rows), unit="s")
    frame["city"] = city
    if holes:
        frame.loc[rng.random(rows) < 0.1, "a"] = np.nan
        frame.loc[rng.random(rows) < 0.1, "single"] = np.nan
        frame.loc[rng.random(rows) < 0.1, "city"] = None
        frame.loc[rng.random(rows) < 0.1, "when"] = pd.NaT
    frame["group"] = rng.integers(0, 40, rows)
    frame["weight"] = rng.integers(0, 4, rows) + 0.5
    frame["number"] = 40 * signal + 1000
    frame["yes"] = np.where(signal > 0.5, "yes", "no")
    frame["kind"] = np.where(signal > 1, "high", np.where(signal < 0, "low", "middle"))
    return frame


def saved(frame: pd.DataFrame, path: Path) -> Path:
    """Write a frame as Parquet."""
    with duckdb.connect() as connection:
        connection.register("given", frame)
        connection.execute(f"COPY (SELECT * FROM given) TO '{path}' (FORMAT parquet)")
    return path


def stream_of(frame: pd.DataFrame, folder: Path, *, block_rows: int = 128, **said: Any) -> Stream:
    """A frame as a stream, in a new folder within this one."""
    rows = open_rows(frame=frame, folder=Path(mkdtemp(dir=folder)), missing=("NA",))
    return Stream.of(understand(rows, Said(**{"target": "number", **said})), block_rows)


def streamed(frame: pd.DataFrame, folder: Path, *, settings: Mapping[str, Any] | None = None, **said: Any) -> Prepared:
    """A frame as a stream, prepared."""
    return prepare(stream_of(frame, folder, **said), Preparation(**(settings or {})))


def part_of(prepared: Prepared, name: str = "train") -> StreamedPart:
    part = getattr(prepared, name)
    assert isinstance(part, StreamedPart)
    return part


def prepared_by(*overrides: str) -> Prepared:
    """What the command line would make of its data."""
    spec = RunSpec.from_config(composed(*overrides))
    return prepared_of(spec)


def columns_of(prepared: Prepared, name: str, column: str) -> Floats:
    """The values of a feature of a part in the table's own units."""
    place = prepared.encoder.columns.index(column)
    values = [chunk.x[:, place].numpy() for chunk in getattr(prepared, name).chunks()]
    scaled = np.concatenate([np.zeros(0), *values])
    found: Floats = scaled * prepared.x_scale.scale[place] + prepared.x_scale.shift[place]
    return found


def trained(cli: Callable[..., Outcome], folder: Path, *arguments: str) -> tuple[dict[str, Any], Artefact]:
    """Train by the command line; return its result and its model."""
    done = cli(f"hydra.run.dir={folder}", *arguments)
    assert done.code == 0, done.err + done.out
    return result_of(folder), Artefact.load(only_run(folder) / "model")
