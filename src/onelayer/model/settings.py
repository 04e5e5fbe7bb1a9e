"""From the keywords of `OneLayer` to the settings of each run."""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, ValidationError

from onelayer.errors import UserError, did_you_mean, keys_renamed
from onelayer.model.adapters import ADAPTERS
from onelayer.model.linear import Init
from onelayer.model.objectives import BINARY, OBJECTIVES
from onelayer.model.presets import preset, preset_names
from onelayer.model.schedule import SCHEDULERS, ScheduleSettings
from onelayer.model.start import refuse_start

PER_RUN = ("optimizer", "lr", "optimizer_args", "l2", "seed", "init", "init_std", "scheduler", "scheduler_args")
# what messages call the keys of a configuration, by what the keywords call them
NAMES = {
    **{f"model.{name}": name for name in ("objective", "link", "l2", "init", "init_std", "hidden")},
    **{"optim.name": "optimizer", "optim.lr": "lr", "optim": "optimizer_args"},
    **{"scheduler.name": "scheduler", "scheduler": "scheduler_args", "scheduler=none": "scheduler=None"},
    **{"data.batch_size": "batch_size", "data.split.val": "val"},
}
# how a file of conf/scheduler refers to the length of the training
MAX_EPOCHS = "${trainer.max_epochs}"


