"""Runs that stay in a stack go on as if the others had never been there; those taken from its checkpoint do too."""

import io
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor

from onelayer.data.blocks import Block
from onelayer.model.module import OneLayer
from onelayer.model.objectives import OBJECTIVES
from onelayer.model.optimizers import OptimizerSettings
from onelayer.model.schedule import ScheduleSettings
from onelayer.model.take import take_stack
from onelayer.optimum.truth import Solved
from tests.conftest import OPTIMIZERS
from tests.model.problems import BATCH, ROWS, adapter, batch_of, configured, problem, stack_on

EPOCHS = 9
# how far apart two numbers may be that are computed in stacks of different size
CLOSE = {torch.float32: 1e-5, torch.float64: 1e-10}
# below, numbers are differences of others near 1
SMALL = 1e-2
# after so many epochs, the runs that stay
LEAVING = {3: [0, 2, 3, 5], 6: [2, 3]}
NONE = ScheduleSettings()
SCHEDULES = {
    "none": NONE,
    "cosine": ScheduleSettings("CosineAnnealingLR", {"T_max": EPOCHS}),
    "cosine per step": ScheduleSettings("CosineAnnealingLR", {"T_max": 13}, "step"),
    "step": ScheduleSettings("StepLR", {"step_size": 2, "gamma": 0.5}),
    "exponential": ScheduleSettings("ExponentialLR", {"gamma": 0.9}, "step"),
    "onecycle": ScheduleSettings("OneCycleLR", {"pct_start": 0.3}, "step"),
    "onecycle of three phases": ScheduleSettings("OneCycleLR", {"three_phase": True}),
    "plateau": ScheduleSettings("ReduceLROnPlateau", {"patience": 0, "threshold": 0.05, "min_lr": 1e-4}),
}


class Runs:
    """Runs on one problem, trained in any grouping."""

    def __init__(
        self,
        settings: Sequence[OptimizerSettings],
        schedules: Sequence[ScheduleSettings],
        dtype: torch.dtype,
        *,
        objective: str = "softmax",
        batch: int = BATCH,
        l2: Sequence[float] = (0.0, 0.1, 0.0, 0.01, 0.3, 0.0),
    ) -> None:
        self.x, self.y, self.outputs = problem(objective, dtype)
        self.settings, self.schedules, self.objective, self.dtype = settings, schedules, OBJECTIVES[objective], dtype
        self.block = Block(self.x, self.y, None, batch)
        self.l2 = [l2[run % len(l2)] for run in range(len(settings))]
        self.solved: Solved = {}

    def stack(self, runs: Sequence[int]) -> OneLayer:
        return stack_on(
            self.block,
            self.objective,
            [self.settings[run] for run in runs],
            [self.l2[run] for run in runs],
            outputs=self.outputs,
            seeds=list(runs),
            init="torch",
            schedules=[self.schedules[run] for run in runs],
            epochs=EPOCHS,
            solved=self.solved,
        )

    def train(self, module: OneLayer, epochs: int) -> Iterator[int]:
        """Train as Lightning would, which computes in the precision of the data; stop after each epoch, from 1 on."""
        for epoch in range(1, epochs + 1):
            module.on_train_epoch_start()
            torch.set_default_dtype(self.dtype)
            try:
                module.training_step(self.block, 0)
                module.on_validation_epoch_start()
                module.validation_step(self.block, 0)
                module.on_validation_epoch_end()
            finally:
                torch.set_default_dtype(torch.float32)
            module.on_train_epoch_end()
            yield epoch

    def alone(self, run: int, epochs: int = EPOCHS) -> OneLayer:
        module = self.stack([run])
        list(self.train(module, epochs))
        return module

    def check(self, found: OneLayer, runs: Sequence[int]) -> None:
        """Hold the runs of a stack equal to each of them alone: weights, measurements, optimizers, schedules."""
        assert found.linear.n_runs == len(runs)
        for row, run in enumerate(runs):
            wanted, what = self.alone(run), f"run {run}: {self.settings[run]} {self.schedules[run]}"
            close(found.linear.theta.data[row], wanted.linear.theta.data[0], self.dtype, what)
            assert found.values.keys() == wanted.values.keys()
            for name, value in wanted.values.items():
                close(found.values[name][row], value[0], self.dtype, f"{what} {name}")
            ours, alone = take_stack(found.stack_state(), [row]), wanted.stack_state()
            if self.settings[run].adapter.needs_closure:
                # L-BFGS remembers differences of gradients, which have no digits left
                del ours["optimizers"], alone["optimizers"]
            same(ours, alone, self.dtype, what)


def close(found: Tensor, wanted: Tensor, dtype: torch.dtype, what: str) -> None:
    """Compare to so many digits of the largest number; what is not finite must not be so in both."""
    assert found.shape == wanted.shape, what
    if not wanted.isfinite().all():
        assert not found.isfinite().all(), what
        return
    size = float(wanted.double().abs().max()) if wanted.numel() else 0.0
    error = float((found.double() - wanted.double()).abs().max()) if wanted.numel() else 0.0
    assert error <= CLOSE[dtype] * max(size, SMALL), f"{what}: {found} is not {wanted}"


