"""Objectives by name. A new one is a small file with a class, and one line here."""

from collections.abc import Mapping

from onelayer.errors import UserError, did_you_mean
from onelayer.model.objectives.base import Objective
from onelayer.model.objectives.logistic import Logistic
from onelayer.model.objectives.softmax import Softmax
from onelayer.model.objectives.squared import Squared

OBJECTIVES: Mapping[str, Objective] = {objective.name: objective for objective in (Squared(), Logistic(), Softmax())}

__all__ = ["OBJECTIVES", "Objective", "choose_objective"]


def choose_objective(name: str, task: str) -> Objective:
    """Return the objective of that name, or for ``auto`` the one that fits the task.

    Raises:
        UserError: an unknown name, or an objective for another kind of target.
    """
    by_task = {objective.task: objective for objective in OBJECTIVES.values()}
    if name == "auto":
        return by_task[task]
    if name not in OBJECTIVES:
        raise UserError(f"model.objective={name}: there is no such objective{did_you_mean(name, OBJECTIVES)}")
    objective = OBJECTIVES[name]
    binary_as_softmax = objective.task == "multiclass" and task == "binary"
    if objective.task != task:
        hint = "; set task=multiclass too" if binary_as_softmax else f"; use model.objective={by_task[task].name}"
        raise UserError(f"model.objective={name} fits a {objective.task} target, but the task is {task}{hint}")
    return objective
