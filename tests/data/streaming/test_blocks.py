"""Blocks of a streamed part: every row once an epoch, in an order of the seed's and the epoch's, few rows at a time."""

import gc
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from onelayer.data.blocks import Block
from onelayer.data.streaming import part as streaming
from onelayer.data.streaming.part import StreamedPart
from onelayer.errors import UserError
from tests.data.streaming.tables import part_of, stream_of, streamed

ROWS = 1000
ALL: dict[str, Any] = {"val": 0, "test": 0, "normalize": "none"}


def numbered(folder: Path, block_rows: int, rows: int = ROWS, **settings: Any) -> StreamedPart:
    frame = pd.DataFrame({"x": np.arange(rows) + 0.5, "number": -np.arange(rows) - 0.5})
    return part_of(streamed(frame, folder, settings={**ALL, **settings}, block_rows=block_rows))


def blocks_of(part: StreamedPart, batch_size: int = 32, seed: int | None = 7, epoch: int = 0) -> list[Block]:
    return list(part.blocks(batch_size, torch.float64, seed=seed, epoch=lambda: epoch))


def order_of(blocks: list[Block]) -> list[int]:
    return [int(row) for block in blocks for row in block.x[:, 0].tolist()]


@pytest.mark.parametrize("block_rows", [1, 9, 32, 100, 5000])
@pytest.mark.parametrize("batch_size", [1, 32, 150, 200])
def test_an_epoch_visits_every_row_once_in_batches_of_one_size(
    tmp_path: Path, block_rows: int, batch_size: int
) -> None:
    rows = 200
    blocks = blocks_of(numbered(tmp_path, block_rows, rows), batch_size)
    assert Counter(order_of(blocks)) == Counter(range(rows))
    sizes = [len(y) for block in blocks for _, y, _ in block.batches()]
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    assert 0 < sizes[-1] <= batch_size
    assert all((block.x == -block.y).all() for block in blocks)  # rows stay together


def test_the_order_hangs_on_the_seed_and_the_epoch_alone(tmp_path: Path) -> None:
    part = numbered(tmp_path, 100)
    first = order_of(blocks_of(part))
    assert first == order_of(blocks_of(part)) == order_of(blocks_of(numbered(tmp_path, 100)))
    assert first != order_of(blocks_of(part, seed=8))
    assert first != order_of(blocks_of(part, epoch=1))
    assert order_of(blocks_of(part, seed=None)) == list(range(ROWS))


def test_a_block_mixes_rows_from_many_places_of_the_table(tmp_path: Path) -> None:
    """A table that is sorted must not be trained on in that order."""
    blocks = blocks_of(numbered(tmp_path, 160), 16)
    places = [np.array(order_of([block])) for block in blocks[:-1]]
    assert all(len(set(one // 20)) >= 6 for one in places)  # of eight pieces, of which some lie side by side
    assert all(abs(np.corrcoef(np.arange(len(one)), one)[0, 1]) < 0.5 for one in places)
    means = [one.mean() for one in places]
    assert np.std(means) < 0.5 * ROWS / np.sqrt(12)  # of blocks cut from the sorted table: 0.99


def test_block_rows_bounds_the_rows_that_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read is counted for as long as it lives, at each reading."""
    block_rows, alive, most = 64, 0, 0
    read = StreamedPart._read

    def counted(self: StreamedPart, start: int, end: int) -> Any:
        nonlocal alive, most
        found = read(self, start, end)
        rows = len(found[1])

        def gone() -> None:
            nonlocal alive
            alive -= rows

        alive += rows
        most = max(most, alive)
        weakref.finalize(found[0], gone)
        return found

    monkeypatch.setattr(StreamedPart, "_read", counted)
    part = numbered(tmp_path, block_rows, 5000)
    seen = 0
    for dataset in (part.blocks(10, torch.float64, seed=0), part.whole(torch.float64)):
        for block in dataset:
            assert len(block.y) <= 2 * block_rows
            seen += len(block.y)
            del block
    for chunk in part.chunks():
        assert len(chunk.y) <= block_rows
        seen += len(chunk.y)
        del chunk
    gc.collect()
    assert seen == 3 * 5000
    assert most <= 3 * block_rows  # one in use, one waiting, one being made
    assert alive == 0


def test_reading_stops_when_training_does(tmp_path: Path) -> None:
    blocks = iter(numbered(tmp_path, 50).blocks(10, torch.float64, seed=0))
    next(blocks)
    blocks.close()
    with pytest.raises(StopIteration):
        next(blocks)


def test_what_goes_wrong_while_a_block_is_read_ahead_is_raised(tmp_path: Path) -> None:
    """Here: memory that does not suffice, which is the user's to mend."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200_000, 4)), columns=[*"abc", "number"])
    stream = stream_of(frame, tmp_path, block_rows=200_000)
    stream.rows.connection.execute("SET memory_limit = '1MB'")
    with pytest.raises(UserError, match=r"out of memory.*data.block_rows") as refused:
        stream.read("true", 0, 200_000)
    assert "\n" not in str(refused.value)


def test_read_ahead_yields_in_order_and_raises_in_its_place() -> None:
    def made() -> Any:
        yield from range(5)
        raise ValueError("the sixth")

    ahead = streaming.read_ahead(made())
    assert [next(ahead) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="the sixth"):
        next(ahead)