def same(found: Any, wanted: Any, dtype: torch.dtype, what: str) -> None:
    """Compare states: containers entry by entry, numbers to so many digits."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys(), what
        for key in wanted:
            if key != "seconds":
                same(found[key], wanted[key], dtype, f"{what} {key}")
    elif isinstance(wanted, list | tuple):
        assert len(found) == len(wanted), what
        for index, (one, other) in enumerate(zip(found, wanted, strict=True)):
            same(one, other, dtype, f"{what} [{index}]")
    elif isinstance(wanted, Tensor):
        assert found.dtype == wanted.dtype, what
        close(found, wanted, dtype, what)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=CLOSE[dtype], abs=CLOSE[dtype] * SMALL), what
    else:
        assert found == wanted, what


known = lru_cache(configured)


def of_one_class(optim: str) -> list[OptimizerSettings]:
    """Six runs, of two learning rates and, where there is one, three weight decays."""
    name, lr, args = known(optim)
    decays: list[float | None] = [0.0, 0.1, 0.0, 0.01, 0.1, 0.03] if "weight_decay" in args else [None] * 6
    return [
        OptimizerSettings.of(name, lr * factor, args if decay is None else args | {"weight_decay": decay})
        for factor, decay in zip([1.0, 0.3, 0.1, 1.0, 0.3, 0.03], decays, strict=True)
    ]


def train_leaving(runs: Runs, leaving: dict[int, list[int]]) -> tuple[OneLayer, list[int]]:
    """Train all runs together, and drop some after some epochs."""
    left = list(range(len(runs.settings)))
    module = runs.stack(left)
    for epoch in runs.train(module, EPOCHS):
        if epoch in leaving:
            module.keep([left.index(run) for run in leaving[epoch]])
            left = leaving[epoch]
    return module, left


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("optim", OPTIMIZERS)
def test_runs_that_stay_go_on_as_if_alone(optim: str, dtype: torch.dtype) -> None:
    runs = Runs(of_one_class(optim), [NONE] * 6, dtype, batch=batch_of(optim))
    runs.check(*train_leaving(runs, LEAVING))


@pytest.mark.parametrize("left", [[5], [0, 1], [1, 2, 4], [0, 1, 2, 3, 4, 5]], ids=str)
@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_schedule_goes_on_whichever_runs_stay(kind: str, left: list[int]) -> None:
    """Six runs with three rates: their schedule has as many entries as a one-cycle of three phases has phases."""
    settings = [OptimizerSettings.of("SGD", lr, {"momentum": 0.9}) for lr in (0.1, 0.03, 0.1, 0.01, 0.03, 0.01)]
    runs = Runs(settings, [SCHEDULES[kind]] * 6, torch.float64, objective="squared")
    runs.check(*train_leaving(runs, {4: left}))


@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("left", [0, 1])
def test_a_schedule_of_two_runs_goes_on_when_one_leaves(kind: str, left: int) -> None:
    """Two rates: as many as a one-cycle has phases."""
    settings = [OptimizerSettings.of("SGD", lr, {}) for lr in (0.1, 0.03)]
    runs = Runs(settings, [SCHEDULES[kind]] * 2, torch.float64, objective="squared")
    runs.check(*train_leaving(runs, {2: [left]}))


def test_runs_with_different_schedules_share_a_stack_and_leave_it() -> None:
    settings = [OptimizerSettings.of("Adam", lr, {}) for lr in (0.1, 0.03) for _ in SCHEDULES]
    runs = Runs(settings, list(SCHEDULES.values()) * 2, torch.float64)
    runs.check(*train_leaving(runs, {2: [0, *range(2, 14)], 4: [0, 3, 5, 6, 7, 9, 10, 11, 13], 7: [5, 6, 7, 13]}))
    runs.check(*train_leaving(runs, {}))


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_all_optimizers_in_one_stack_with_a_neighbour_that_diverges(objective: str, dtype: torch.dtype) -> None:
    settings = [one for optim in OPTIMIZERS for one in of_one_class(optim)[:3]]
    schedules = [
        list(SCHEDULES.values())[number % len(SCHEDULES)] if one.adapter.reads_schedule else NONE
        for number, one in enumerate(settings)
    ]
    wild = len(settings) // 2
    settings.insert(wild, OptimizerSettings.of("SGD", 1e30, {}))
    schedules.insert(wild, NONE)
    runs = Runs(settings, schedules, dtype, objective=objective, batch=ROWS)
    sane = [run for run in range(len(settings)) if run != wild]
    runs.check(*train_leaving(runs, {2: sane, 5: sane[::2]}))


@pytest.mark.parametrize("optim", OPTIMIZERS)
def test_runs_taken_from_the_state_of_a_stack_go_on_in_a_stack_of_their_own(optim: str) -> None:
    """As when a killed sweep goes on without those that had ended."""
    reads = adapter(optim).reads_schedule
    kinds = [SCHEDULES["onecycle"], SCHEDULES["plateau"], NONE] * 2 if reads else [NONE] * 6
    runs = Runs(of_one_class(optim), kinds, torch.float64, batch=batch_of(optim))
    module = runs.stack(range(6))
    list(runs.train(module, 4))
    taken = [1, 2, 5]
    second = runs.stack(taken)
    second.linear.theta.data.copy_(module.linear.theta.data[taken])
    file = io.BytesIO()
    torch.save(take_stack(module.stack_state(), taken), file)
    file.seek(0)
    second.resume(torch.load(file, weights_only=True))
    second.on_fit_start()
    list(runs.train(second, EPOCHS - 4))
    runs.check(second, taken)


def test_a_halted_run_stays_halted_when_others_leave() -> None:
    runs = Runs(of_one_class("adam"), [NONE] * 6, torch.float64)
    module = runs.stack(range(6))
    list(runs.train(module, 2))
    module.halt(torch.tensor([False, False, True, False, True, False]))
    before, seconds = module.linear.theta.data[2].clone(), float(module.seconds[2])
    module.keep([0, 2, 3])
    assert module.active.tolist() == [True, False, True]
    list(runs.train(module, EPOCHS - 2))
    assert module.linear.theta.data[1].equal(before)
    assert float(module.seconds[1]) == seconds
    assert float(module.seconds[0]) > seconds
    module.keep([0, 2])
    runs.check(module, [0, 3])
