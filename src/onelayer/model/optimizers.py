"""One optimizer for many runs, each with its own learning rate and weight decay; torch's classes do the arithmetic.

The step of most torch optimizers is linear in the learning rate and does not read the parameter. Such an optimizer is
given a scratch parameter at zero and lr = 1; after its step the scratch holds the update u of every run, and

    theta += lr[run] * u

Coupled weight decay is added to the gradient first, ``g + wd[run] * theta``; decoupled decay shrinks the weights first,
``theta *= 1 - lr[run] * wd[run]`` (Loshchilov & Hutter, 2019). ASGD, Rprop, Adafactor and LBFGS read the parameter or
use lr in another way; there each run has a torch optimizer of its own, on a view of its own weights.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from onelayer.errors import UserError
from onelayer.model.architecture import Architecture
from onelayer.model.zoo import SEPARATE, check_optimizer

Closure = Callable[[int], Tensor]
Failures = Mapping[int, Exception]
NONE: Failures = {}


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
    def is_plain(self) -> bool:
        """Whether its step is lr times the gradient and nothing else, so that a number without gradient stays."""
        return self.name == "SGD" and not self.weight_decay and not any(self.args.values())


class RunOptimizer(ABC):
    """Moves the weights of some neighbouring runs of a stack.

    Attributes:
        needs_closure: computes its own gradients and does not read the stack's.
    """

    needs_closure = False

    def evaluated(self, run: int) -> int:
        """Return how many gradients a run has computed for itself."""
        raise NotImplementedError

    @abstractmethod
    def step(self, lr: Tensor, moving: Sequence[bool], closure: Closure) -> Failures:
        """Take one step with the gradient that the stack holds now.

        Args:
            lr: (runs of this optimizer, 1, 1), already 0 for a halted run.
            moving: False for each halted run.
            closure: recompute the loss and gradient of one run of this optimizer at its present weights.

        Returns:
            What torch raised, for each run that it stopped; the other runs have taken their step.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return tensors, numbers and plain containers."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken."""


class SharedOptimizer(RunOptimizer):
    """One torch optimizer on a scratch parameter that stands for all runs.

    Args:
        settings: of each run; the class and its arguments are the same for all.
        theta: (runs, outputs, columns), moved in place.
        grad: like theta, read at each step.
    """

    def __init__(self, settings: Sequence[OptimizerSettings], theta: Tensor, grad: Tensor) -> None:
        first = settings[0]
        self._theta, self._grad = theta, grad
        self._scratch = nn.Parameter(torch.zeros_like(theta))
        cls = getattr(torch.optim, first.name)
        self._optimizer = cls([self._scratch], lr=1.0, weight_decay=0.0, **first.args)
        self._decoupled = first.name == "AdamW" or bool(first.args.get("decoupled_weight_decay"))
        decay = [s.weight_decay for s in settings]
        self._decay = torch.tensor(decay, dtype=theta.dtype, device=theta.device)[:, None, None] if any(decay) else None
        self._scratch.grad = grad
        # without the wrappers for hooks, profiler and autograd, which take as long as the step of some hundred runs
        self._raw_step = inspect.unwrap(cls.step)

    @override
    def step(self, lr: Tensor, moving: Sequence[bool], closure: Closure) -> Failures:
        update = self._scratch.data
        if self._decay is not None:
            if self._decoupled:
                self._theta.mul_(1 - lr * self._decay)
            else:  # not in place: another reader of the gradient must not see the decay
                self._scratch.grad = self._grad.addcmul(self._decay, self._theta)
        update.zero_()
        try:
            self._raw_step(self._optimizer)
        except Exception as error:
            return dict.fromkeys(range(len(moving)), error)
        self._theta.addcmul_(lr, update)
        return NONE

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"runs": len(self._theta), "shared": self._optimizer.state_dict()}

    @override
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._optimizer.load_state_dict(state["shared"])


class SeparateOptimizer(RunOptimizer):
    """A torch optimizer for each run, on views of that run's weights.

    Args:
        settings: of each run.
        theta: (runs, outputs, columns), moved in place.
        grad: like theta, read at each step.
        architecture: which of these numbers are a matrix or a vector.
    """

    def __init__(
        self, settings: Sequence[OptimizerSettings], theta: Tensor, grad: Tensor, architecture: Architecture
    ) -> None:
        self._optimizers: list[torch.optim.Optimizer] = []
        self.needs_closure = settings[0].name == "LBFGS"
        self._theta = theta
        for run, one in enumerate(settings):
            params = []
            for view, slope in zip(
                _parts(one, theta[run], architecture), _parts(one, grad[run], architecture), strict=True
            ):
                param = nn.Parameter(view, requires_grad=False)
                param.grad = slope
                params.append(param)
            decay = {"weight_decay": one.weight_decay} if one.weight_decay else {}
            self._optimizers.append(getattr(torch.optim, one.name)(params, lr=one.lr, **decay, **one.args))

    @override
    def step(self, lr: Tensor, moving: Sequence[bool], closure: Closure) -> Failures:
        failures: dict[int, Exception] = {}
        for run, (optimizer, rate) in enumerate(zip(self._optimizers, lr.flatten().tolist(), strict=True)):
            if not moving[run]:
                continue
            optimizer.param_groups[0]["lr"] = rate
            try:
                optimizer.step(*[partial(closure, run)] if self.needs_closure else [])  # type: ignore[arg-type]
            except Exception as error:
                # torch's line search, where no loss it tried is finite, or a step beyond the largest number
                if self.needs_closure and (isinstance(error, IndexError) or "overflow" in str(error)):
                    self._theta[run] = torch.nan
                else:
                    failures[run] = error
        return failures

    @override
    def evaluated(self, run: int) -> int:
        state = self._optimizers[run].state
        return sum(int(one.get("func_evals", 0)) for one in state.values())

    @override
    def state_dict(self) -> dict[str, Any]:
        separate = [optimizer.state_dict() for optimizer in self._optimizers]
        return {"runs": len(separate), "separate": separate}

    @override
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for optimizer, saved in zip(self._optimizers, state["separate"], strict=True):
            optimizer.load_state_dict(saved)


def _parts(settings: OptimizerSettings, tensor: Tensor, architecture: Architecture) -> list[Tensor]:
    """Cut (outputs, columns) where the optimizer looks at shapes.

    Adafactor factors the second moments of a weight matrix; a bias is a vector to it.
    """
    if settings.name != "Adafactor":
        return [tensor]
    return [part for layer in architecture.layers(tensor) for part in layer if part is not None]


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
        rows = slice(start, start + len(members))
        start = rows.stop
        if members[0].name in SEPARATE:
            optimizers.append((rows, SeparateOptimizer(members, theta[rows], grad[rows], architecture)))
        else:
            optimizers.append((rows, SharedOptimizer(members, theta[rows], grad[rows])))
    return optimizers


def refuse_misfit(settings: OptimizerSettings, *, full_batch: bool, scheduled: bool) -> None:
    """Refuse surroundings in which an optimizer goes astray, or which it would ignore.

    Raises:
        UserError: LBFGS or Rprop on minibatches; Rprop with a schedule.
    """
    if settings.name in ("LBFGS", "Rprop") and not full_batch:
        raise UserError(
            f"{settings.name} compares the gradients of successive steps and goes astray on minibatches; "
            "set data.batch_size=full"
        )
    if settings.name == "Rprop" and scheduled:
        raise UserError("Rprop reads optim.lr at its first step only, so a scheduler has no effect; use scheduler=none")
