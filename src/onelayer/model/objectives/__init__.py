"""Objectives by name. A new one is a small file with a class, and one line here."""

from collections.abc import Mapping

from onelayer.errors import UserError, did_you_mean
from onelayer.links import LINKS, BinaryLink
from onelayer.model.objectives.base import Objective
from onelayer.model.objectives.linked import Linked
from onelayer.model.objectives.logistic import Logistic
from onelayer.model.objectives.softmax import Softmax
from onelayer.model.objectives.squared import Squared

OBJECTIVES: Mapping[str, Objective] = {objective.name: objective for objective in (Squared(), Logistic(), Softmax())}
# the objective of a binary target, by link
BINARY: Mapping[str, Objective] = {
    **{name: Linked(link) for name, link in LINKS.items()},
    "logit": OBJECTIVES["logistic"],  # torch's own loss is faster
}

__all__ = ["BINARY", "OBJECTIVES", "Objective", "choose_objective"]


def choose_objective(name: str, task: str, link: str = "logit") -> Objective:
    """Return the objective of that name, or for ``auto`` the one that fits the task; for a binary target by its link.

    Raises:
        UserError: an unknown name, an objective for another kind of target, or a link where none can be chosen.
    """
    by_task = {objective.task: objective for objective in reversed([*OBJECTIVES.values()])}  # of several, the first one
    if name != "auto" and name not in OBJECTIVES:
        raise UserError(f"model.objective={name}: there is no such objective{did_you_mean(name, OBJECTIVES)}")
    objective = by_task[task] if name == "auto" else OBJECTIVES[name]
    binary_as_softmax = objective.link.per_class and task == "binary"
    if objective.task != task:
        hint = "; set task=multiclass too" if binary_as_softmax else f"; use model.objective={by_task[task].name}"
        raise UserError(f"model.objective={name} fits a {objective.task} target, but the task is {task}{hint}")
    if link == "logit":  # the default: the link that the objective has
        return objective
    if not isinstance(objective.link, BinaryLink):
        raise UserError(
            f"model.link={link} is for a binary target, but the task is {task} and its link is {objective.link.name}; "
            "leave it logit"
        )
    return BINARY[link]
