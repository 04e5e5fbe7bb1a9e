"""Learning rates over time, by torch's own schedulers.

A throw-away torch optimizer carries learning rates as parameter groups, and a torch scheduler acts on it. So each run's
rate is what torch would give it alone, and runs with different schedules share a stack. Runs with the same schedule and
rate share a parameter group; a plateau looks at each run's own metric, so there every run has its own scheduler.
"""

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import lr_scheduler

from onelayer.errors import UserError, did_you_mean
from onelayer.model.take import take_schedule

SCHEDULERS = {
    name: getattr(lr_scheduler, name)
    for name in ("CosineAnnealingLR", "StepLR", "ExponentialLR", "OneCycleLR", "ReduceLROnPlateau")
}
# given by the schedule itself, not by the configuration
OURS = {"self", "optimizer", "last_epoch", "max_lr", "total_steps", "epochs", "steps_per_epoch", "mode"}
# the momentum belongs to the optimizer's own arguments
OURS |= {"cycle_momentum", "base_momentum", "max_momentum"}


@dataclass(frozen=True)
class ScheduleSettings:
    """What one run asks for: a class of `torch.optim.lr_scheduler`, its arguments, and how often it acts.

    Attributes:
        name: the class; None for a constant rate.
        args: its arguments.
        interval: advance after every epoch or every step.
    """

    name: str | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    interval: Literal["epoch", "step"] = "epoch"

    @property
    def kind(self) -> str:
        """What runs must agree on to follow one schedule."""
        return f"{self.name} {self.interval} {sorted(self.args.items())}"


