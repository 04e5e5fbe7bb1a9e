"""The optimizer that a run asks for, checked, and the optimizers of a stack built from it."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import inf
from typing import Any

import torch
from torch import Tensor, nn

from onelayer.errors import UserError, did_you_mean
from onelayer.model.adapters import ADAPTERS, NeighbouringRuns, RunOptimizer, adapter_of
from onelayer.model.architecture import Architecture
from onelayer.protocols import Loss


@dataclass(frozen=True)
class OptimizerSettings:
    """What one run asks for: a class of `torch.optim`, its learning rate, and its other arguments."""

    name: str
    lr: float
    weight_decay: float = 0.0
    args: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, lr: float, args: Mapping[str, Any]) -> "OptimizerSettings":
        """Check the arguments against the class.

        Raises:
            UserError: an optimizer that does not fit, or an argument that it refuses or would ignore.
        """
        args = check_optimizer(name, lr, args)
        return cls(name, lr, float(args.pop("weight_decay", 0.0)), args)

    @property
    def kind(self) -> str:
        """What runs must agree on to be moved by one torch optimizer: its class and arguments."""
        return f"{self.name} {sorted(self.args.items())}"

    @property
    def adapter(self) -> type[RunOptimizer]:
        """How the class moves a stack, and what it can do."""
        return adapter_named(self.name)

    @property
    def is_plain(self) -> bool:
        """Whether its step is lr times the gradient and nothing else, so that a number without gradient stays."""
        return not self.weight_decay and self.adapter.is_plain(self.args)


def torch_class(name: str) -> type[torch.optim.Optimizer]:
    """Return a class of `torch.optim`.

    Raises:
        UserError: there is none of that name, or it does not fit a linear layer.
    """
    cls = getattr(torch.optim, name, None)
    if not (isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and cls is not torch.optim.Optimizer):
        fitting = [known.__name__ for known, adapter in ADAPTERS.items() if not adapter.refused]
        raise UserError(f"optim.name={name}: there is no such optimizer{did_you_mean(name, fitting)}")
    if reason := adapter_of(cls).refused:
        raise UserError(f"optim.name={name} does not fit a one-layer model: {reason}")
    return cls


def adapter_named(name: str) -> type[RunOptimizer]:
    """Return how a class of `torch.optim` moves a stack, and what it can do.

    Raises:
        UserError: there is none of that name, or it does not fit a linear layer.
    """
    return adapter_of(torch_class(name))


def check_optimizer(name: str, lr: float, args: Mapping[str, Any]) -> dict[str, Any]:
    """Check an optimizer's arguments by name, by type, by torch itself, and for having an effect.

    Args:
        name: a class of `torch.optim`.
        lr: its learning rate.
        args: its other arguments, lists for tuples.

    Returns:
        The arguments as torch wants them.

    Raises:
        UserError: one sentence that names the key.
    """
    cls = torch_class(name)
    adapter = adapter_of(cls)
    signature = inspect.signature(cls).parameters
    known = signature.keys() - {"params", "lr"}
    checked = {}
    for key, value in args.items():
        if key not in known:
            raise UserError(f"optim.{key}: {name} has no such argument{did_you_mean(key, known)}")
        checked[key] = _typed(key, value, signature[key].default, adapter.types.get(key, bool))
    if reason := adapter.reject(checked):
        raise UserError(reason)
    try:
        cls([nn.Parameter(torch.zeros(1))], lr=lr, **checked)  # type: ignore[call-arg]
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"optim: {name} refused its arguments: {error}") from None
    return checked


def _typed(key: str, value: Any, default: Any, otherwise: type) -> Any:
    """Check a value against the kind of the default; torch itself compares and fails in the middle of a step.

    Args:
        key: of the argument.
        value: as it was given.
        default: of torch.
        otherwise: what a value is where the default is None and it is not.
    """
    if default is None:
        fits = value is None or otherwise in (object, type(value))
    elif isinstance(default, tuple):
        fits = isinstance(value, list | tuple) and len(value) == len(default)
        fits = fits and all(_number(item) or (item is None and None in default) for item in value)
        value = tuple(value) if fits else value
    elif isinstance(default, bool):
        fits = isinstance(value, bool)
    else:
        fits = _number(value)
    if not fits:
        raise UserError(f"optim.{key}={value}: expected something like {default}")
    return value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def refuse_auto_lr(name: str) -> None:
    """Refuse to derive a learning rate for an optimizer whose step has another size than lr times the gradient.

    Raises:
        UserError: 1/L is no natural rate for it.
    """
    if not adapter_named(name).steps_by_curvature:
        raise UserError(
            f"optim.lr=auto is 1/L, the step of gradient descent, and says nothing for {name}; give a number"
        )


def refuse_unbounded(objective: Loss) -> None:
    """Refuse to derive a learning rate where there is no 1/L.

    Raises:
        UserError: the curvature of the loss has no bound.
    """
    if objective.curvature == inf:
        raise UserError(
            f"optim.lr=auto is 1/L, but with model.link={objective.link.name} the curvature has no bound L; give a "
            "number"
        )


def refuse_idle_schedule(name: str) -> None:
    """Refuse a schedule that an optimizer would ignore.

    Raises:
        UserError: it reads the first learning rate only.
    """
    if not adapter_named(name).reads_schedule:
        raise UserError(
            f"{name} reads optim.lr at its first step only, so a scheduler has no effect; use scheduler=none"
        )


def refuse_minibatches(name: str, steps_per_epoch: int) -> None:
    """Refuse minibatches for an optimizer that goes astray on them.

    Raises:
        UserError: it needs all rows in each step.
    """
    if adapter_named(name).full_batch and steps_per_epoch > 1:
        raise UserError(
            f"{name} compares the gradients of successive steps and goes astray on minibatches; "
            "set data.batch_size=full"
        )


def build_optimizers(
    settings: Sequence[OptimizerSettings], theta: Tensor, grad: Tensor, architecture: Architecture
) -> list[tuple[slice, RunOptimizer]]:
    """Give neighbouring runs of equal class and arguments one optimizer.

    Args:
        settings: of each run of the stack.
        theta: (runs, outputs, columns).
        grad: like theta.
        architecture: which of these numbers are a matrix or a vector.

    Returns:
        Each optimizer with the runs it moves, in order.
    """
    optimizers: list[tuple[slice, RunOptimizer]] = []
    start = 0
    for _, group in groupby(settings, key=lambda one: one.kind):
        members = list(group)
        first, rows = members[0], slice(start, start + len(members))
        start = rows.stop
        runs = NeighbouringRuns(
            torch_class(first.name),
            first.args,
            [one.lr for one in members],
            [one.weight_decay for one in members],
            theta[rows],
            grad[rows],
            architecture,
        )
        optimizers.append((rows, first.adapter(runs)))
    return optimizers
