"""Which optimizers fit a linear layer, and which of their arguments mean something."""

import inspect
from collections.abc import Mapping
from math import inf
from typing import Any

import torch
from torch import nn

from onelayer.errors import UserError, did_you_mean
from onelayer.protocols import Loss

SHARED = ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "RMSprop")
SEPARATE = ("ASGD", "Rprop", "Adafactor", "LBFGS")
OPTIMIZERS = SHARED + SEPARATE

REFUSED = {
    "Muon": "it updates matrices only and refuses a bias",
    "SparseAdam": "it takes sparse gradients, those of a linear layer are dense",
}
# these steps are linear in lr, so that 1/L is a natural size
AUTO_LR = ("SGD",)


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
    if name in REFUSED:
        raise UserError(f"optim.name={name} does not fit a one-layer model: {REFUSED[name]}")
    if name not in OPTIMIZERS:
        raise UserError(f"optim.name={name}: there is no such optimizer{did_you_mean(name, OPTIMIZERS)}")
    cls = getattr(torch.optim, name)
    signature = inspect.signature(cls).parameters
    known = signature.keys() - {"params", "lr"}
    checked = {}
    for key, value in args.items():
        if key not in known:
            raise UserError(f"optim.{key}: {name} has no such argument{did_you_mean(key, known)}")
        checked[key] = _typed(key, value, signature[key].default)
    _refuse_without_effect(name, checked)
    try:
        cls([nn.Parameter(torch.zeros(1))], lr=lr, **checked)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"optim: {name} refused its arguments: {error}") from None
    return checked


def refuse_auto_lr(name: str, lr: float | str, objective: Loss) -> None:
    """Refuse to derive a learning rate for an optimizer whose step has another size, or where there is no 1/L.

    Raises:
        UserError: auto for another optimizer than SGD, or for a loss whose curvature has no bound.
    """
    if lr == "auto" and name not in AUTO_LR:
        raise UserError(
            f"optim.lr=auto is 1/L, the step of gradient descent, and says nothing for {name}; give a number"
        )
    if lr == "auto" and objective.curvature == inf:
        raise UserError(
            f"optim.lr=auto is 1/L, but with model.link={objective.link} the curvature has no bound L; give a number"
        )


def _typed(key: str, value: Any, default: Any) -> Any:
    """Check a value against the kind of the default; torch itself compares and fails in the middle of a step."""
    if default is None:
        # foreach, fused: a switch; max_eval: a count; line_search_fn: a name that torch checks at the first step
        allowed = {"line_search_fn": (str,), "max_eval": (int,)}.get(key, (bool,))
        fits = value is None or type(value) in allowed
        if key == "line_search_fn" and value not in (None, "strong_wolfe"):
            raise UserError(f"optim.line_search_fn={value}: torch knows strong_wolfe and null")
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


def _refuse_without_effect(name: str, args: Mapping[str, Any]) -> None:
    """A setting that changes nothing, or that the stack decides, is an error and not a silence."""
    reasons = {
        "maximize": "onelayer minimises the objective",
        "differentiable": "nothing differentiates through the training here",
        "capturable": "it serves CUDA graphs, which are not used here",
    }
    for key, reason in reasons.items():
        if args.get(key):
            raise UserError(f"optim.{key}=true: {reason}; leave it false")
    if name == "SGD" and args.get("dampening") and not args.get("momentum"):
        raise UserError(f"optim.dampening={args['dampening']} has no effect without optim.momentum")
    if name == "ASGD" and "t0" in args and args["t0"] != 1e6:
        raise UserError(
            f"optim.t0={args['t0']} has no effect: torch's ASGD starts its average there but never uses it as weights"
        )
    if args.get("decoupled_weight_decay") and not args.get("weight_decay"):
        raise UserError("optim.decoupled_weight_decay=true has no effect with optim.weight_decay=0")
