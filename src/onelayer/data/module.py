"""The LightningDataModule: reads, splits, encodes and scales rows, and yields their parts as blocks."""

import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import Any, Literal
from weakref import ref

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.parsing import AttributeDict
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from typing_extensions import override

from onelayer.data.blocks import Block
from onelayer.data.cache import PreparedCache
from onelayer.data.encode import EncodeSettings
from onelayer.data.parts import Part
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import AnyPart, Prepared
from onelayer.data.preprocess import Scaling, TargetScaling
from onelayer.data.request import NAMES, array_request, frame_request, plain, source_request
from onelayer.data.sources import REMOTE
from onelayer.data.table import Task
from onelayer.errors import UserError, keys_renamed

Stage = Literal["train", "val", "test"]
DTYPES = {"float32": torch.float32, "float64": torch.float64}
# what a checkpoint may hold of the keywords
PLAIN = (str, int, float, list, dict)
WORDS = {"train": "train", "val": "validation", "test": "test"}


class NotSetUpError(UserError, AttributeError):
    """What is known of rows was asked for before they were read."""


@dataclass(frozen=True)
class _Facts:
    """What is known once rows are prepared, and stays when they are let go."""

    task: Task
    classes: tuple[str, ...] | None
    n_features: int
    n_outputs: int
    n_train: int
    batch_size: int
    streams: bool
    target_hash: str


