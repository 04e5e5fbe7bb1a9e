"""The one check of a run, which single runs, sweeps and estimators all go through.

A rule is a function beside what it asks. It takes that as plain arguments and raises a `UserError`; `check_run` lists
all of them in the order of what they cost: the configuration, the machine, the table, its rows, and their optimum.
"""

from collections.abc import Callable
from math import prod
from typing import Any, ParamSpec, TypeVar

import torch

from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.devices import refuse_missing_device
from onelayer.errors import UserError
from onelayer.model.linear import architecture_of
from onelayer.model.monitor import GAPS, refuse_blind_gap, refuse_undefined_monitor, refuse_unknown_weights
from onelayer.model.objectives import choose_objective
from onelayer.model.optimizers import (
    OptimizerSettings,
    refuse_auto_lr,
    refuse_idle_schedule,
    refuse_minibatches,
    refuse_unbounded,
)
from onelayer.model.schedule import refuse_schedule
from onelayer.optimum import Solved
from onelayer.resume import refuse_resume
from onelayer.track.path import refuse_too_large

Question = ParamSpec("Question")
Answer = TypeVar("Answer")


class Answers:
    """Asks each question once, and gives the same answer whenever it is asked again."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Any] = {}

    def __call__(self, rule: Callable[Question, Answer], *args: Question.args, **helpers: Question.kwargs) -> Answer:
        """Ask a rule.

        Args:
            rule: what is asked.
            *args: about what; equal ones make equal questions. Data are equal only to themselves.
            **helpers: what makes an answer cheaper, and no other.

        Raises:
            UserError: the rule refuses them, each time that they are asked about.
        """
        key = (rule, *(f"{value}" if isinstance(value, dict | list) else value for value in args))
        if key not in self._known:
            try:
                self._known[key] = rule(*args, **helpers)
            except UserError as error:
                self._known[key] = error
        answer: Answer | UserError = self._known[key]
        if isinstance(answer, UserError):
            raise answer
        return answer


def check_run(
    spec: RunSpec,
    data: DataModule | None = None,
    *,
    answers: Answers | None = None,
    solved: Solved | None = None,
) -> None:
    """Refuse a run that cannot be trained as it says.

    Args:
        spec: the run. That it is a `RunSpec` means that its keys fit each other.
        data: its rows; None: they have not been read, and only what needs none is asked.
        answers: to questions that other runs of a sweep have asked.
        solved: references that are known of these train rows; one that has to be found is added.

    Raises:
        UserError: the first reason, in one sentence.
    """
    ask = Answers() if answers is None else answers
    optim, schedule, trainer, model = spec.optim, spec.scheduler, spec.trainer, spec.model
    # the configuration; torch takes any rate that is above 0
    ask(OptimizerSettings.of, optim.name, 1.0, optim.args)
    if optim.lr == "auto":
        ask(refuse_auto_lr, optim.name)
    if schedule.name is not None:
        ask(refuse_idle_schedule, optim.name)
        if schedule.interval == "epoch":
            ask(refuse_schedule, schedule.name, schedule.args, schedule.interval, trainer.max_epochs)
    # the machine
    ask(refuse_missing_device, trainer.accelerator, trainer.devices)
    if data is None:
        return
    # the table
    objective = ask(choose_objective, model.objective, data.task, model.link)
    if optim.lr == "auto":
        ask(refuse_unbounded, objective)
    # its rows
    ask(refuse_minibatches, optim.name, data.steps_per_epoch)
    if schedule.name is not None and schedule.interval == "step":
        total = trainer.max_epochs * data.steps_per_epoch
        ask(refuse_schedule, schedule.name, schedule.args, schedule.interval, total)
    ask(refuse_undefined_monitor, spec.monitor, data)
    ask(refuse_unknown_weights, spec.monitor, data, spec.data.source, model.bias, model.hidden)
    if spec.logger.weights:
        shape = architecture_of(data.n_features, data.n_outputs, model.bias, model.hidden).shape
        ask(refuse_too_large, 1, prod(shape), torch.empty((), dtype=data.dtype).element_size(), trainer.max_epochs)
    if spec.resume is not None:  # each from a file of its own
        refuse_resume(spec, data.data_hash)
    # their optimum
    if spec.monitor in GAPS:
        ask(refuse_blind_gap, spec.monitor, data, objective, model.l2, model.bias, model.hidden, solved=solved)
