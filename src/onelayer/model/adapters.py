"""Torch's optimizers for a stack of runs, each with its own learning rate and weight decay; torch does the arithmetic.

The step of most torch optimizers is linear in the learning rate and does not read the parameter. Such an optimizer is
given a scratch parameter at zero and lr = 1; after its step the scratch holds the update u of every run, and

    theta += lr[run] * u

Coupled weight decay is added to the gradient first, ``g + wd[run] * theta``; decoupled decay shrinks the weights first,
``theta *= 1 - lr[run] * wd[run]`` (Loshchilov & Hutter, 2019). ASGD, Rprop, Adafactor and LBFGS read the parameter or
use lr in another way; there each run has a torch optimizer of its own, on a view of its own weights.

An adapter is a class: `SharedOptimizer`, `SeparateOptimizer`, or one of these with other attributes. What an optimizer
can do is asked of the attributes, never of its name; `ADAPTERS` says which adapter a class of `torch.optim` has.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import override

from onelayer.model.architecture import Architecture

Arguments = Mapping[str, Any]
Closure = Callable[[int], Tensor]
Failures = Mapping[int, Exception]
NONE: Failures = {}
# arguments that serve nothing here
USELESS = {
    "maximize": "onelayer minimises the objective",
    "differentiable": "nothing differentiates through the training here",
    "capturable": "it serves CUDA graphs, which are not used here",
}


class NeighbouringRuns(NamedTuple):
    """Runs of a stack side by side that are moved by the same torch class with the same arguments.

    Attributes:
        cls: the torch class.
        args: its arguments, but for the learning rate and the weight decay.
        lr: learning rate of each run, at the start.
        weight_decay: of each run.
        theta: (runs, outputs, columns), moved in place.
        grad: like theta, read at each step.
        architecture: which of these numbers are a matrix or a vector.
    """

    cls: type[torch.optim.Optimizer]
    args: Arguments
    lr: Sequence[float]
    weight_decay: Sequence[float]
    theta: Tensor
    grad: Tensor
    architecture: Architecture


class RunOptimizer(ABC):
    """Moves the weights of neighbouring runs.

    Attributes:
        refused: why the class does not fit a linear layer; "" where it does.
        needs_closure: computes its own gradients, by calling the closure, and does not read the stack's.
        full_batch: compares the gradients of successive steps, so it needs all rows in each.
        reads_schedule: takes its learning rate at every step, not at the first one only.
        steps_by_curvature: its step is lr times the gradient, so that 1/L is a natural rate (``lr=auto``).
        converges: finds no better weights once it has arrived; weights that stayed will not move again.
        outlives_rows: its state is of use when training goes on with other rows.
        any_layout: moves weights in whatever order they lie in memory; else the numbers of a run are in one piece.
        types: of arguments whose default is None, where it is not bool; ``object`` leaves the check to `reject`.
    """

    refused: ClassVar[str] = ""
    needs_closure: ClassVar[bool] = False
    full_batch: ClassVar[bool] = False
    reads_schedule: ClassVar[bool] = True
    steps_by_curvature: ClassVar[bool] = False
    converges: ClassVar[bool] = False
    outlives_rows: ClassVar[bool] = True
    any_layout: ClassVar[bool] = True
    types: ClassVar[Mapping[str, type]] = {}

    @abstractmethod
    def __init__(self, runs: NeighbouringRuns) -> None: ...

    @classmethod
    def reject(cls, args: Arguments) -> str:
        """Say which argument has no effect here, and why; "" where each has one."""
        for key, reason in USELESS.items():
            if args.get(key):
                return f"optim.{key}=true: {reason}; leave it false"
        if args.get("decoupled_weight_decay") and not args.get("weight_decay"):
            return "optim.decoupled_weight_decay=true has no effect with optim.weight_decay=0"
        return ""

    @classmethod
    def is_plain(cls, args: Arguments) -> bool:
        """Whether the step is lr times the gradient and nothing else, so that a number without gradient stays."""
        return False

    @classmethod
    def more_copies(cls, args: Arguments) -> int:
        """Return how many copies of the weights its state holds beyond the moments that most optimizers have."""
        return 0

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

    For a class whose step is linear in lr and does not read the parameter.

    Attributes:
        decoupled: weight decay shrinks the weights instead of entering the gradient, whatever the arguments say.
    """

    decoupled: ClassVar[bool] = False

    @override
    def __init__(self, runs: NeighbouringRuns) -> None:
        theta = self._theta = runs.theta
        self._grad = runs.grad
        self._scratch = nn.Parameter(torch.zeros_like(theta))
        self._optimizer = runs.cls([self._scratch], lr=1.0, weight_decay=0.0, **runs.args)  # type: ignore[call-arg]
        self._decoupled = self.decoupled or bool(runs.args.get("decoupled_weight_decay"))
        self._decay = None
        if any(runs.weight_decay):
            self._decay = torch.tensor(runs.weight_decay, dtype=theta.dtype, device=theta.device)[:, None, None]
        self._scratch.grad = runs.grad
        # without the wrappers for hooks, profiler and autograd, which take as long as the step of some hundred runs
        self._raw_step = inspect.unwrap(runs.cls.step)

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

    Attributes:
        reads_shapes: treats a matrix otherwise than a vector, so the layers are given as they are.
    """

    reads_shapes: ClassVar[bool] = False

    @override
    def __init__(self, runs: NeighbouringRuns) -> None:
        self._theta = runs.theta
        self._optimizers: list[torch.optim.Optimizer] = []
        for theta, grad, lr, decay in zip(runs.theta, runs.grad, runs.lr, runs.weight_decay, strict=True):
            params = [nn.Parameter(view, requires_grad=False) for view in self._views(theta, runs.architecture)]
            for param, slope in zip(params, self._views(grad, runs.architecture), strict=True):
                param.grad = slope
            more: dict[str, Any] = {"weight_decay": decay} if decay else {}
            self._optimizers.append(runs.cls(params, lr=lr, **more, **runs.args))  # type: ignore[call-arg]

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
                if self._diverged(error):
                    self._theta[run] = torch.nan
                else:
                    failures[run] = error
        return failures

    @override
    def state_dict(self) -> dict[str, Any]:
        separate = [optimizer.state_dict() for optimizer in self._optimizers]
        return {"runs": len(separate), "separate": separate}

    @override
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for optimizer, saved in zip(self._optimizers, state["separate"], strict=True):
            optimizer.load_state_dict(saved)

    def _views(self, tensor: Tensor, architecture: Architecture) -> list[Tensor]:
        """Return (outputs, columns) as the parameters that the optimizer sees."""
        if not self.reads_shapes:
            return [tensor]
        return [part for layer in architecture.layers(tensor) for part in layer if part is not None]

    def _diverged(self, error: Exception) -> bool:
        """Say whether torch raised this because the weights of the run grew without bound."""
        return False


class GradientDescent(SharedOptimizer):
    """torch's SGD."""

    steps_by_curvature = True

    @classmethod
    @override
    def reject(cls, args: Arguments) -> str:
        if args.get("dampening") and not args.get("momentum"):
            return f"optim.dampening={args['dampening']} has no effect without optim.momentum"
        return super().reject(args)

    @classmethod
    @override
    def is_plain(cls, args: Arguments) -> bool:
        return not any(args.values())


