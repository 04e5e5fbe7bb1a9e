"""Rows that a sweep needs again: held while there is room, made again otherwise, and the same each time."""

from functools import partial

import torch

from onelayer.data.module import DataModule
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import Prepared, prepare
from onelayer.data.shelf import Shelf
from tests.conftest import load, rows_of


def test_the_longest_unused_rows_make_room() -> None:
    table, made = load("iris"), []

    def fold(number: int) -> Prepared:
        made.append(number)
        return prepare(table, Preparation(folds=5, fold=number))

    shelf = Shelf(2 * fold(0).size)
    made.clear()
    lent = [shelf.lend(str(number), partial(fold, number)) for number in range(3)]
    for number in (0, 1, 0, 2, 0, 1):
        lent[number]()
    assert made == [0, 1, 2, 1]


def test_one_is_held_however_large() -> None:
    shelf = Shelf(0)
    lent = shelf.lend("iris", lambda: prepare(load("iris"), Preparation()))
    assert lent() is lent()


def made_of(name: str) -> Prepared:
    return prepare(load(name), Preparation())


def test_a_module_has_the_same_rows_when_they_are_made_again() -> None:
    shelf = Shelf(0)
    iris, wine = (shelf.lend(name, partial(made_of, name)) for name in ("iris", "wine"))
    data = DataModule(iris(), again=iris, batch_size=32)
    before, hashed = rows_of(data.train).x, data.data_hash
    wine()
    assert rows_of(data.train).x is not before
    torch.testing.assert_close(rows_of(data.train).x, before, rtol=0, atol=0)
    assert data.prepared.data_hash == hashed
    assert data.steps_per_epoch == -(-len(before) // 32)
