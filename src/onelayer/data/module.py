"""The LightningDataModule: yields the parts of the data as blocks."""

from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from onelayer.data.blocks import Block
from onelayer.data.prepare import AnyPart, Prepared
from onelayer.data.table import Task
from onelayer.errors import UserError


class DataModule(LightningDataModule):
    """Rows in batches.

    Args:
        prepared: split, encoded and scaled rows; other modules may share them.
        again: how to get the same rows whenever they are asked for, so that nobody has to hold them meanwhile; None:
            they are held.
        batch_size: rows a step, at most all train rows, or ``"full"`` for these.
        shuffle: a new order of the train rows each epoch.
        order_seed: seed of that order.
        dtype: what the blocks are cast to.

    Raises:
        UserError: rows that stream cannot make one batch, or `dtype` cannot hold a number or the spread of a column.
    """

    def __init__(
        self,
        prepared: Prepared,
        *,
        again: Callable[[], Prepared] | None = None,
        batch_size: int | Literal["full"] = "full",
        shuffle: bool = True,
        order_seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if batch_size == "full" and prepared.streams:
            raise UserError(
                "data.batch_size=full, which some optimizers need, takes all rows at once, and data.stream=true reads "
                "few; give a number, or choose an optimizer that takes one, such as optim=sgd or optim=adam"
            )
        self._lent = again or (lambda: prepared)
        self.shuffle, self.order_seed, self.dtype = shuffle, order_seed, dtype
        self.task: Task = prepared.task
        self.classes, self.target_hash = prepared.classes, prepared.target_hash
        self.n_features, self.n_outputs, self._n_train = prepared.n_features, prepared.n_outputs, len(prepared.train)
        for part, what in ((prepared.train, "train"), (prepared.val, "val"), (prepared.test, "test")):
            part.refuse_beyond(dtype, prepared.encoder.columns, prepared.target_name, what)
        # shifted by a number of its own, a column lies about zero
        far = None if prepared.x_scale.shift.any() else prepared.encoder.columns
        number = prepared.classes is None and not prepared.y_scale.shift.any()
        prepared.train.refuse_unheld(dtype, far, prepared.target_name if number else None)
        self.batch_size = self._n_train if batch_size == "full" else min(batch_size, self._n_train)
        self._moved: dict[tuple[int, torch.device], tuple[Tensor | None, ...]] = {}

    @property
    def prepared(self) -> Prepared:
        """The rows and how they came to be."""
        return self._lent()

    @property
    def train(self) -> AnyPart:
        """The rows to train on."""
        return self.prepared.train

    @property
    def val(self) -> AnyPart:
        """The validation rows."""
        return self.prepared.val

    @property
    def test(self) -> AnyPart:
        """The test rows."""
        return self.prepared.test

    @cached_property
    def data_hash(self) -> str:
        """Hash of the rows as the model sees them."""
        return self.prepared.data_hash

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches an epoch."""
        return -(-self._n_train // self.batch_size)

    def ordered_by(self, seed: int) -> "DataModule":
        """Return the same data with batches in another order."""
        other = copy(self)
        other.order_seed = seed
        return other

    def train_dataloader(self) -> Any:
        """Yield the train rows, in this epoch's order."""
        seed = self.order_seed if self.shuffle else None
        return _loader(self.train.blocks(self.batch_size, self.dtype, seed=seed, epoch=self._epoch))

    def val_dataloader(self) -> Any:
        """Yield the validation rows; nothing where there are none."""
        return self.measured("val")

    def test_dataloader(self) -> Any:
        """Yield the test rows; nothing where there are none."""
        return self.measured("test")

    def predict_dataloader(self) -> Any:
        """Yield the test rows; nothing where there are none."""
        return self.measured("test")

    def measured(self, part: Literal["train", "val", "test"]) -> Any:
        """Yield the rows of a part in the table's order; nothing where there are none."""
        rows: AnyPart = getattr(self, part)
        return _loader(rows.whole(self.dtype)) if len(rows) else []

    def transfer_batch_to_device(self, batch: Block, device: torch.device, dataloader_idx: int) -> Block:
        """Move the rows of a part that is in memory once, and each epoch only their order."""
        if device.type == "cpu":
            return batch
        rows = (batch.x, batch.y, batch.weight, batch.sample_weight)
        if self.prepared.streams:
            x, y, weight, sample_weight = _to(rows, device)
        else:
            key = (id(batch.x), device)  # its own as long as the part holds it
            if key not in self._moved:
                self._moved[key] = _to(rows, device)
            x, y, weight, sample_weight = self._moved[key]
        assert x is not None
        assert y is not None
        order = None if batch.order is None else batch.order.to(device)
        return Block(x, y, order, batch.batch_size, weight, sample_weight)

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer is not None else 0


def _loader(rows: Dataset[Block]) -> DataLoader[Block]:
    return DataLoader(rows, batch_size=None)


def _to(tensors: tuple[Tensor | None, ...], device: torch.device) -> tuple[Tensor | None, ...]:
    moved = {id(one): one.to(device) for one in tensors if one is not None}
    return tuple(None if one is None else moved[id(one)] for one in tensors)
