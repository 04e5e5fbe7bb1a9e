"""The rows of the runs of a sweep, and whether these can be trained, before any run starts."""

import logging
from collections.abc import Callable
from typing import TypeVar

from onelayer.build import build_data
from onelayer.check import Answers, check_run
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.shelf import Shelf
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Table
from onelayer.errors import UserError
from onelayer.memory import free_memory
from onelayer.model.optimizers import OptimizerSettings
from onelayer.optimum import Solved
from onelayer.prepared import load_table, prepare_data

log = logging.getLogger("onelayer")
Key = TypeVar("Key")
Value = TypeVar("Value")
# of `data`, what changes the batches and not the rows
IN_BATCHES = ("batch_size", "shuffle", "dtype")


class Checker:
    """Checks the runs of a sweep, asks each question once, and keeps what memory allows of their data.

    Attributes:
        solved: references that were found on the way, by the hash of the rows.
    """

    def __init__(self) -> None:
        self.solved: dict[str, Solved] = {}
        self._answers = Answers()
        self._tables: dict[str, Table | Stream | UserError] = {}
        self._shelf = Shelf(free_memory() // 4)  # the rest is for training, and everybody else
        self._modules: dict[str, DataModule | UserError] = {}

    def __call__(self, spec: RunSpec) -> tuple[DataModule, str]:
        """Check a run; return its rows, each run's in its own order, and the kind of its optimizer.

        Raises:
            UserError: it cannot be trained as it says, or its rows cannot be read, or not split as asked.
        """
        check_run(spec, answers=self._answers)
        data = self._data_of(spec)
        check_run(spec, data, answers=self._answers, solved=self.solved.setdefault(data.data_hash, {}))
        kind = self._answers(OptimizerSettings.of, spec.optim.name, 1.0, spec.optim.args).kind
        return data.ordered_by(spec.seed), kind

    def _data_of(self, spec: RunSpec) -> DataModule:
        """Return the data of a run; runs with the same data share it."""
        read = f"{spec.data.source} {spec.data.args} {spec.data.split.by} {spec.task}"
        made = f"{spec.data.model_dump_json(exclude=set(IN_BATCHES))} {spec.task}"
        cut = f"{spec.data.model_dump_json()} {spec.task}"
        table = _once(self._tables, read, lambda: load_table(spec))
        lent = self._shelf.lend(made, lambda: prepare_data(spec, table))
        return _once(self._modules, cut, lambda: _hashed(spec, build_data(spec, lent)))


def _once(found: dict[Key, Value | UserError], key: Key, make: Callable[[], Value]) -> Value:
    """Return what a key stands for, made at its first use; what is wrong with it is said each time."""
    if key not in found:
        try:
            found[key] = make()
        except UserError as error:
            found[key] = error
    value = found[key]
    if isinstance(value, UserError):
        raise value
    return value


def _hashed(spec: RunSpec, data: DataModule) -> DataModule:
    log.debug(f"{spec.data.source}: rows {data.data_hash}")  # hashed once, for every order of them
    return data
