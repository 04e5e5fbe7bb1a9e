"""Learning rates over time, by torch's own schedulers.

One throw-away torch optimizer carries the learning rate of every run as a parameter group of its own, and a torch
scheduler acts on it. So each run's rate is what torch would give it alone, and no schedule makes a run leave the
stack. A plateau schedule looks at each run's own metric, so there every run has its own scheduler.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import lr_scheduler

from onelayer.errors import UserError, did_you_mean

SCHEDULERS = {
    name: getattr(lr_scheduler, name)
    for name in ("CosineAnnealingLR", "StepLR", "ExponentialLR", "OneCycleLR", "ReduceLROnPlateau")
}
# given by the schedule itself, not by the configuration
OURS = {"self", "optimizer", "last_epoch", "max_lr", "total_steps", "epochs", "steps_per_epoch", "mode"}
# the momentum belongs to the optimizer's own arguments
OURS |= {"cycle_momentum", "base_momentum", "max_momentum"}


class Schedule:
    """The learning rates of a stack.

    Args:
        lr: the base rate of each run; for OneCycleLR the highest.
        name: a class of `torch.optim.lr_scheduler`; None for constant rates.
        args: its arguments.
        interval: advance after every epoch or every step.
        total: how many intervals the training has (OneCycleLR needs it).
        higher_is_better: of the metric that a plateau schedule looks at.

    Raises:
        UserError: an unknown scheduler or argument, or a value that torch refuses.
    """

    def __init__(
        self,
        lr: Sequence[float],
        name: str | None = None,
        args: Mapping[str, Any] | None = None,
        interval: Literal["epoch", "step"] = "epoch",
        total: int = 1,
        higher_is_better: bool = False,
    ) -> None:
        self.interval = interval
        self.by_metric = name == "ReduceLROnPlateau"
        self._base = list(lr)
        self._carriers: list[torch.optim.Optimizer] = []
        self._schedulers: list[Any] = []
        if name is None:
            return
        if self.by_metric and interval == "step":
            raise UserError("scheduler.interval=step: a plateau is seen in the validation metric; use interval=epoch")
        cls = _check(name, args or {})
        groups = [[rate] for rate in lr] if self.by_metric else [list(lr)]
        for rates in groups:
            ours: dict[str, Any] = {}
            if name == "OneCycleLR":
                ours = {"max_lr": rates, "total_steps": total, "cycle_momentum": False}
            if self.by_metric:
                ours = {"mode": "max" if higher_is_better else "min"}
            try:
                self._refuse_nonsense(*_carried(cls, rates, {**(args or {}), **ours}))
                carrier, scheduler = _carried(cls, rates, {**(args or {}), **ours})
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
        """Return the present learning rate of each run."""
        if self.constant:
            return self._base
        return [float(group["lr"]) for carrier in self._carriers for group in carrier.param_groups]

    def advance(self, metric: Tensor | None = None) -> None:
        """Go on by one interval; a plateau schedule looks at `metric`, (runs,)."""
        for run, scheduler in enumerate(self._schedulers):
            if not self.by_metric:
                scheduler.step()
            elif metric is not None:
                scheduler.step(float(metric[run]))

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