class DataModule(LightningDataModule):
    """Rows of a source, a file, a frame or arrays: split, encoded, scaled by the train rows, and cut into batches.

    Where a keyword is None, conf/data/<source>.yaml says it as for ``python src/train.py data=<source>``; of frames,
    arrays and files, conf/data/table.yaml. Equal keywords make equal blocks on either road.

    Args:
        source: name of a data source.
        table: a pandas or polars frame or an Arrow table, with its target; or a `Table` or `Stream` that was read.
        X: (rows, n_features) numbers: an array, a scipy sparse matrix, or a frame.
        y: (rows,), the target of X. Texts and two numbers are classes, other numbers a regression.
        path: a file, a pattern or a folder, as of the source ``table``.
        target: the column to be learnt, where there are columns.
        sample_weight: how many rows each one stands for: a column, of arrays (rows,) numbers.
        task: regression, binary or multiclass; None: as the target looks.
        val: validation rows, a ratio (float) or a number (int); 0: none. Unused with folds.
        test: test rows, likewise.
        split_seed: seed of the split.
        split_shuffle: False: the last rows are the test rows.
        stratify: keep the class shares in every part.
        split_by: a column, of arrays (rows,) values; rows of equal value stay together.
        folds: the validation rows are one of so many folds.
        fold: which one, from 0.
        repeats: how often the folds are drawn anew.
        normalize: scaling of the features, fitted on train rows.
        normalize_target: scaling of a regression target, likewise; auto: standard, and none for classes.
        class_weight: balanced, or by the name of each class, what an error in it costs.
        encode: how columns become features: `EncodeSettings`, or some of its fields.
        batch_size: rows a step, at most all train rows; "full": all of them.
        shuffle: a new order of the train rows each epoch.
        seed: of that order.
        dtype: what the blocks are cast to.
        predict: which rows `predict_dataloader` yields.
        preparation: how rows are prepared, where keywords cannot say it: with splits or scales that are there, or
            without a shift. It counts instead of them.
        cache: where tables and prepared rows are held, shared with other modules; None: one of its own.
        source_args: keywords of the source whose names are taken here, such as the seed of ``source="linear"``.
        by_configuration: the keywords are a checked configuration in full: None is a value like others, and messages
            call keys as the configuration does.
        **options: further keywords of the source, such as ``n_samples=500`` or ``drop=["id"]``.

    Raises:
        UserError: keywords that are unknown, contradict each other, or are of the wrong kind.
    """

    def __init__(
        self,
        *,
        source: str | None = None,
        table: Any = None,
        X: Any = None,
        y: Any = None,
        path: str | PathLike[str] | None = None,
        target: str | None = None,
        sample_weight: Any = None,
        task: Task | None = None,
        val: float | int | None = None,
        test: float | int | None = None,
        split_seed: int | None = None,
        split_shuffle: bool | None = None,
        stratify: bool | None = None,
        split_by: Any = None,
        folds: int | None = None,
        fold: int | None = None,
        repeats: int | None = None,
        normalize: Scaling | None = None,
        normalize_target: TargetScaling | None = None,
        class_weight: Literal["balanced"] | Mapping[str, float] | None = None,
        encode: EncodeSettings | Mapping[str, Any] | None = None,
        batch_size: int | Literal["full"] | None = None,
        shuffle: bool | None = None,
        seed: int = 0,
        dtype: Literal["float32", "float64"] | None = None,
        predict: Stage = "test",
        preparation: Preparation | None = None,
        cache: PreparedCache | None = None,
        source_args: Mapping[str, Any] | None = None,
        by_configuration: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        keywords = {
            "val": val,
            "test": test,
            "split_seed": split_seed,
            "split_shuffle": split_shuffle,
            "stratify": stratify,
            "split_by": split_by,
            "folds": folds,
            "fold": fold,
            "repeats": repeats,
            "normalize": normalize,
            "normalize_target": normalize_target,
            "class_weight": class_weight,
            "encode": encode,
            "batch_size": batch_size,
            "shuffle": shuffle,
            "dtype": dtype,
        }
        given = {"source": source, "table": table, "X": X}
        ways = [name for name, way in given.items() if way is not None]
        ways += ["path"] if path is not None and ways != ["source"] else []
        if len(ways) != 1:
            reason = f"{' and '.join(ways)} are given" if ways else "none of them is given"
            raise UserError(f"rows come from exactly one of source=, table=, X= with y=, and path=; {reason}")
        if predict not in WORDS:
            raise UserError(f"predict={predict!r}: must be 'train', 'val' or 'test'")
        seed = plain(seed)
        if type(seed) is not int or not 0 <= seed < 2**32:
            raise UserError(f"seed={seed!r}: must be an integer from 0 to {2**32 - 1}")
        if path is not None and source is None:
            source = "table"
        beside = {"path": path, "target": target} | ({} if X is not None else {"y": y, "sample_weight": sample_weight})
        options |= {**(source_args or {}), **{name: value for name, value in beside.items() if value is not None}}
        self._names = {} if by_configuration else NAMES
        with self._named():
            if X is not None:
                self._request = array_request(X, y, sample_weight, task, keywords, options)
            elif table is not None:
                self._request = frame_request(table, task, keywords, options, complete=by_configuration)
            else:
                assert source is not None
                self._request = source_request(source, task, keywords, options, complete=by_configuration)
        if preparation is not None:
            self._request = replace(self._request, preparation=preparation)
        data = self._request.data
        self.shuffle, self.order_seed, self.dtype = data.shuffle, seed, DTYPES[data.dtype]
        self._predicted, self._shares = predict, cache is not None
        self._cache = PreparedCache() if cache is None else cache
        self._facts: _Facts | None = None
        self._state: Mapping[str, Any] = {}
        self._moved: dict[tuple[int, torch.device], tuple[ref[Tensor], tuple[Tensor | None, ...]]] = {}
        more = {"predict": predict, "task": task, "by_configuration": by_configuration, "source_args": options}
        self._keywords = {
            name: value
            for name, value in ((name, plain(value)) for name, value in {**keywords, "source": source, **more}.items())
            if value is None or isinstance(value, PLAIN)
        }

    @property
    @override
    def hparams(self) -> AttributeDict:
        """The keywords in plain containers; rows at hand are no part of them, and are given anew."""
        return AttributeDict({**super().hparams, **self._keywords, "seed": self.order_seed})

    @override
    def prepare_data(self) -> None:
        """Fetch what lies elsewhere, as the sets of OpenML do, and set no state."""
        if self._facts is None and self._request.data.source in REMOTE:
            with self._named():
                self._request.read()

    @override
    def setup(self, stage: str | None = None) -> None:
        """Read, split, encode and scale the rows, at the first call alone.

        Args:
            stage: all are prepared at once.

        Raises:
            UserError: the rows cannot be read or prepared so, they are not those of the state that was loaded, rows
                that stream cannot make one batch, or `dtype` cannot hold a number or the spread of a column.
        """
        if self._facts is None:
            with self._named():
                self._facts = self._checked(self._request.prepared(self._cache))
            if not self._shares:  # its rows stay, and nobody else asks for the table
                self._cache.drop_tables()
            self._refuse_other_rows()

    @override
    def teardown(self, stage: str | None = None) -> None:
        """Let go of what was moved to a device, and of casts of rows that nobody else uses."""
        self._moved.clear()
        if self._facts is None or self._shares:
            return
        for part in (self.train, self.val, self.test):
            if isinstance(part, Part):
                part.release()

    @override
    def state_dict(self) -> dict[str, Any]:
        """Return what was fitted on the train rows, and the hash of all rows."""
        if self._facts is None:
            return dict(self._state)
        prepared = self.prepared
        x, y = prepared.x_scale, prepared.y_scale
        scales = {"x_shift": x.shift, "x_scale": x.scale, "y_shift": y.shift, "y_scale": y.scale}
        return {
            "data_hash": prepared.data_hash,
            "task": prepared.task,
            "target": prepared.target_name,
            "classes": list(prepared.classes) if prepared.classes else None,
            "columns": list(prepared.encoder.columns),
            **{name: torch.from_numpy(scale.copy()) for name, scale in scales.items()},
        }

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Hold the rows to those of a state, now or once they are read.

        Raises:
            UserError: they are others.
        """
        self._state = dict(state_dict)
        self._refuse_other_rows()

    @property
    def prepared(self) -> Prepared:
        """The rows and how they came to be."""
        self._known("prepared")
        return self._request.prepared(self._cache)

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

    @property
    def task(self) -> Task:
        """What the target asks for."""
        return self._known("task").task

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The class names in index order; None for regression."""
        return self._known("classes").classes

    @property
    def n_features(self) -> int:
        """Columns of x."""
        return self._known("n_features").n_features

    @property
    def n_outputs(self) -> int:
        """Columns of the logits: one for a number or a binary class, else one for each class."""
        return self._known("n_outputs").n_outputs

    @property
    def batch_size(self) -> int:
        """Rows a step, at most all train rows."""
        return self._known("batch_size").batch_size

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches an epoch."""
        facts = self._known("steps_per_epoch")
        return -(-facts.n_train // facts.batch_size)

    @property
    def target_hash(self) -> str:
        """Hash of the target of all rows, however they are split, encoded and scaled."""
        return self._known("target_hash").target_hash

    @cached_property
    def data_hash(self) -> str:
        """Hash of the rows as the model sees them."""
        return self.prepared.data_hash

    def ordered_by(self, seed: int) -> "DataModule":
        """Return the same data with batches in another order."""
        other = copy(self)
        other.order_seed = seed
        return other

    @override
    def train_dataloader(self) -> Any:
        """Yield the train rows, in this epoch's order."""
        seed = self.order_seed if self.shuffle else None
        return _loader(self.train.blocks(self.batch_size, self.dtype, seed=seed, epoch=self._epoch))

    @override
    def val_dataloader(self) -> Any:
        """Yield the validation rows; a fit goes without where there are none."""
        if self.trainer is not None and self.trainer.state.fn == TrainerFn.VALIDATING:
            self._refuse_missing("val")
        if not len(self.val):
            warnings.filterwarnings("ignore", "Total length of `list` across ranks is zero", UserWarning)
        return self.measured("val")

    @override
    def test_dataloader(self) -> Any:
        """Yield the test rows.

        Raises:
            UserError: there are none.
        """
        self._refuse_missing("test")
        return self.measured("test")

    @override
    def predict_dataloader(self) -> Any:
        """Yield the rows that `predict` names, in the table's order.

        Raises:
            UserError: there are none.
        """
        self._refuse_missing(self._predicted)
        return self.measured(self._predicted)

    def measured(self, part: Stage) -> Any:
        """Yield the rows of a part in the table's order; nothing where there are none."""
        rows: AnyPart = getattr(self, part)
        return _loader(rows.whole(self.dtype)) if len(rows) else []

    @override
    def transfer_batch_to_device(self, batch: Block, device: torch.device, dataloader_idx: int) -> Block:
        """Move the rows of a part that is in memory once, and each epoch only their order."""
        if device.type == "cpu":
            return batch
        rows = (batch.x, batch.y, batch.weight, batch.sample_weight)
        if self._known("rows").streams:
            x, y, weight, sample_weight = _to(rows, device)
        else:
            key = (id(batch.x), device)  # its own as long as the part holds it
            before, moved = self._moved.get(key, (None, None))
            if moved is None or before is None or before() is not batch.x:
                moved = _to(rows, device)
                self._moved[key] = ref(batch.x), moved
            x, y, weight, sample_weight = moved
        assert x is not None
        assert y is not None
        order = None if batch.order is None else batch.order.to(device)
        return Block(x, y, order, batch.batch_size, weight, sample_weight)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the trainer, as a LightningModule does."""
        return {**self.__dict__, "trainer": None}

    def _known(self, name: str) -> _Facts:
        if self._facts is None:
            raise NotSetUpError(f"DataModule.{name} is known once the rows are read; call setup() first")
        return self._facts

    def _checked(self, prepared: Prepared) -> _Facts:
        """Hold prepared rows to the batches that are asked for."""
        batch_size, dtype, columns = self._request.data.batch_size, self.dtype, prepared.encoder.columns
        if batch_size == "full" and prepared.streams:
            raise UserError(
                "data.batch_size=full, which some optimizers need, takes all rows at once, and data.stream=true reads "
                "few; give a number, or choose an optimizer that takes one, such as optim=sgd or optim=adam"
            )
        for part, what in ((prepared.train, "train"), (prepared.val, "val"), (prepared.test, "test")):
            part.refuse_beyond(dtype, columns, prepared.target_name, what)
        # shifted by a number of its own, a column lies about zero
        far = None if prepared.x_scale.shift.any() else columns
        number = prepared.classes is None and not prepared.y_scale.shift.any()
        prepared.train.refuse_unheld(dtype, far, prepared.target_name if number else None)
        n_train = len(prepared.train)
        return _Facts(
            task=prepared.task,
            classes=prepared.classes,
            n_features=prepared.n_features,
            n_outputs=prepared.n_outputs,
            n_train=n_train,
            batch_size=n_train if batch_size == "full" else min(batch_size, n_train),
            streams=prepared.streams,
            target_hash=prepared.target_hash,
        )

    def _refuse_other_rows(self) -> None:
        if self._facts is not None and self._state and self._state["data_hash"] != self.data_hash:
            raise UserError(
                f"the rows of {self._request.where} are not those of the checkpoint: their hash is {self.data_hash}, "
                f"and there {self._state['data_hash']}; give the rows, split and scaling that it was trained with"
            )

    def _refuse_missing(self, part: Stage) -> None:
        if not len(getattr(self, part)):
            with self._named():
                where = f"set data.split.{part} above 0" if part != "train" else "give some"
                raise UserError(f"there are no {WORDS[part]} rows; {where}")

    def _named(self) -> AbstractContextManager[None]:
        """Call keys in messages as whoever made this module does."""
        return keys_renamed(self._names) if self._names else nullcontext()

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer is not None else 0


def _loader(rows: Dataset[Block]) -> DataLoader[Block]:
    return DataLoader(rows, batch_size=None)


def _to(tensors: tuple[Tensor | None, ...], device: torch.device) -> tuple[Tensor | None, ...]:
    moved = {id(tensor): tensor.to(device) for tensor in tensors if tensor is not None}
    return tuple(None if tensor is None else moved[id(tensor)] for tensor in tensors)
