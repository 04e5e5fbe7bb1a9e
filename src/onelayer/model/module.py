"""The LightningModule: trains a stack of runs on blocks of rows."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from onelayer.errors import UserError, keys_renamed
from onelayer.linalg import total
from onelayer.model.adapters import RunOptimizer
from onelayer.model.direction import higher_is_better
from onelayer.model.linear import Init, StackedLinear
from onelayer.model.local import Batch, LocalSteps
from onelayer.model.metrics import COSTLY, Tally, metrics_of
from onelayer.model.monitor import check_monitor
from onelayer.model.objectives import choose_objective
from onelayer.model.optimizers import (
    OptimizerSettings,
    adapter_named,
    build_optimizers,
    refuse_auto_lr,
    refuse_idle_schedule,
    refuse_minibatches,
    refuse_unbounded,
)
from onelayer.model.rows import Block, Data
from onelayer.model.schedule import Schedule
from onelayer.model.settings import NAMES, plain, settings_of
from onelayer.model.take import take_keywords, take_stack
from onelayer.optimum import Reference, Solved, Solver, Truth
from onelayer.threads import Threads

NOT_ASKED = Reference(None, note="skipped: reference=False")
# of a checkpoint: the dimensions of the weights and the unit of the target, which `load_from_checkpoint` asks for
SHAPE = "shape"


class Predictions(NamedTuple):
    """What a stack says of some rows.

    Attributes:
        logits: (runs, rows, outputs), as the delivered models give them, of the scaled target.
        values: (runs, rows, outputs) numbers in the target's own unit, or (runs, rows, classes) probabilities; float64.
    """

    logits: Tensor
    values: Tensor


class OneLayer(LightningModule):
    """Linear, logistic or softmax regression, trained by any optimizer of torch: one run, or a stack of them at once.

    Each of the first keywords, up to `scheduler_args`, is one value, or a list of one value a run; a stack of runs sees
    the same batches, and each run goes as it would alone. The number of columns, the objective and the precision come
    from the `onelayer.DataModule` that the trainer is given with it.

    Lightning's batch is a block, which is all train rows, or a chunk of them where they stream; the minibatch steps
    happen inside `training_step`, so that `max_steps` and `global_step` count blocks.

    Logged are ``train/loss``, ``train/objective``, ``train/gap`` (to the exact optimum) and ``train/rel_gap`` after
    each epoch, and the metrics of the task as ``val/*`` and ``test/*``; of a stack each run's as ``val/loss/0``,
    ``val/loss/1`` and so on, and the best of them as ``val/loss``.

    Args:
        optimizer: a file of conf/optim such as ``"adam"``, or a class of `torch.optim` such as ``"Adam"``.
        lr: learning rate; ``"auto"``: 1/L of the objective, for SGD; None: the file's, or the class's own.
        optimizer_args: other arguments of the optimizer.
        l2: penalty ``l2/2 * ||weight||^2``; the bias is never penalised.
        seed: of the initial weights; the order of the batches is the data module's.
        init: ``"zeros"``, ``"normal"``, ``"torch"`` (as `torch.nn.Linear` starts) or a number for every weight.
        init_std: standard deviation of ``init="normal"``; None: 0.01.
        scheduler: a file of conf/scheduler such as ``"cosine"``, or a class of `torch.optim.lr_scheduler`.
        scheduler_args: its arguments, and ``interval``, which is ``"epoch"`` or ``"step"``.
        objective: ``"squared"``, ``"logistic"``, ``"softmax"``, or ``"auto"``: by the task of the data.
        link: of a binary target, from its probability to the logit.
        bias: whether there is one.
        hidden: units of a ReLU layer between x and the outputs; None: there is none.
        monitor: what a plateau schedule looks at. A metric that costs a sort of all rows, ``val/auroc``, is measured
            each epoch if it is named here.
        reference: find the exact optimum before training, which the gap is measured against.

    Raises:
        UserError: lists of different lengths, or a value that cannot be.

    Attributes:
        linear: the weights, there once `attach` has been called.
        values: the last measurements, stage/name -> (runs,).
        active: (runs,) bool, the runs that still move.
        failures: what torch raised in a step, by run; such a run does not move any more.
        seconds: (runs,), the share of each run in the time of the steps; measuring is not counted.
        tracked: whether the trainer's callback follows each run itself: then nothing is logged, and what stops a run is
            left in `failures`; else it is raised.
    """

    linear: StackedLinear

    def __init__(
        self,
        *,
        optimizer: str | Sequence[str] = "adam",
        lr: float | Literal["auto"] | Sequence[float | Literal["auto"] | None] | None = None,
        optimizer_args: Mapping[str, Any] | Sequence[Mapping[str, Any] | None] | None = None,
        l2: float | Sequence[float] = 0.0,
        seed: int | Sequence[int] = 0,
        init: Init | Sequence[Init] = "zeros",
        init_std: float | Sequence[float | None] | None = None,
        scheduler: str | Sequence[str | None] | None = None,
        scheduler_args: Mapping[str, Any] | Sequence[Mapping[str, Any] | None] | None = None,
        objective: str = "auto",
        link: str = "logit",
        bias: bool = True,
        hidden: int | None = None,
        monitor: str = "val/loss",
        reference: bool = True,
    ) -> None:
        super().__init__()
        # checkpoints hold plain values alone, or they could not be loaded with weights_only=True
        optimizer, lr, optimizer_args, l2, seed = map(plain, (optimizer, lr, optimizer_args, l2, seed))
        init, init_std, scheduler, scheduler_args = map(plain, (init, init_std, scheduler, scheduler_args))
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.runs = settings_of(self.hparams)
        self.monitor, self.reference, self.tracked = monitor, reference, False
        self.settings: tuple[OptimizerSettings, ...] = ()
        self.l2 = tuple(run.l2 for run in self.runs)
        self.truth: Truth | None = None
        self.values: dict[str, Tensor] = {}
        self._shape: dict[str, Any] = {}
        self._data: Data | None = None
        self._max_epochs: int | None = None  # of the training that is planned and has not begun
        self._threads = Threads()
        self._begin()

    def _begin(self) -> None:
        """Forget an earlier training, but for the weights."""
        runs = len(self.runs)
        self.active = torch.ones(runs, dtype=torch.bool)
        self.failures: dict[int, Exception] = {}
        self.seconds = torch.zeros(runs, dtype=torch.float64)
        self._restored: Mapping[str, Any] | None = None
        self._optimizers: list[tuple[slice, RunOptimizer]] = []

    def setup(self, stage: str) -> None:
        """Take dimensions, objective and precision from the trainer's data module.

        Raises:
            UserError: there is none of onelayer, or the trainer or the data do not fit.
        """
        trainer = self.trainer
        data: Any = getattr(trainer, "datamodule", None)
        if not hasattr(data, "measured"):
            if self._shape and stage != "fit":
                return  # loaders of such a data module
            raise UserError(
                f"OneLayer takes its rows from a onelayer.DataModule; call trainer.{trainer.state.fn.value}(model, "  # type: ignore[union-attr]
                "datamodule=DataModule(...))"
            )
        self._refuse_trainer(trainer, data)
        for part in ("val", "test"):
            if stage == {"val": "validate"}.get(part, part) and not len(getattr(data, part)):
                raise UserError(f"the data have no {part} rows to measure; set {part} of the DataModule above 0")
        with keys_renamed(NAMES):
            self.attach(data, max_epochs=trainer.max_epochs if stage == "fit" else None)
        self._threads.limit(self.work(data.batch_size))

    def configure_callbacks(self) -> list[Callback]:
        """Give back the threads also where an exception ends a stage, of which Lightning does not tell a module."""
        there = any(isinstance(callback, _GiveBack) for callback in self.trainer.callbacks)  # type: ignore[attr-defined]
        return [] if there else [_GiveBack()]

    def teardown(self, stage: str) -> None:
        """Give back the threads."""
        self._threads.release()

    def attach(self, data: Data, *, max_epochs: int | None = None, solved: Solved | None = None) -> None:
        """Take dimensions, objective and precision from data, and plan a training on them.

        Weights that are there stay as they are. The same data again change nothing, until a training has begun.

        Args:
            data: a data module that is set up.
            max_epochs: of the training; None: nothing is trained.
            solved: exact optima that are known of these train rows; those found now are added.

        Raises:
            UserError: the data or a setting do not fit.
        """
        if data is not self._data:
            self._build(data)
        if max_epochs is not None and (data is not self._data or max_epochs != self._max_epochs):
            self._plan(data, max_epochs, solved)
        self._data = data

    def _build(self, data: Data) -> None:
        """Make the weights where there are none yet."""
        shape = {
            "task": data.task,
            "n_features": data.n_features,
            "n_outputs": data.n_outputs,
            "dtype": str(data.dtype).removeprefix("torch."),
        }
        for name, before in self._shape.items():
            if name in shape and shape[name] != before:
                raise UserError(
                    f"OneLayer: the model has {name}={before} and the data have {name}={shape[name]}; make a new model "
                    "for them"
                )
        if not self._shape:
            # the products of two layers want the numbers of a run in one piece, and so do some optimizers
            any_layout = all(adapter_named(run.optimizer).any_layout for run in self.runs)
            by_column = data.prepared.sparse and self.hparams["hidden"] is None and any_layout
            self._build_linear({**shape, "by_column": by_column})
            init_std = [0.01 if run.init_std is None else run.init_std for run in self.runs]
            self.linear.start([run.seed for run in self.runs], [run.init for run in self.runs], init_std)
        scale = data.prepared.y_scale
        self._shape |= {"y_shift": scale.shift.tolist(), "y_scale": scale.scale.tolist()}

    def _build_linear(self, shape: Mapping[str, Any]) -> None:
        keywords = self.hparams
        self.objective = choose_objective(keywords["objective"], shape["task"], keywords["link"])
        self.linear = StackedLinear(
            len(self.runs),
            shape["n_features"],
            shape["n_outputs"],
            bias=keywords["bias"],
            hidden=keywords["hidden"],
            dtype=getattr(torch, shape["dtype"]),
            by_column=shape["by_column"],
        )
        self.architecture = self.linear.architecture
        self._shape = dict(shape)

    def _plan(self, data: Data, max_epochs: int, solved: Solved | None) -> None:
        """Choose learning rates and schedules, and find the optimum that runs are judged by."""
        prepared, bias = data.prepared, self.linear.has_bias
        check_monitor(self.monitor, data.task, prepared.streams)
        solver = Solver(data.train, self.objective, n_outputs=data.n_outputs, bias=bias, classes=data.classes)
        if not self.reference:
            problems = ((self.objective.name, l2, data.n_outputs, bias) for l2 in self.l2)
            solved = dict.fromkeys(problems, NOT_ASKED)
        rates = self._learning_rates(solver)
        self.settings = tuple(
            OptimizerSettings.of(run.optimizer, lr, run.optimizer_args)
            for run, lr in zip(self.runs, rates, strict=True)
        )
        schedules = [run.schedule(max_epochs) for run in self.runs]
        for settings, schedule in zip(self.settings, schedules, strict=True):
            refuse_minibatches(settings.name, data.steps_per_epoch)
            if schedule.name is not None:
                refuse_idle_schedule(settings.name)
        self.schedule = Schedule(
            rates,
            schedules,
            epochs=max_epochs,
            steps_per_epoch=data.steps_per_epoch,
            higher_is_better=higher_is_better(self.monitor),
        )
        known = prepared.known_theta(bias) if self.hparams["hidden"] is None else None
        self.truth = Truth(solver, self.l2, architecture=self.architecture, known=known, solved=solved)
        self._max_epochs = max_epochs
        self._begin()

    def _learning_rates(self, solver: Solver) -> list[float]:
        """Return the learning rate of each run; ``auto`` is 1/L of its objective on the train rows."""
        for run in self.runs:
            if run.lr == "auto":
                refuse_auto_lr(run.optimizer)
                refuse_unbounded(solver.objective)
        if all(run.lr != "auto" for run in self.runs):
            return [float(run.lr) for run in self.runs]
        derived = solver.auto_lr(self.l2)
        return [auto if run.lr == "auto" else run.lr for run, auto in zip(self.runs, derived, strict=True)]

    def _refuse_trainer(self, trainer: Trainer, data: Data) -> None:
        """Refuse a trainer that computes otherwise than the data ask for.

        Raises:
            UserError: naming its argument.
        """
        wanted = "64-true" if data.dtype == torch.float64 else "32-true"
        if trainer.precision not in ("32-true", wanted):
            dtype = str(data.dtype).removeprefix("torch.")
            raise UserError(
                f"Trainer(precision={trainer.precision!r}) contradicts the data, which are {dtype}; set dtype of the "
                "DataModule, the precision follows it"
            )
        if trainer.world_size > 1:
            raise UserError(f"Trainer(devices={trainer.world_size}): a stack trains on one device; set devices=1")

    @property
    def steps_locally(self) -> bool:
        """Whether rows move only the weights of columns that are not zero in their batch, few of them for sparse x."""
        return self.linear.by_column and all(one.is_plain for one in self.settings)

    def work(self, batch_size: int) -> int:
        """Return the multiplications of a step on so many rows, but for a factor; 0 where it moves few weights."""
        return 0 if self.steps_locally else batch_size * self.linear.theta.numel()

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Leave Lightning nothing to step: the stack builds its own optimizers where the weights have their device."""
        return [] if self.tracked else [_Blocks(self.linear.theta)]

    def on_fit_start(self) -> None:
        """Build the optimizers on the device where the weights now are."""
        self._max_epochs = None
        theta = self.linear.theta.data
        self._grad = torch.zeros_like(theta)
        self._optimizers = build_optimizers(self.settings, theta, self._grad, self.architecture)
        self._charge = None
        if any(self.l2):
            self._charge = theta.new_zeros(theta.shape[0], 1, theta.shape[2])
            for weight, _ in self.architecture.layers(self._charge):
                weight += torch.tensor(self.l2, dtype=theta.dtype, device=theta.device)[:, None, None]
        self._local = None
        if self.steps_locally:
            self._local = LocalSteps(theta, self.linear.n_features, self.l2, self._gradient)
        if self._restored is not None:
            for (_, optimizer), state in zip(self._optimizers, self._restored["optimizers"], strict=True):
                optimizer.load_state_dict(state)
            self.schedule.load_state_dict(self._restored["schedule"])
            self._restored = None
        self._refresh_lr()

    def forward(self, x: Tensor) -> Tensor:
        """Map (rows, n_features) to logits (runs, rows, outputs)."""
        return self.architecture.logits(self.linear.theta, x)

    def training_step(self, block: Block, index: int) -> None:
        """Take one optimizer step a minibatch of the block."""
        if self.tracked:
            self._train(block)
        else:
            self.optimizers().step(partial(self._train, block))  # type: ignore[union-attr]  # counts the block

    @torch.no_grad()
    def _train(self, block: Block) -> None:
        began = time.perf_counter()
        every_step = self.schedule.varies("step")
        theta = self.linear.theta.data
        for batch in block.batches():
            if self._local is not None:
                self._local.step(self._lr, batch)
            elif self._reads_gradient:
                self._gradient(theta, self._grad, self._charge, batch)
            for optimizer, lr, moving, first in self._turns if self._local is None else ():
                failures = optimizer.step(lr, moving, partial(self._evaluate, theta, batch, first))
                if failures:
                    self._fail({first + run: error for run, error in failures.items()})
            if every_step:
                self.schedule.advance("step")
                self._refresh_lr()
        if self._grad.is_cuda:
            torch.cuda.synchronize(self._grad.device)
        # those that no longer move took no part of it
        self.seconds += self.active * ((time.perf_counter() - began) / max(int(self.active.sum()), 1))

    def on_train_epoch_start(self) -> None:
        """Forget the last validation: a number belongs to the epoch in which it was measured."""
        self.values = {name: value for name, value in self.values.items() if not name.startswith("val/")}

    def on_validation_epoch_start(self) -> None:
        """Begin a measurement; in training without what costs too much each epoch, unless it is watched."""
        names = metrics_of(self._shape["task"], self._data is None or self._data.prepared.streams)
        if self._trainer is None or self.trainer.state.fn == "fit":
            names = tuple(name for name in names if name not in COSTLY or self.monitor == f"val/{name}")
        self._tally = self.tally(names)

    def validation_step(self, block: Block, index: int) -> None:
        """Measure some validation rows for all runs."""
        self._tally.add(self.linear.theta.data, block)

    def on_validation_epoch_end(self) -> None:
        """Take note of what was measured."""
        self.values |= self._on_device("val", self._tally.values())
        self._log("val")

    def on_test_epoch_start(self) -> None:
        """Begin a measurement."""
        self.on_validation_epoch_start()

    def test_step(self, block: Block, index: int) -> None:
        """Measure some test rows for all runs."""
        self._tally.add(self.linear.theta.data, block)

    def on_test_epoch_end(self) -> None:
        """Take note of what was measured."""
        self.values |= self._on_device("test", self._tally.values())
        self._log("test")

    def predict_step(self, block: Block, index: int) -> Predictions:
        """Return what all runs say of some rows; of dense ones to the last bit what delivered models say."""
        theta, x = self.linear.theta.data, block.x
        logits = self.architecture.logits(theta, x) if x.is_sparse_csr else self.architecture.logits_in_order(theta, x)
        wide = logits.double().cpu().numpy()
        if self.objective.of_classes:
            values = self.objective.link.probabilities(wide)
        else:
            values = wide * np.array(self._shape["y_scale"]) + np.array(self._shape["y_shift"])
        return Predictions(logits, torch.from_numpy(values))

    def on_train_epoch_end(self) -> None:
        """Measure the train rows, then let an epoch's schedule go on."""
        self.measure_train()
        self._log("train")
        if self.schedule.varies("epoch"):
            self.schedule.advance("epoch", self.values.get(self.monitor))
            self._refresh_lr()

    def tally(self, metrics: Sequence[str]) -> Tally:
        """Return a new measurement."""
        unit = torch.tensor(self._shape["y_scale"], dtype=torch.float64)
        return Tally(metrics, self.objective, unit, self.architecture)

    def measure(self, stage: str, blocks: Iterable[Block], metrics: Sequence[str], theta: Tensor) -> dict[str, Tensor]:
        """Measure weights, (runs, outputs, columns), on blocks of their device; (runs,) for each stage/name."""
        tally, empty = self.tally(metrics), True
        for block in blocks:
            tally.add(theta, block)
            empty = False
        return {} if empty else self._on_device(stage, tally.values())

    @torch.no_grad()
    def measure_train(self) -> None:
        """Measure the train rows at the present weights, for all runs."""
        if self.truth is not None:
            found = self.truth.measure(self.linear.theta.data)
            self.values |= {f"train/{name}": value for name, value in found.items()}

    def evaluated(self, run: int) -> int | None:
        """Return how many gradients a run has computed; None where that is one a step."""
        for rows, optimizer in self._optimizers:
            if optimizer.needs_closure and rows.start <= run < rows.stop:
                return optimizer.evaluated(run - rows.start)
        return None

    def evaluations(self, steps: int) -> Tensor:
        """Return how many gradients each run has computed in so many steps, (runs,) float64."""
        found = torch.full_like(self.seconds, steps)
        for rows, optimizer in self._optimizers:
            if optimizer.needs_closure:
                counted = [optimizer.evaluated(run) for run in range(rows.stop - rows.start)]
                found[rows] = torch.tensor(counted, dtype=found.dtype)
        return found

    def halt(self, runs: Tensor) -> None:
        """Stop moving some runs, (runs,) bool."""
        self.active &= ~runs.cpu()
        self._refresh_lr()

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices, so that a step costs less; they go on as if they had been alone."""
        state = take_stack(self.stack_state(), runs)
        self.linear.keep(runs)
        self.runs = [self.runs[run] for run in runs]
        self.hparams.update(take_keywords(self.hparams, runs))
        self.settings = tuple(self.settings[run] for run in runs)
        self.l2 = tuple(self.l2[run] for run in runs)
        self.schedule = self.schedule.take(runs)
        self.truth = None if self.truth is None else self.truth.take(runs)
        self.values = {name: value[runs] for name, value in self.values.items()}
        self.failures = {}
        self._take_up(state)
        self.on_fit_start()

    def stack_state(self) -> dict[str, Any]:
        """Return what all runs need to go on, beside their weights, as plain containers and tensors."""
        return {
            "optimizers": [optimizer.state_dict() for _, optimizer in self._optimizers],
            "schedule": self.schedule.state_dict(),
            "active": self.active,
            "seconds": self.seconds,
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the shape of the weights; and but to a file of weights alone, what the runs need to go on."""
        checkpoint[SHAPE] = self._shape
        if "optimizer_states" in checkpoint and self._optimizers:
            checkpoint["stack"] = self.stack_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what `on_save_checkpoint` left; the optimizers follow once they are built.

        Raises:
            UserError: the checkpoint lacks the shape of the weights, and there are none here.
        """
        if not self._shape:
            if SHAPE not in checkpoint:
                raise UserError("that checkpoint does not say the shape of its weights: an earlier version wrote it")
            self._build_linear(checkpoint[SHAPE])
        # weights are all that a stage other than fit, or a new training, takes from it
        if "stack" in checkpoint and self._trainer is not None and self.trainer.state.fn == "fit":
            self.resume(checkpoint["stack"])

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from what `stack_state` returned, in the training that is planned."""
        self._take_up(state)

    def _take_up(self, state: Mapping[str, Any]) -> None:
        self._restored = state
        self.active, self.seconds = state["active"].clone(), state["seconds"].clone()

    def _fail(self, failures: Mapping[int, Exception]) -> None:
        if not self.tracked:
            raise next(iter(failures.values()))
        self.failures |= failures
        runs = torch.zeros_like(self.active)
        runs[list(failures)] = True
        self.halt(runs)

    def _gradient(self, theta: Tensor, grad: Tensor, charge: Tensor | None, batch: Batch) -> Tensor:
        """Write the gradient of some runs at their present weights; return their logits."""
        x, y, weight = batch
        logits, kept = self.architecture.forward(theta, x)
        residual = self.objective.residual(logits, y)
        if weight is not None:
            residual.mul_(weight[:, None])
        self.architecture.pullback(theta, x, kept, residual.div_(len(y)), grad)
        if charge is not None:
            grad.addcmul_(charge, theta)
        return logits

    def _evaluate(self, theta: Tensor, batch: Batch, first: int, run: int) -> Tensor:
        """Write the gradient of a run, counted from the first of its optimizer; return its objective on these rows."""
        run += first
        rows = slice(run, run + 1)
        charge = None if self._charge is None else self._charge[rows]
        logits = self._gradient(theta[rows], self._grad[rows], charge, batch)
        _, y, weight = batch
        loss = total(self.objective.loss(logits, y), weight)[0] / len(y)
        return loss + 0.5 * self.l2[run] * self.architecture.squared_norm(theta[rows])[0]

    def _log(self, stage: str) -> None:
        """Log the last measurements of a stage: of several runs each one's, and the best."""
        if self.tracked:
            return
        for name, column in self.values.items():
            known = column[~column.isnan()]
            if not name.startswith(f"{stage}/") or (name.endswith("gap") and not len(known)):
                continue  # there is nothing to measure the gap against
            if len(column) > 1:
                self.log_dict({f"{name}/{run}": value for run, value in enumerate(column)})
            best = (known.max() if higher_is_better(name) else known.min()) if len(known) else column[0]
            self.log(name, best, prog_bar=name.endswith("/loss"))

    def _on_device(self, stage: str, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Name measurements by their stage, and bring them to where the weights are, in their precision."""
        return {f"{stage}/{name}": value.to(self.linear.theta) for name, value in values.items()}

    def _refresh_lr(self) -> None:
        theta = self.linear.theta
        moving = self.active.tolist()
        rates = torch.tensor(self.schedule.rates(), dtype=theta.dtype) * self.active
        lr = self._lr = rates.to(theta.device)[:, None, None]
        # whose turn it is in a step, with what: cut here, since cutting at every step takes as long as a small step
        self._turns = [
            (optimizer, lr[rows], moving[rows], rows.start) for rows, optimizer in self._optimizers if any(moving[rows])
        ]
        self._reads_gradient = not all(optimizer.needs_closure for optimizer, *_ in self._turns)


class _Blocks(torch.optim.Optimizer):
    """What Lightning counts its steps by; the optimizers of the stack are its own."""

    def __init__(self, theta: Tensor) -> None:
        super().__init__([theta], {})

    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Train a block."""
        if closure is not None:
            closure()


class _GiveBack(Callback):
    """Gives back the threads of a stage that an exception ended."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        pl_module.teardown(str(trainer.state.fn))
