"""What SQL says of the train rows is what numpy says of the same rows."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import torch

from onelayer.data.encode import EncodeSettings
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import prepare
from onelayer.data.sources import load
from onelayer.data.sources.table import table_of
from onelayer.data.split import split_rows
from onelayer.data.streaming.stream import Stream
from onelayer.errors import UserError
from tests.data.streaming.tables import ROWS, columns_of, invented, streamed

UNUSED = ("group", "yes", "kind")
IN_ORDER: dict[str, Any] = {"val": 90, "test": 60, "split_shuffle": False}


NORMALIZES, IMPUTES, WEIGHTS = (
    ("standard", "minmax", "robust", "none"),
    ("mean", "median", "constant"),
    (None, "weight"),
)
# half of them have every pair of two
ALL_WAYS = [
    pytest.param(normalize, impute, weight, marks=[pytest.mark.slow] if (i + j + k) % 2 else [])
    for i, normalize in enumerate(NORMALIZES)
    for j, impute in enumerate(IMPUTES)
    for k, weight in enumerate(WEIGHTS)
]


@pytest.mark.parametrize(("normalize", "impute", "weight"), ALL_WAYS)
def test_encoder_scales_and_weights_are_those_of_the_same_rows_in_memory(
    tmp_path: Path, normalize: str, impute: Any, weight: str | None
) -> None:
    frame = invented().drop(columns=[*UNUSED, *(["weight"] if weight is None else [])])
    encode = EncodeSettings(impute=impute, fill=1.5, indicator=True, min_count=20)
    settings = {**IN_ORDER, "normalize": normalize, "encode": encode, "normalize_target": "standard"}
    memory = prepare(table_of(frame, target="number", sample_weight=weight), Preparation(**settings))
    stream = streamed(frame, tmp_path, settings=settings, sample_weight=weight)
    assert stream.encoder.features == memory.encoder.features
    assert stream.notes == memory.notes
    for mine, its in ((stream.x_scale, memory.x_scale), (stream.y_scale, memory.y_scale)):
        np.testing.assert_allclose(mine.shift, its.shift, rtol=1e-10)
        np.testing.assert_allclose(mine.scale, its.scale, rtol=1e-10)
    for name in ("train", "val", "test"):
        chunks, (whole,) = list(getattr(stream, name).chunks()), getattr(memory, name).chunks()
        np.testing.assert_allclose(np.concatenate([one.x for one in chunks]), whole.x, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(np.concatenate([one.y for one in chunks]), whole.y, rtol=1e-10, atol=1e-10)


def test_train_statistics_do_not_change_when_the_values_of_other_rows_do(tmp_path: Path) -> None:
    frame = invented().drop(columns=[*UNUSED, "weight"])
    settings = {**IN_ORDER, "normalize": "robust", "encode": EncodeSettings(impute="median", indicator=True)}
    before = streamed(frame, tmp_path, settings=settings)
    train = ROWS - 150
    others = frame.index >= train
    frame.loc[others, ["a", "b", "c"]] = 1e6
    frame.loc[others, "number"] = frame.loc[others, "number"] * -7
    frame.loc[others, "city"] = None
    frame.loc[others, "truth"] = True
    after = streamed(frame, tmp_path, settings=settings)
    assert after.encoder == before.encoder
    for mine, its in ((after.x_scale, before.x_scale), (after.y_scale, before.y_scale)):
        assert (mine.shift == its.shift).all()
        assert (mine.scale == its.scale).all()
    assert after.data_hash != before.data_hash


def test_columns_far_from_zero_keep_their_digits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    spread = rng.normal(size=2000)
    frame = pd.DataFrame({"far": 1e8 + 1e-2 * spread, "number": rng.normal(size=2000)})
    scale = streamed(frame, tmp_path, settings={"val": 0, "test": 0}).x_scale
    np.testing.assert_allclose(scale.shift, frame["far"].mean(), rtol=4e-15)
    np.testing.assert_allclose(scale.scale, np.std(frame["far"] - 1e8), rtol=1e-6)


@pytest.mark.parametrize("huge", [1e160, 1e300, 1.7e306])
def test_numbers_whose_square_has_no_place_are_refused_in_one_sentence(tmp_path: Path, huge: float) -> None:
    frame = pd.DataFrame({"huge": np.arange(100) * huge, "number": np.arange(100.0)})
    with pytest.raises(UserError, match=r"'huge'.*square float64 cannot hold; divide") as refused:
        streamed(frame, tmp_path, settings={"val": 0, "test": 0})
    assert "\n" not in str(refused.value)


def test_columns_that_are_constant_or_empty_in_the_train_rows(tmp_path: Path) -> None:
    """They vary in the table, so they are features, but not in the rows that train."""
    rows, train = 300, 200
    late = np.arange(rows) >= train
    frame = pd.DataFrame(
        {
            "x": np.arange(rows, dtype=float),
            "constant": np.where(late, 5.0, 2.0),
            "empty": np.where(late, np.arange(rows), np.nan),
            "level": np.where(late, "b", "a"),
            "number": np.arange(rows) % 7 + 0.5,
        }
    )
    settings: dict[str, Any] = {"val": 50, "test": 50, "split_shuffle": False}
    stream = streamed(frame, tmp_path, settings=settings)
    memory = prepare(table_of(frame, target="number"), Preparation(**settings))
    assert stream.encoder == memory.encoder
    assert stream.notes == memory.notes
    assert any("level (50 test rows, as none of them)" in note for note in stream.notes)
    assert (stream.x_scale.scale == memory.x_scale.scale).all()
    assert (stream.x_scale.shift == memory.x_scale.shift).all()
    assert (columns_of(stream, "train", "constant") == 2).all()
    assert (columns_of(stream, "test", "level=a") == 0).all()


@pytest.mark.parametrize("gaps", [False, True])
def test_rows_without_a_target_leave_no_trace_in_the_order(tmp_path: Path, gaps: bool) -> None:
    """Deleted rows leave gaps in the row numbers; the rest is what a table without them is."""
    frame = invented().drop(columns=[*UNUSED, "weight"])
    if gaps:
        frame.loc[[0, 1, 5, *range(200, 420), ROWS - 1], "number"] = np.nan
    labelled = frame.dropna(subset=["number"]).reset_index(drop=True)
    stream = streamed(frame, tmp_path, settings=IN_ORDER, block_rows=40)
    split = split_rows(len(labelled), val=90, test=60, shuffle=False)
    for name, rows in zip(("train", "val", "test"), split, strict=True):
        np.testing.assert_allclose(columns_of(stream, name, "b"), labelled["b"][rows], rtol=1e-12)
        assert len(getattr(stream, name)) == len(rows)


def late_levels() -> pd.DataFrame:
    """Levels and holes that no train row has: rows 200 to 249 validate, the rest tests."""
    level = np.array(["a", "b"] * 150, object)
    level[220], level[[260, 270]], level[280] = "new", "newer", None
    hole = np.where(np.arange(300) % 100 == 99, np.nan, np.arange(300.0))
    late = np.where(np.arange(300) > 297, np.nan, np.arange(300.0) % 7)
    return pd.DataFrame(
        {"x": np.arange(300.0), "hole": hole, "late": late, "level": level, "number": np.arange(300) % 7 + 0.5}
    )


LATE: dict[str, Any] = {"val": 50, "test": 50, "split_shuffle": False}


@pytest.mark.parametrize("min_count", [1, 1000])
def test_levels_that_no_train_row_has_are_told_as_in_memory(tmp_path: Path, min_count: int) -> None:
    settings = {**LATE, "encode": EncodeSettings(min_count=min_count)}
    stream = streamed(late_levels(), tmp_path, settings=settings)
    memory = prepare(table_of(late_levels(), target="number"), Preparation(**settings))
    assert stream.notes == memory.notes
    how = "as <other>" if min_count > 1 else "as none of them"
    assert stream.notes[-4:] == (
        f"levels that no train row has: level (1 val row, {how})",
        f"without a number, as no train row is: late (2 test rows, become {np.mean(np.arange(200) % 7):.6g})",
        f"levels that no train row has: level (2 test rows, {how})",
        f"without a level, as no train row is: level (1 test row, {how})",
    )


@pytest.mark.parametrize(("gone", "row"), [([], 221), ([220], 261), ([220, 260, 270], 281), ([0, 1, 220], 261)])
@pytest.mark.parametrize("block_rows", [7, 1000])
def test_such_a_level_is_refused_on_request_with_its_row(
    tmp_path: Path, gone: list[int], row: int, block_rows: int
) -> None:
    """Rows without a target leave the table, and the others keep their numbers."""
    frame = late_levels()
    frame.loc[gone, "number"] = np.nan
    settings = {**LATE, "encode": EncodeSettings(unseen="error")}
    with pytest.raises(UserError, match=f"column 'level', row {row}: .*data.encode.unseen=other"):
        streamed(frame, tmp_path, settings=settings, block_rows=block_rows)


@pytest.mark.parametrize("what", ["train", "val", "test"])
@pytest.mark.parametrize("column", ["x", "number"])
@pytest.mark.parametrize("normalize", ["standard", "none"])
def test_numbers_beyond_a_precision_are_refused_as_in_memory(
    tmp_path: Path, what: str, column: str, normalize: str
) -> None:
    frame = late_levels().drop(columns="level")
    row = {"train": 10, "val": 210, "test": 299}[what]
    frame.loc[row, column] = -1e40
    settings = {**LATE, "normalize": normalize, "normalize_target": normalize}
    stream, memory = (
        streamed(frame, tmp_path, settings=settings),
        prepare(table_of(frame, target="number"), Preparation(**settings)),
    )
    refused = []
    for prepared in (memory, stream):
        said = []
        for name in ("train", "val", "test"):
            try:
                getattr(prepared, name).refuse_beyond(torch.float32, prepared.encoder.columns, "number", name)
            except UserError as error:
                said.append(str(error))
            getattr(prepared, name).refuse_beyond(torch.float64, prepared.encoder.columns, "number", name)
        refused.append(said)
    # scaled by itself a train row is not large
    assert len(refused[0]) == (0 if what == "train" and normalize == "standard" else 1)
    assert refused[0] == refused[1]


def test_many_rows_give_the_same_bits_each_time(tmp_path: Path) -> None:
    """Threads would add what each has found in an order of chance."""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; SELECT setseed(0.5)")
        made = "random() AS a, 1000 * random() AS number FROM range(1000000)"
        connection.execute(f"COPY (SELECT {made}) TO '{tmp_path / 't.csv'}' (HEADER)")
    found = set()
    for _ in range(3):
        stream = load("table", path=str(tmp_path / "t.csv"), target="number", stream=True)
        assert isinstance(stream, Stream)
        prepared = prepare(stream, Preparation(normalize_target="standard"))
        scales = (prepared.x_scale.shift, prepared.x_scale.scale, prepared.y_scale.shift, prepared.y_scale.scale)
        found.add((prepared.data_hash, *(float(one[0]) for one in scales)))
    assert len(found) == 1
