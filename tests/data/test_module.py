"""The data module: what a task makes of the target, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from onelayer.data.table import Table, Task
from onelayer.errors import UserError
from tests.conftest import data_of, load, rows_of

NUMBER = Table(np.arange(20.0)[:, None], np.arange(20.0), ("x",))


@pytest.mark.parametrize(
    ("source", "shape", "dtype"),
    [("diabetes", (442, 1), torch.float32), ("breast_cancer", (569, 1), torch.float32), ("iris", (150,), torch.int64)],
)
def test_the_shape_of_the_target_follows_the_task(source: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    data = data_of(load(source), val=0, test=0)
    (block,) = data.train_dataloader()
    assert block.y.shape == shape
    assert block.y.dtype == dtype
    assert block.x.dtype == torch.float32


def test_a_batch_has_columns() -> None:
    data = data_of(load("diabetes"), val=0, test=0, batch_size=128)
    (block,) = data.train_dataloader()
    x, y, _ = next(block.batches())
    assert (tuple(x.shape), tuple(y.shape)) == ((128, 10), (128, 1))
    assert data.steps_per_epoch == 4


def test_a_batch_is_at_most_all_train_rows() -> None:
    assert data_of(NUMBER, batch_size=15).batch_size == 14
    assert data_of(NUMBER, batch_size="full").batch_size == 14


def test_no_rows_no_loader() -> None:
    data = data_of(NUMBER, val=0, test=0)
    assert list(data.val_dataloader()) == list(data.measured("test")) == []


def test_the_hash_sees_rows_split_and_scaling() -> None:
    hashes = {
        data_of(table, split_seed=seed, normalize=scaling).data_hash
        for table in (load("iris"), load("wine"))
        for seed in (0, 1)
        for scaling in ("standard", "none")
    }
    assert len(hashes) == 8
    assert data_of(load("iris")).data_hash == data_of(load("iris")).data_hash


def test_what_comes_to_the_same_numbers_by_other_units_or_names_is_other_data() -> None:
    """Twice the target is the same once it is scaled, and classes are numbers; what a model says of them is not."""
    number, classes = load("diabetes"), load("iris")
    twice = replace(number, target=number.target * 2)
    renamed = replace(classes, classes=("a", "b", "c"))
    for one, other in ((number, twice), (classes, renamed)):
        before, after = (data_of(each, normalize="standard", normalize_target="auto") for each in (one, other))
        assert torch.equal(rows_of(before.train).x, rows_of(after.train).x)
        assert torch.equal(rows_of(before.train).y, rows_of(after.train).y)
        assert before.data_hash != after.data_hash
        assert before.target_hash != after.target_hash


@pytest.mark.parametrize(
    ("source", "task", "said"),
    [
        ("diabetes", "binary", "is a number, not a class"),
        ("iris", "binary", "has 3 classes; use task=multiclass"),
    ],
)
def test_a_target_of_the_wrong_kind_is_refused(source: str, task: Task, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load(source).as_task(task)


def test_classes_can_be_read_as_numbers_and_two_classes_as_several() -> None:
    assert load("breast_cancer").as_task("regression").task == "regression"
    data = data_of(load("breast_cancer").as_task("multiclass"))
    assert (data.task, data.n_outputs, rows_of(data.train).y.dtype) == ("multiclass", 2, torch.int64)


def test_settings_that_do_not_fit_the_target_are_refused() -> None:
    with pytest.raises(UserError, match="normalize_target=standard needs a number"):
        data_of(load("iris"), normalize_target="standard")
    with pytest.raises(UserError, match="stratify=true needs classes"):
        data_of(NUMBER, stratify=True)


def test_rows_move_to_another_device_once_and_their_order_each_time() -> None:
    data = data_of(load("diabetes"), batch_size=32)
    (block,) = data.train_dataloader()
    elsewhere = torch.device("meta")
    first, second = (data.transfer_batch_to_device(block, elsewhere, 0) for _ in "ab")
    assert first.x is second.x
    assert first.order is not second.order
    assert first.x.device == first.y.device == elsewhere
    assert data.transfer_batch_to_device(block, torch.device("cpu"), 0) is block


def test_each_part_moves_once_whatever_loaders_come_and_go() -> None:
    """The device `meta` stands in for a GPU: it has shapes and no numbers."""
    data = data_of(load("iris"), val=20, test=30, dtype="float32")
    device = torch.device("meta")
    moved: dict[str, set[int]] = {"train": set(), "val": set(), "test": set()}
    for _ in range(20):
        for name, rows in (("train", 100), ("val", 20), ("test", 30)):
            (block,) = getattr(data, f"{name}_dataloader")()
            block = data.transfer_batch_to_device(block, device, 0)
            assert block.x.shape == (rows, 4)
            moved[name].add(id(block.x))
    assert all(len(kept) == 1 for kept in moved.values())
