"""Everything that can be known to be wrong with a run before any run starts."""

import logging
from collections.abc import Callable
from typing import TypeVar

from onelayer.build import build_data, refuse_missing_device, refuse_undefined_monitor
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.shelf import Shelf
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Table
from onelayer.errors import UserError
from onelayer.memory import free_memory
from onelayer.model.objectives import choose_objective
from onelayer.model.optimizers import OptimizerSettings, refuse_auto_lr, refuse_misfit
from onelayer.model.schedule import Schedule, ScheduleSettings
from onelayer.prepared import load_table, prepare_data

log = logging.getLogger("onelayer")
Key = TypeVar("Key")
Value = TypeVar("Value")
# of `data`, what changes the batches and not the rows
IN_BATCHES = ("batch_size", "shuffle", "dtype")


class Checker:
    """Checks the runs of a sweep, each part of a specification once, and keeps what memory allows of their data."""

    def __init__(self) -> None:
        self._tables: dict[str, Table | Stream | UserError] = {}
        self._shelf = Shelf(free_memory() // 4)  # the rest is for training, and everybody else
        self._modules: dict[str, DataModule | UserError] = {}
        self._parts: dict[tuple[str, ...], str | UserError] = {}

    def data_of(self, spec: RunSpec) -> DataModule:
        """Return the data of a run; runs with the same data share it, each in its own order.

        Raises:
            UserError: they cannot be read, or not split as asked.
        """
        read = f"{spec.data.source} {spec.data.args} {spec.data.split.by} {spec.task}"
        made = f"{spec.data.model_dump_json(exclude=set(IN_BATCHES))} {spec.task}"
        cut = f"{spec.data.model_dump_json()} {spec.task}"
        table = _once(self._tables, read, lambda: load_table(spec))
        lent = self._shelf.lend(made, lambda: prepare_data(spec, table))
        return _once(self._modules, cut, lambda: _hashed(spec, build_data(spec, lent))).ordered_by(spec.seed)

    def kind(self, spec: RunSpec, data: DataModule) -> str:
        """Check a run against torch, the machine and its data; return the kind of its optimizer.

        Raises:
            UserError: what is wrong with it.
        """
        objective = choose_objective(spec.model.objective, data.task, spec.model.link)
        refuse_auto_lr(spec.optim.name, spec.optim.lr, objective)
        schedule = ScheduleSettings(spec.scheduler.name, spec.scheduler.args, spec.scheduler.interval)
        trainer = spec.trainer
        key = (
            f"{spec.optim.name} {spec.optim.args} {schedule.kind}",
            f"{spec.monitor} {data.data_hash} {data.steps_per_epoch}",
            f"{trainer.accelerator} {trainer.devices} {trainer.max_epochs}",
        )
        return _once(self._parts, key, lambda: self._check(spec, schedule, data))

    def _check(self, spec: RunSpec, schedule: ScheduleSettings, data: DataModule) -> str:
        refuse_missing_device(spec)
        refuse_undefined_monitor(spec.monitor, data)
        lr = 1.0 if spec.optim.lr == "auto" else spec.optim.lr
        settings = OptimizerSettings.of(spec.optim.name, lr, spec.optim.args)
        refuse_misfit(settings, full_batch=data.steps_per_epoch == 1, scheduled=schedule.name is not None)
        Schedule([lr], [schedule], epochs=spec.trainer.max_epochs, steps_per_epoch=data.steps_per_epoch)
        return settings.kind


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