class RunSettings(BaseModel):
    """What one run of a stack asks for, beside what all of them share.

    Attributes:
        optimizer: a class of `torch.optim`.
        lr: its learning rate; ``auto``: 1/L of the objective on the train rows.
        optimizer_args: its other arguments.
        l2: penalty ``l2/2 * ||weight||^2``.
        seed: of the initial weights.
        init: how they start; see `StackedLinear.start`.
        init_std: standard deviation of ``init="normal"``; None: 0.01.
        scheduler: a class of `torch.optim.lr_scheduler`; None: the rate is constant.
        scheduler_args: its arguments.
        interval: what one step of the schedule is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    optimizer: str
    lr: PositiveFloat | Literal["auto"]
    optimizer_args: Mapping[str, Any]
    l2: NonNegativeFloat
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    init: Init
    init_std: PositiveFloat | None
    scheduler: str | None
    scheduler_args: Mapping[str, Any]
    interval: Literal["epoch", "step"]

    def schedule(self, max_epochs: int) -> ScheduleSettings:
        """Return the schedule of a training of some length."""
        args = {key: max_epochs if value == MAX_EPOCHS else value for key, value in self.scheduler_args.items()}
        return ScheduleSettings(self.scheduler, args, self.interval)


def plain(value: Any) -> Any:
    """Return arrays, tensors and tuples as lists, and other values as they are."""
    if isinstance(value, tuple | range):
        return list(value)
    return value.tolist() if hasattr(value, "tolist") else value


def refuse_shared(keywords: Mapping[str, Any]) -> None:
    """Refuse a keyword of the whole stack that is of the wrong kind or unknown.

    Raises:
        UserError: naming it.
    """
    for name in ("bias", "reference"):
        if not isinstance(keywords[name], bool):
            raise UserError(f"OneLayer: {name}={keywords[name]!r}: must be True or False")
    hidden = keywords["hidden"]
    if hidden is not None and (isinstance(hidden, bool) or not isinstance(hidden, int) or hidden < 1):
        raise UserError(f"OneLayer: hidden={hidden!r}: must be an integer above 0, or None")
    for name, known in (("objective", ("auto", *OBJECTIVES)), ("link", (*BINARY,))):
        if keywords[name] not in known:
            near = did_you_mean(str(keywords[name]), known) or f"; there are {', '.join(known)}"
            raise UserError(f"OneLayer: {name}={keywords[name]!r}: there is no such {name}{near}")
    if not isinstance(keywords["monitor"], str):
        raise UserError(f"OneLayer: monitor={keywords['monitor']!r}: must be the name of a metric, such as 'val/loss'")


def settings_of(keywords: Mapping[str, Any]) -> list[RunSettings]:
    """Return the settings of each run.

    Args:
        keywords: those of `PER_RUN`, each a list of one value a run, or one value for all of them; and ``hidden``.

    Raises:
        UserError: lists of different lengths, an unknown name, or a value of the wrong kind.
    """
    lists = {name: keywords[name] for name in PER_RUN if isinstance(keywords[name], list)}
    runs = max(map(len, lists.values()), default=1)
    for name, values in lists.items():
        if not values:
            raise UserError(f"OneLayer: {name}=[]: there is no run; give a value for each")
        if len(values) != runs:
            longest = next(name for name, values in lists.items() if len(values) == runs)
            raise UserError(
                f"OneLayer: {longest} has {runs} values and {name} has {len(values)}; give lists of one length, with "
                "a value for each run, or one value for all"
            )
    return [
        _checked({name: lists[name][run] if name in lists else keywords[name] for name in PER_RUN}, keywords["hidden"])
        for run in range(runs)
    ]


def _checked(run: dict[str, Any], hidden: int | None) -> RunSettings:
    for section, names in (("optimizer", ("name", "lr")), ("scheduler", ("name",))):
        args = run[f"{section}_args"] or {}
        for name in names:
            if name in args:
                own = section if name == "name" else name
                raise UserError(f"OneLayer: {section}_args={args!r}: {name!r} is a keyword of its own; set {own}")
    optim = {**_named("optimizer", run["optimizer"]), **(run["optimizer_args"] or {})}
    default = optim.pop("lr", None)
    run["optimizer"] = optim.pop("name")
    run["lr"] = default if run["lr"] is None else run["lr"]
    run["optimizer_args"] = optim
    schedule = {} if run["scheduler"] is None else dict(_named("scheduler", run["scheduler"]))
    if run["scheduler_args"] and run["scheduler"] is None:
        raise UserError(f"OneLayer: scheduler_args={run['scheduler_args']!r} has no effect without scheduler")
    schedule |= run["scheduler_args"] or {}
    run["scheduler"], run["interval"] = schedule.pop("name", None), schedule.pop("interval", "epoch")
    run["scheduler_args"] = schedule
    try:
        settings = RunSettings(**run)
    except ValidationError as error:
        reasons = [str(entry["msg"]).replace("Input should be", "must be") for entry in error.errors()]
        name = str(error.errors()[0]["loc"][0])
        raise UserError(f"OneLayer: {name}={run[name]!r}: {' or '.join(dict.fromkeys(reasons))}") from None
    with keys_renamed(NAMES):
        refuse_start(settings.init, settings.init_std, hidden, settings.lr)
    return settings


def _named(keyword: Literal["optimizer", "scheduler"], name: Any) -> Mapping[str, Any]:
    """Return the class that a name stands for and its arguments, as conf/ has them; of a class, as torch has them."""
    group: Literal["optim", "scheduler"] = "optim" if keyword == "optimizer" else "scheduler"
    if name in preset_names(group):
        return preset(group, name)
    if keyword == "scheduler" and name in SCHEDULERS:
        return {"name": name}
    if keyword == "optimizer" and isinstance(getattr(torch.optim, str(name), None), type):
        return {"name": name, "lr": _default_lr(name)}
    classes = SCHEDULERS if keyword == "scheduler" else [cls.__name__ for cls in ADAPTERS]
    near = did_you_mean(str(name), [*preset_names(group), *classes])
    listed = f"; there are {', '.join(preset_names(group))}"
    raise UserError(f"OneLayer: {keyword}={name!r}: there is no such {keyword}{near or listed}")


@cache
def _default_lr(optimizer: str) -> float | None:
    lr = inspect.signature(getattr(torch.optim, optimizer)).parameters.get("lr")
    return None if lr is None else float(lr.default)
