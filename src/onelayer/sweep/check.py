"""Everything that can be known to be wrong with a run before any run starts."""

import logging

from onelayer.build import build_data, refuse_missing_device
from onelayer.config import RunSpec
from onelayer.data.module import TableDataModule
from onelayer.errors import UserError
from onelayer.model.metrics import check_monitor
from onelayer.model.objectives import choose_objective
from onelayer.model.optimizers import OptimizerSettings, refuse_misfit
from onelayer.model.schedule import Schedule, ScheduleSettings
from onelayer.model.zoo import refuse_auto_lr

log = logging.getLogger("onelayer")


class Checker:
    """Checks the runs of a sweep, each part of a specification once, and keeps their data."""

    def __init__(self) -> None:
        self._data: dict[str, TableDataModule | UserError] = {}
        self._parts: dict[tuple[str, ...], str | UserError] = {}

    def data_of(self, spec: RunSpec) -> TableDataModule:
        """Return the data of a run; runs with the same data share it, each in its own order.

        Raises:
            UserError: they cannot be read, or not split as asked.
        """
        key = f"{spec.data.model_dump_json()} {spec.task}"
        if key not in self._data:
            try:
                built = build_data(spec)
                log.debug(f"{spec.data.source}: rows {built.data_hash}")  # hashed once, for every order of them
                self._data[key] = built
            except UserError as error:
                self._data[key] = error
        data = self._data[key]
        if isinstance(data, UserError):
            raise data
        return data.ordered_by(spec.seed)

    def kind(self, spec: RunSpec, data: TableDataModule) -> str:
        """Check a run against torch, the machine and its data; return the kind of its optimizer.

        Raises:
            UserError: what is wrong with it.
        """
        refuse_auto_lr(spec.optim.name, spec.optim.lr)
        schedule = ScheduleSettings(spec.scheduler.name, spec.scheduler.args, spec.scheduler.interval)
        trainer = spec.trainer
        key = (
            f"{spec.optim.name} {spec.optim.args} {schedule.kind}",
            f"{spec.model.objective} {spec.monitor} {data.task} {data.steps_per_epoch}",
            f"{trainer.accelerator} {trainer.devices} {trainer.max_epochs}",
        )
        if key not in self._parts:
            try:
                self._parts[key] = self._check(spec, schedule, data)
            except UserError as error:
                self._parts[key] = error
        found = self._parts[key]
        if isinstance(found, UserError):
            raise found
        return found

    def _check(self, spec: RunSpec, schedule: ScheduleSettings, data: TableDataModule) -> str:
        refuse_missing_device(spec)
        choose_objective(spec.model.objective, data.task)
        check_monitor(spec.monitor, data.task)
        lr = 1.0 if spec.optim.lr == "auto" else spec.optim.lr
        settings = OptimizerSettings.of(spec.optim.name, lr, spec.optim.args)
        refuse_misfit(settings, full_batch=data.steps_per_epoch == 1, scheduled=schedule.name is not None)
        Schedule([lr], [schedule], epochs=spec.trainer.max_epochs, steps_per_epoch=data.steps_per_epoch)
        return settings.kind
