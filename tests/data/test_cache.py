"""Rows that a sweep needs again: held while there is room, made again otherwise, and the same each time."""

import gc
from functools import partial

import pytest
import torch

from onelayer.data.cache import PreparedCache
from onelayer.data.module import DataModule
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import Prepared, prepare
from onelayer.data.table import Table
from onelayer.errors import UserError
from tests.conftest import load, rows_of


def test_the_longest_unused_rows_make_room() -> None:
    table, made = load("iris"), []

    def fold(number: int) -> Prepared:
        made.append(number)
        return prepare(table, Preparation(folds=5, fold=number))

    cache = PreparedCache(2 * fold(0).size)
    made.clear()
    for number in (0, 1, 2, 0, 1, 0, 2, 0, 1):
        cache.get(number, partial(fold, number))
    assert made == [0, 1, 2, 0, 1, 2, 1]


def test_the_last_rows_are_held_however_large() -> None:
    cache = PreparedCache(0)
    first, second = (cache.get("iris", lambda: prepare(load("iris"), Preparation())) for _ in "ab")
    assert first is second


def test_a_module_has_the_same_rows_when_they_are_made_again() -> None:
    cache = PreparedCache(0)
    iris, wine = (DataModule(source=name, batch_size=32, cache=cache) for name in ("iris", "wine"))
    iris.setup()
    before, hashed = rows_of(iris.train).x, iris.data_hash
    wine.setup()
    assert rows_of(iris.train).x is not before
    torch.testing.assert_close(rows_of(iris.train).x, before, rtol=0, atol=0)
    assert iris.prepared.data_hash == hashed
    assert iris.steps_per_epoch == -(-len(before) // 32)


def test_modules_of_one_cache_read_a_table_once_and_share_equal_rows() -> None:
    cache = PreparedCache()
    some = [DataModule(source="iris", cache=cache, seed=seed) for seed in (0, 1)]
    some.append(DataModule(source="iris", cache=cache, normalize="none"))
    for data in some:
        data.setup()
    assert some[0].prepared is some[1].prepared
    assert some[0].prepared is not some[2].prepared
    tables = {id(data._request.table(cache)) for data in some}
    assert len(tables) == 1


def test_what_is_wrong_with_rows_is_found_once_and_raised_each_time() -> None:
    cache, tried = PreparedCache(), []

    def read() -> Table:
        tried.append(0)
        raise UserError("no such file")

    for _ in range(3):
        with pytest.raises(UserError, match="no such file"):
            cache.table("rows", read)
    assert tried == [0]


def test_a_module_with_a_cache_of_its_own_lets_the_table_go_once_its_rows_are_prepared() -> None:
    def tables() -> int:
        gc.collect()
        return sum(isinstance(thing, Table) for thing in gc.get_objects())

    before, data = tables(), DataModule(source="iris")
    data.setup()
    assert tables() == before
    assert data.ordered_by(1).prepared is data.prepared
