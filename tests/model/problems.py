"""A small problem of each objective, optimizers as `optim=` gives them, and the loop of any tutorial."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from onelayer.data.blocks import Block
from onelayer.data.parts import Part
from onelayer.data.preprocess import Scale
from onelayer.estimators.settings import optimizer_defaults
from onelayer.model.adapters import RunOptimizer
from onelayer.model.linear import Init
from onelayer.model.module import OneLayer
from onelayer.model.objectives import OBJECTIVES, Objective
from onelayer.model.optimizers import OptimizerSettings, adapter_named
from onelayer.model.schedule import ScheduleSettings
from onelayer.optimum.truth import Solved
from tests.conftest import composed

WITHOUT_LINE_SEARCH = "lbfgs optim.line_search_fn=null"
ROWS, FEATURES, BATCH = 128, 4, 16


def configured(optim: str) -> tuple[str, float, dict[str, Any]]:
    """Class, learning rate and arguments as `optim=` gives them."""
    args = composed(*f"optim={optim}".split())["optim"]
    return args.pop("name"), args.pop("lr"), args


def adapter(optim: str) -> type[RunOptimizer]:
    """What an optimizer that `optim=` gives can do."""
    return adapter_named(optimizer_defaults(optim.partition(" ")[0])["name"])


def batch_of(optim: str) -> int:
    return ROWS if adapter(optim).full_batch else BATCH


def problem(objective: str, dtype: torch.dtype) -> tuple[Tensor, Tensor, int]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(ROWS, FEATURES, generator=generator, dtype=torch.float64)
    outputs = 3 if objective == "softmax" else 1
    truth = torch.randn(FEATURES, outputs, generator=generator, dtype=torch.float64)
    noisy = x @ truth + torch.randn(ROWS, outputs, generator=generator, dtype=torch.float64)
    if objective == "softmax":
        return x.to(dtype), noisy.argmax(1), outputs
    return x.to(dtype), (noisy if objective == "squared" else (noisy > 0).double()).to(dtype), outputs


def train_in_plain_torch(
    optimizer: Any,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    block: Block,
    epochs: int,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
) -> None:
    """Autograd and torch.optim, a minibatch at a time; `loss_of` maps x and y to the objective."""
    for _ in range(epochs):
        for x, y, _ in block.batches():

            def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
                optimizer.zero_grad()
                loss = loss_of(x, y)
                torch.autograd.backward(loss)
                return loss

            if isinstance(optimizer, torch.optim.LBFGS):
                optimizer.step(closure)  # type: ignore[no-untyped-call]
            else:
                closure()
                optimizer.step()
            if scheduler is not None:
                scheduler.step()


class Rows:
    """Rows as a data module gives them: the same block in training and in validation."""

    def __init__(self, block: Block, objective: Objective, outputs: int) -> None:
        x, y = block.x, block.y
        self.block, self.task, self.n_features, self.n_outputs = block, objective.task, x.shape[1], outputs
        self.classes, self.dtype, self.batch_size = None, x.dtype, block.batch_size
        self.steps_per_epoch = -(-len(y) // block.batch_size)
        self.train = Part(x.double(), y.double() if y.is_floating_point() else y, block.weight)
        self.val: tuple[()] = ()
        self.test: tuple[()] = ()
        self.prepared = self
        self.sparse, self.streams = x.is_sparse_csr, False
        self.x_scale, self.y_scale = Scale.neutral(x.shape[1]), Scale.neutral(outputs)

    def known_theta(self, bias: bool) -> None:
        return None

    def measured(self, part: str) -> list[Block]:
        return [self.block]


def arguments_of(settings: OptimizerSettings) -> dict[str, Any]:
    """As they are given to the class; LBFGS and Rprop know no weight decay."""
    args = dict(settings.args)
    if settings.weight_decay:
        args["weight_decay"] = settings.weight_decay
    return args


def stack_on(
    block: Block,
    objective: Objective,
    settings: Sequence[OptimizerSettings],
    l2: Sequence[float] | float = 0.0,
    *,
    outputs: int = 1,
    seeds: Sequence[int] | int = 0,
    init: Init = "zeros",
    schedules: Sequence[ScheduleSettings] | None = None,
    epochs: int = 1,
    solved: Solved | None = None,
    **keywords: Any,
) -> OneLayer:
    """A stack that is about to train on some rows; without `solved`, its optima are not looked for."""
    schedules = schedules or [ScheduleSettings()] * len(settings)
    named = objective.name in OBJECTIVES
    module = OneLayer(
        optimizer=[one.name for one in settings],
        lr=[one.lr for one in settings],
        optimizer_args=[arguments_of(one) for one in settings],
        l2=l2,
        seed=seeds,
        init=init,
        scheduler=[one.name for one in schedules],
        scheduler_args=[{**one.args, "interval": one.interval} if one.name else None for one in schedules],
        objective=objective.name if named else "auto",
        link="logit" if named else objective.link.name,
        reference=solved is not None,
        **keywords,
    )
    module.tracked = True
    module.attach(Rows(block, objective, outputs), max_epochs=epochs, solved=solved)
    module.on_fit_start()
    return module