class Curve:
    """Learning rates that follow one schedule.

    Args:
        lr: the base rates; for OneCycleLR the highest.
        settings: the scheduler.
        total: how many intervals the training has (OneCycleLR needs it).
        higher_is_better: of the metric that a plateau schedule looks at.

    Raises:
        UserError: an unknown scheduler or argument, or a value that torch refuses.
    """

    def __init__(
        self, lr: Sequence[float], settings: ScheduleSettings, total: int = 1, higher_is_better: bool = False
    ) -> None:
        name, self.interval = settings.name, settings.interval
        self.by_metric = name == "ReduceLROnPlateau"
        self._base = list(lr)
        self._carriers: list[torch.optim.Optimizer] = []
        self._schedulers: list[Any] = []
        if name is None:
            return
        if self.by_metric and self.interval == "step":
            raise UserError("scheduler.interval=step: a plateau is seen in the validation metric; use interval=epoch")
        cls = _check(name, settings.args)
        groups = [[rate] for rate in lr] if self.by_metric else [list(lr)]
        for rates in groups:
            ours: dict[str, Any] = {}
            if name == "OneCycleLR":
                ours = {"max_lr": rates, "total_steps": total, "cycle_momentum": False}
            if self.by_metric:
                ours = {"mode": "max" if higher_is_better else "min"}
            try:
                self._refuse_nonsense(*_carried(cls, rates, {**settings.args, **ours}))
                carrier, scheduler = _carried(cls, rates, {**settings.args, **ours})
            except (TypeError, ValueError, ArithmeticError) as error:
                raise UserError(f"scheduler {name} refused its arguments: {error}") from None
            self._carriers.append(carrier)
            self._schedulers.append(scheduler)

    def _refuse_nonsense(self, carrier: torch.optim.Optimizer, scheduler: Any) -> None:
        """Try the first steps: torch finds most mistakes only there."""
        for metric in (1.0, 2.0)[: 2 if self.by_metric else 1]:
            scheduler.step(*[metric] if self.by_metric else [])
            for group in carrier.param_groups:
                if not 0 <= group["lr"] < float("inf"):
                    raise ValueError(f"they lead to a learning rate of {group['lr']}")

    @property
    def constant(self) -> bool:
        """Whether the rates never change."""
        return not self._schedulers

    def rates(self) -> list[float]:
        """Return the present learning rates."""
        if self.constant:
            return self._base
        return [float(group["lr"]) for carrier in self._carriers for group in carrier.param_groups]

    def advance(self, metric: Tensor | None = None) -> None:
        """Go on by one interval; a plateau schedule looks at `metric`, one for each rate, where it has a value."""
        for index, scheduler in enumerate(self._schedulers):
            if not self.by_metric:
                scheduler.step()
            elif metric is not None and math.isfinite(value := float(metric[index])):
                scheduler.step(value)

    def state_dict(self) -> dict[str, Any]:
        """Return plain numbers and containers."""
        return {
            "schedulers": [scheduler.state_dict() for scheduler in self._schedulers],
            "carriers": [carrier.state_dict() for carrier in self._carriers],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        for scheduler, saved in zip(self._schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        for carrier, saved in zip(self._carriers, state["carriers"], strict=True):
            carrier.load_state_dict(saved)


class Schedule:
    """The learning rates of a stack.

    Args:
        lr: the base rate of each run.
        settings: the scheduler of each run; None: all are constant.
        epochs: how long the training is.
        steps_per_epoch: minibatches an epoch.
        higher_is_better: of the metric that a plateau schedule looks at.

    Raises:
        UserError: an unknown scheduler or argument, or a value that torch refuses.
    """

    def __init__(
        self,
        lr: Sequence[float],
        settings: Sequence[ScheduleSettings] | None = None,
        epochs: int = 1,
        steps_per_epoch: int = 1,
        higher_is_better: bool = False,
    ) -> None:
        settings = settings or [ScheduleSettings()] * len(lr)
        self._made_with = list(lr), list(settings), (epochs, steps_per_epoch, higher_is_better)
        members: dict[str, list[int]] = {}
        for run, one in enumerate(settings):
            members.setdefault(one.kind, []).append(run)
        self._curves: list[tuple[list[int], list[int], Curve]] = []
        for runs in members.values():
            one = settings[runs[0]]
            own = one.name == "ReduceLROnPlateau"
            # a rate that several runs have is carried once
            rates = [lr[run] for run in runs] if own else list(dict.fromkeys(lr[run] for run in runs))
            where = {rate: column for column, rate in enumerate(rates)}
            columns = list(range(len(runs))) if own else [where[lr[run]] for run in runs]
            total = epochs * (steps_per_epoch if one.interval == "step" else 1)
            self._curves.append((runs, columns, Curve(rates, one, total, higher_is_better)))
        self._rates = [0.0] * len(lr)

    def varies(self, interval: Literal["epoch", "step"]) -> bool:
        """Whether any rate changes at this interval."""
        return any(curve.interval == interval and not curve.constant for _, _, curve in self._curves)

    def rates(self) -> list[float]:
        """Return the present learning rate of each run."""
        for runs, columns, curve in self._curves:
            now = curve.rates()
            for run, column in zip(runs, columns, strict=True):
                self._rates[run] = now[column]
        return list(self._rates)

    def advance(self, interval: Literal["epoch", "step"], metric: Tensor | None = None) -> None:
        """Go on by one interval; a plateau schedule looks at `metric`, (runs,)."""
        for runs, _, curve in self._curves:
            if curve.interval == interval:
                curve.advance(metric[runs] if curve.by_metric and metric is not None else None)

    def take(self, runs: Sequence[int]) -> "Schedule":
        """Return the schedule of some runs, rising indices, at the same point."""
        lr, settings, rest = self._made_with
        taken = Schedule([lr[run] for run in runs], [settings[run] for run in runs], *rest)
        taken.load_state_dict(take_schedule(self.state_dict(), runs))
        return taken

    def state_dict(self) -> list[dict[str, Any]]:
        """Return plain numbers and containers."""
        return [
            {"runs": list(runs), "columns": list(columns), "curve": curve.state_dict()}
            for runs, columns, curve in self._curves
        ]

    def load_state_dict(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Go on where `state_dict` was taken."""
        for (_, _, curve), saved in zip(self._curves, state, strict=True):
            curve.load_state_dict(saved["curve"])


def refuse_schedule(name: str, args: Mapping[str, Any], interval: Literal["epoch", "step"], total: int) -> None:
    """Refuse a schedule that torch does not know or refuses.

    Args:
        name: a class of `torch.optim.lr_scheduler`.
        args: its arguments.
        interval: advance after every epoch or every step.
        total: how many intervals the training has.

    Raises:
        UserError: an unknown scheduler or argument, or a value that torch refuses.
    """
    Curve([1.0], ScheduleSettings(name, args, interval), total)


def _carried(cls: Any, rates: Sequence[float], args: Mapping[str, Any]) -> tuple[torch.optim.Optimizer, Any]:
    """Return a throw-away optimizer with a parameter group for each rate, and the scheduler that acts on it."""
    carrier = torch.optim.SGD([{"params": [torch.zeros(())], "lr": rate} for rate in rates])
    scheduler = cls(carrier, **args)
    carrier.step()  # there is no gradient, so nothing moves; torch wants to see a step before the schedule's
    return carrier, scheduler


def _check(name: str, args: Mapping[str, Any]) -> Any:
    if name not in SCHEDULERS:
        raise UserError(f"scheduler.name={name}: there is no such scheduler{did_you_mean(name, SCHEDULERS)}")
    known = inspect.signature(SCHEDULERS[name]).parameters.keys() - OURS
    for key in args.keys() - known:
        raise UserError(f"scheduler.{key}: {name} has no such argument{did_you_mean(key, known)}")
    return SCHEDULERS[name]