class DecoupledAdam(SharedOptimizer):
    """torch's AdamW."""

    decoupled = True


class AveragedDescent(SeparateOptimizer):
    """torch's ASGD; its step reads the weights."""

    @classmethod
    @override
    def reject(cls, args: Arguments) -> str:
        if args.get("t0", 1e6) != 1e6:
            return (
                f"optim.t0={args['t0']} has no effect: torch's ASGD starts its average there but never uses it as "
                "weights"
            )
        return super().reject(args)


class ResilientPropagation(SeparateOptimizer):
    """torch's Rprop: lr is the first step size of every weight, which grows and shrinks by the signs of gradients."""

    full_batch = True
    reads_schedule = False


class FactoredAdam(SeparateOptimizer):
    """torch's Adafactor; it factors the second moments of a matrix, and its step goes by the size of the weights."""

    reads_shapes = True


class QuasiNewton(SeparateOptimizer):
    """torch's LBFGS; the curvature that it has seen is that of the rows it was given."""

    needs_closure = True
    full_batch = True
    converges = True
    outlives_rows = False
    any_layout = False
    types: ClassVar[Mapping[str, type]] = {"line_search_fn": object, "max_eval": int}

    @classmethod
    @override
    def reject(cls, args: Arguments) -> str:
        if args.get("line_search_fn") not in (None, "strong_wolfe"):  # torch compares at the first step
            return f"optim.line_search_fn={args['line_search_fn']}: torch knows strong_wolfe and null"
        return super().reject(args)

    @classmethod
    @override
    def more_copies(cls, args: Arguments) -> int:
        return 2 * int(args.get("history_size", 0))

    @override
    def evaluated(self, run: int) -> int:
        return sum(int(state.get("func_evals", 0)) for state in self._optimizers[run].state.values())

    @override
    def _diverged(self, error: Exception) -> bool:
        # torch's line search, where no loss it tried is finite, or a step beyond the largest number
        return isinstance(error, IndexError) or "overflow" in str(error)


class MatricesOnly(SeparateOptimizer):
    """torch's Muon."""

    refused = "it updates matrices only and refuses a bias"


class SparseGradients(SeparateOptimizer):
    """torch's SparseAdam."""

    refused = "it takes sparse gradients, those of a linear layer are dense"


ADAPTERS: Mapping[type[torch.optim.Optimizer], type[RunOptimizer]] = {
    torch.optim.SGD: GradientDescent,
    torch.optim.Adam: SharedOptimizer,
    torch.optim.AdamW: DecoupledAdam,
    torch.optim.NAdam: SharedOptimizer,
    torch.optim.RAdam: SharedOptimizer,
    torch.optim.Adamax: SharedOptimizer,
    torch.optim.Adagrad: SharedOptimizer,
    torch.optim.Adadelta: SharedOptimizer,
    torch.optim.RMSprop: SharedOptimizer,
    torch.optim.ASGD: AveragedDescent,
    torch.optim.Rprop: ResilientPropagation,
    torch.optim.Adafactor: FactoredAdam,
    torch.optim.LBFGS: QuasiNewton,
    torch.optim.Muon: MatricesOnly,
    torch.optim.SparseAdam: SparseGradients,
}


def adapter_of(cls: type[torch.optim.Optimizer]) -> type[RunOptimizer]:
    """Return how a torch class moves a stack; one that is not listed, as of a later torch, moves each run alone.

    A subclass of a listed class is not listed: its step may be another one.
    """
    return ADAPTERS.get(cls, SeparateOptimizer)
