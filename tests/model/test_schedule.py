"""Learning rates over time equal those that torch gives each run alone."""

from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from onelayer.errors import UserError
from onelayer.model.schedule import Curve, ScheduleSettings
from tests.conftest import composed

RATES = [0.1, 0.01, 1.0]
NAMES = ["cosine", "step", "exponential", "onecycle"]


def configured(scheduler: str, *more: str) -> tuple[str, dict[str, Any], Any]:
    args = composed(f"scheduler={scheduler}", "trainer.max_epochs=40", *more)["scheduler"]
    return args.pop("name"), args, args.pop("interval")


@pytest.mark.parametrize(
    ("scheduler", "more"), [*((name, ()) for name in NAMES), ("cosine", ("scheduler.eta_min=0.005",))]
)
def test_each_run_has_the_rate_that_torch_gives_it_alone(scheduler: str, more: tuple[str, ...]) -> None:
    name, args, interval = configured(scheduler, *more)
    schedule = Curve(RATES, ScheduleSettings(name, args, interval), total=41)
    alone = []
    for rate in RATES:
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=rate)
        extra = {"max_lr": rate, "total_steps": 41, "cycle_momentum": False} if scheduler == "onecycle" else {}
        alone.append((optimizer, getattr(lr_scheduler, name)(optimizer, **args, **extra)))
    for _ in range(40):
        assert schedule.rates() == pytest.approx([optimizer.param_groups[0]["lr"] for optimizer, _ in alone], rel=1e-12)
        schedule.advance()
        for optimizer, one in alone:
            optimizer.step()
            one.step()


def test_a_plateau_is_each_runs_own() -> None:
    schedule = Curve([1.0, 1.0], ScheduleSettings("ReduceLROnPlateau", {"factor": 0.5, "patience": 2}))
    for epoch in range(4):
        schedule.advance(torch.tensor([1.0 / (epoch + 1), 1.0]))
    assert schedule.rates() == [1.0, 0.5]


def test_a_plateau_knows_which_way_is_better() -> None:
    schedule = Curve(
        [1.0], ScheduleSettings("ReduceLROnPlateau", {"factor": 0.5, "patience": 0}), higher_is_better=True
    )
    schedule.advance(torch.tensor([0.5]))
    schedule.advance(torch.tensor([0.9]))
    assert schedule.rates() == [1.0]
    schedule.advance(torch.tensor([0.8]))
    assert schedule.rates() == [0.5]


@pytest.mark.parametrize("scheduler", [*NAMES, "plateau"])
def test_a_restored_schedule_goes_on_where_it_was(scheduler: str) -> None:
    name, args, interval = configured(scheduler)
    first, second = (
        Curve(RATES, ScheduleSettings(name, args, interval if scheduler != "plateau" else "epoch"), total=41)
        for _ in "ab"
    )
    metric = torch.ones(3)
    for _ in range(13):
        first.advance(metric)
    second.load_state_dict(first.state_dict())
    for _ in range(20):
        assert first.rates() == second.rates()
        first.advance(metric)
        second.advance(metric)


@pytest.mark.parametrize(
    ("name", "args", "interval", "said"),
    [
        ("CosineLR", {}, "epoch", "there is no such scheduler"),
        ("StepLR", {"step": 3}, "epoch", "scheduler.step: StepLR has no such argument; did you mean 'step_size'"),
        ("StepLR", {}, "epoch", "StepLR refused its arguments"),
        ("StepLR", {"step_size": 0}, "epoch", "StepLR refused its arguments"),
        ("ExponentialLR", {"gamma": "abc"}, "epoch", "ExponentialLR refused its arguments"),
        ("ExponentialLR", {"gamma": -1.0}, "epoch", "they lead to a learning rate of -"),
        ("CosineAnnealingLR", {"T_max": "abc"}, "epoch", "CosineAnnealingLR refused its arguments"),
        ("OneCycleLR", {"cycle_momentum": True}, "step", "scheduler.cycle_momentum: OneCycleLR has no such argument"),
        ("ReduceLROnPlateau", {}, "step", "use interval=epoch"),
    ],
)
def test_wrong_schedules_are_refused(name: str, args: dict[str, Any], interval: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Curve(RATES, ScheduleSettings(name, args, interval))
