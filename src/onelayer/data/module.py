"""The LightningDataModule: split, scale, and yield blocks."""

import hashlib
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from onelayer.data.blocks import Block, Blocks
from onelayer.data.preprocess import Scale, Scaling
from onelayer.data.split import Split, split_rows
from onelayer.data.table import Array, Table, Task
from onelayer.errors import UserError


@dataclass(frozen=True)
class Part:
    """Scaled rows in float64; blocks are cast from them.

    Attributes:
        x: (rows, n_features).
        y: (rows, n_outputs) float64 for a number or a binary class, (rows,) int64 for one of several classes.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)


class TableDataModule(LightningDataModule):
    """Split a table, scale it by its train rows, and yield each part as a block.

    Args:
        table: the rows.
        val: validation rows, a ratio (float) or a number (int).
        test: test rows, likewise.
        split_seed: seed of the split.
        split_shuffle: False: the last rows are the test rows.
        stratify: keep the class shares in every part.
        normalize: scaling of the features.
        normalize_target: scaling of a regression target.
        batch_size: rows a step, at most all train rows, or ``"full"`` for these.
        shuffle: a new order of the train rows each epoch.
        order_seed: seed of that order.
        dtype: what the blocks are cast to.

    Raises:
        UserError: the table does not allow what is asked.
    """

    def __init__(
        self,
        table: Table,
        *,
        val: float = 0.15,
        test: float = 0.15,
        split_seed: int = 0,
        split_shuffle: bool = True,
        stratify: bool = False,
        normalize: Scaling = "standard",
        normalize_target: Literal["standard", "none"] = "none",
        batch_size: int | Literal["full"] = "full",
        shuffle: bool = True,
        order_seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if stratify and table.classes is None:
            raise UserError(
                f"data.split.stratify=true needs classes, '{table.target_name}' is a number; set it to false"
            )
        if normalize_target != "none" and table.classes is not None:
            raise UserError(f"data.normalize_target={normalize_target} needs a number, but the target has classes")
        self._cast: dict[int, tuple[Tensor, Tensor]] = {}
        self._moved: dict[tuple[int, str], tuple[Tensor, Tensor]] = {}
        self.table, self.shuffle, self.order_seed, self.dtype = table, shuffle, order_seed, dtype
        self.rows: Split = split_rows(
            len(table.features),
            val=val,
            test=test,
            seed=split_seed,
            shuffle=split_shuffle,
            labels=table.target if stratify else None,
        )
        self.x_scale = Scale.fit(table.features[self.rows.train], normalize)
        target = _as_column(table.target[self.rows.train])
        # classes have no unit
        self.y_scale = Scale.fit(target, normalize_target) if table.classes is None else Scale.neutral(self.n_outputs)
        self.train, self.val, self.test = (self._part(rows) for rows in self.rows)
        self.batch_size = len(self.train) if batch_size == "full" else min(batch_size, len(self.train))

    @property
    def task(self) -> Task:
        """What the target asks for."""
        return self.table.task

    @property
    def n_features(self) -> int:
        """Columns of x."""
        return int(self.train.x.shape[1])

    @property
    def n_outputs(self) -> int:
        """Columns of the logits: one for a number or a binary class, else one for each class."""
        return len(self.table.classes or ()) if self.task == "multiclass" else 1

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches an epoch."""
        return -(-len(self.train) // self.batch_size)

    def ordered_by(self, seed: int) -> "TableDataModule":
        """Return the same data with batches in another order."""
        other = copy(self)
        other.order_seed = seed
        return other

    @cached_property
    def data_hash(self) -> str:
        """Hash of the rows, their split and their scaling, as the model sees them."""
        digest = hashlib.sha256()
        for part in (self.train, self.val, self.test):
            for tensor in (part.x, part.y):
                digest.update(str(tuple(tensor.shape)).encode())
                digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()[:16]

    def _part(self, rows: Array) -> Part:
        x = torch.from_numpy(self.x_scale.apply(self.table.features[rows]))
        target = self.table.target[rows]
        if self.task == "multiclass":
            return Part(x, torch.from_numpy(target.astype(np.int64)))
        return Part(x, torch.from_numpy(self.y_scale.apply(_as_column(target))))

    def train_dataloader(self) -> Any:
        """Yield the train rows as one block, in this epoch's order."""
        seed = self.order_seed if self.shuffle else None
        return self._loader(self.train, self.batch_size, seed)

    def val_dataloader(self) -> Any:
        """Yield the validation rows as one block; nothing where there are none."""
        return self._loader(self.val, len(self.val)) if len(self.val) else []

    def test_dataloader(self) -> Any:
        """Yield the test rows as one block; nothing where there are none."""
        return self._loader(self.test, len(self.test)) if len(self.test) else []

    def transfer_batch_to_device(self, batch: Block, device: torch.device, dataloader_idx: int) -> Block:
        """Move a block's rows once, and each epoch only their order."""
        if device.type == "cpu":
            return batch
        key = (batch.x.data_ptr(), str(device))  # its address stays its own, since `_cast` holds it
        if key not in self._moved:
            self._moved[key] = (batch.x.to(device), batch.y.to(device))
        order = None if batch.order is None else batch.order.to(device)
        return Block(*self._moved[key], order, batch.batch_size)

    def _loader(self, part: Part, batch_size: int, seed: int | None = None) -> DataLoader[Block]:
        if id(part) not in self._cast:
            y = part.y if part.y.dtype == torch.int64 else part.y.to(self.dtype)
            self._cast[id(part)] = (part.x.to(self.dtype), y)
        blocks = Blocks(*self._cast[id(part)], batch_size, seed=seed, epoch=self._epoch)
        return DataLoader(blocks, batch_size=None)

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer is not None else 0


def _as_column(target: Array) -> Array:
    return target.astype(np.float64)[:, None]
