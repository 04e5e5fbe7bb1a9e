"""A block's minibatches visit every row once an epoch, in an order that seed and epoch alone decide."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from onelayer.data.blocks import Block, Blocks

x = torch.arange(50.0)[:, None]


def visited(blocks: Blocks) -> list[int]:
    return [int(value) for batch, *_ in blocks[0].batches() for value in batch[:, 0]]


@given(batch_size=st.integers(1, 49), seed=st.integers(0, 2**32 - 1), epoch=st.integers(0, 10**6))
def test_every_row_is_visited_once(batch_size: int, seed: int, epoch: int) -> None:
    blocks = Blocks(Block(x, x, None, batch_size), seed=seed, epoch=lambda: epoch)
    assert sorted(visited(blocks)) == list(range(50))
    assert visited(blocks) == visited(blocks)


def test_epochs_and_seeds_give_different_orders() -> None:
    orders = {
        tuple(visited(Blocks(Block(x, x, None, 10), seed=s, epoch=partial(int, e)))) for s in (0, 1) for e in (0, 1, 2)
    }
    assert len(orders) == 6


@pytest.mark.parametrize(("batch_size", "seed"), [(10, None), (50, 0)])
def test_without_a_seed_or_with_the_full_batch_rows_keep_their_order(batch_size: int, seed: int | None) -> None:
    assert visited(Blocks(Block(x, x, None, batch_size), seed=seed)) == list(range(50))


def test_the_last_batch_holds_what_is_left() -> None:
    assert [len(batch) for batch, *_ in Blocks(Block(x, x, None, 20), seed=0)[0].batches()] == [20, 20, 10]
