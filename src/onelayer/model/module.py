"""The LightningModule: from keywords and a data module to a stack that trains, is measured, and predicts."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    Callback,
    LearningRateFinder,
    ModelPruning,
    StochasticWeightAveraging,
    WeightAveraging,
)
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from onelayer.errors import UserError, keys_renamed
from onelayer.model.direction import higher_is_better
from onelayer.model.linear import Init, StackedLinear
from onelayer.model.metrics import COSTLY, metrics_of
from onelayer.model.monitor import check_monitor
from onelayer.model.objectives import choose_objective
from onelayer.model.optimizers import (
    OptimizerSettings,
    adapter_named,
    refuse_auto_lr,
    refuse_idle_schedule,
    refuse_minibatches,
    refuse_unbounded,
)
from onelayer.model.rows import Block, Data
from onelayer.model.schedule import Schedule
from onelayer.model.settings import NAMES, PER_RUN, plain, refuse_shared, settings_of
from onelayer.model.stack import Stack
from onelayer.model.take import take_keywords
from onelayer.optimum import Reference, Solved, Solver, Truth
from onelayer.threads import Threads

NOT_FOR_STACKS = (BatchSizeFinder, LearningRateFinder, StochasticWeightAveraging, WeightAveraging, ModelPruning)
NOT_ASKED = Reference(None, note="skipped: reference=False")
# of a checkpoint: the dimensions of the weights and the unit of the target, which `load_from_checkpoint` asks for
SHAPE = "shape"
X_SCALE = "x_scale"


class Predictions(NamedTuple):
    """What a stack says of some rows.

    Attributes:
        logits: (runs, rows, outputs), as the delivered models give them, of the scaled target.
        values: (runs, rows, outputs) numbers in the target's own unit, or (runs, rows, classes) probabilities; float64.
    """

    logits: Tensor
    values: Tensor


class OneLayer(Stack):
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
        runs: the settings of each.
        tracked: whether the trainer's callback follows each run itself: then nothing is logged, what stops a run is
            left in `failures` instead of raised, and threads are the caller's affair.
    """

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
        refuse_shared(self.hparams)
        self.runs = settings_of(self.hparams)
        self.l2 = tuple(run.l2 for run in self.runs)
        self.monitor, self.reference = monitor, reference
        self._shape: dict[str, Any] = {}
        self._x_scale: dict[str, Tensor] = {}  # by which the rows were scaled that the weights are for
        self._data: Data | None = None
        self._max_epochs: int | None = None  # of the training that is planned and has not begun
        self._threads = Threads()
        self._blocks: Blocks | None = None
        self.begin()

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
        with keys_renamed(NAMES):
            self.attach(data, max_epochs=trainer.max_epochs if stage == "fit" else None)
        if not self.tracked:
            self._threads.limit(self.work(data.batch_size))

    def configure_callbacks(self) -> list[Callback]:
        """Give back the threads also where an exception ends a stage, of which Lightning does not tell a module."""
        there = any(isinstance(callback, _GiveBack) for callback in self.trainer.callbacks)  # type: ignore[attr-defined]
        return [] if there or self.tracked else [_GiveBack()]

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
            self._build(data, trains=max_epochs is not None)
        if max_epochs is not None and (data is not self._data or max_epochs != self._max_epochs):
            self._plan(data, max_epochs, solved)
        self._data = data

    def _build(self, data: Data, *, trains: bool) -> None:
        """Make the weights where there are none yet, for rows of this scaling."""
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
        if self.linear.theta.dtype != data.dtype or self.dtype not in (torch.float32, data.dtype):
            raise UserError(
                f"OneLayer was cast to {self.dtype} and the data are {data.dtype}; set dtype of the DataModule, the "
                "precision follows it"
            )
        scale, x_scale = data.prepared.y_scale, data.prepared.x_scale
        y = {"y_shift": scale.shift.tolist(), "y_scale": scale.scale.tolist()}
        x = {"shift": torch.as_tensor(x_scale.shift), "scale": torch.as_tensor(x_scale.scale)}
        if not trains:
            pairs = [(self._shape[name], y[name]) for name in y if name in self._shape]
            pairs += [(before, x[name]) for name, before in self._x_scale.items()]
            if not all(np.allclose(before, now, rtol=1e-6, atol=1e-12) for before, now in pairs):
                raise UserError(
                    "OneLayer: these data are scaled by other train rows than those of the model, whose weights would "
                    "misread them; give the rows, split and scaling that it was trained with"
                )
        self._shape |= y
        self._x_scale = x
        self.unit = torch.tensor(self._shape["y_scale"], dtype=torch.float64)

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
        self.begin()

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
        if self.tracked:
            return
        if not isinstance(trainer.strategy, SingleDeviceStrategy):
            name = type(trainer.strategy).__name__
            raise UserError(f"Trainer(strategy=...): a stack trains on one device, without {name}; leave it out")
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, NOT_FOR_STACKS):
                raise UserError(
                    f"{type(callback).__name__} works on a model that Lightning optimizes, and a stack steps by "
                    "itself; leave it out, and compare settings as the runs of a stack, as in lr=[0.1, 0.01]"
                )
        if not data.prepared.streams and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._refuse_limits(trainer)

    def _refuse_limits(self, trainer: Trainer) -> None:
        """Refuse what would limit the blocks of rows in memory, of which there is one.

        Raises:
            UserError: naming the argument.
        """
        names = ("overfit_batches", *(f"limit_{stage}_batches" for stage in ("train", "val", "test", "predict")))
        asked = {name: getattr(trainer, name) for name in names}
        idle = [name for name, value in asked.items() if type(value) is int and value > 0]
        idle += ["val_check_interval"] if trainer.val_check_interval not in (1, None) else []
        if idle:
            raise UserError(
                f"Trainer({idle[0]}={getattr(trainer, idle[0])}) has no effect: a batch of Lightning's is here a block "
                "of all rows; leave it out, and for fewer rows give the DataModule fewer"
            )

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Leave Lightning nothing to step: the stack builds its own optimizers where the weights have their device."""
        if self.tracked:
            return []
        self._blocks = Blocks(self.linear.theta, self.schedule.rates())
        return [self._blocks]

    def on_fit_start(self) -> None:
        """Begin the training that was planned."""
        self._max_epochs = None
        self._diverged: set[int] = set()
        super().on_fit_start()

    def training_step(self, block: Block, index: int) -> None:
        """Take one optimizer step a minibatch of the block."""
        train = partial(super().training_step, block, index)
        if self.tracked:
            train()
        else:
            self.optimizers().step(train)  # type: ignore[union-attr]  # counts the block

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
        self._tally.add(self.linear.theta.data, _checked(block))

    def on_validation_epoch_end(self) -> None:
        """Take note of what was measured."""
        self.values |= self._on_device("val", self._tally.values())
        self._log("val")

    def on_test_epoch_start(self) -> None:
        """Begin a measurement."""
        self.on_validation_epoch_start()

    def test_step(self, block: Block, index: int) -> None:
        """Measure some test rows for all runs."""
        self._tally.add(self.linear.theta.data, _checked(block))

    def on_test_epoch_end(self) -> None:
        """Take note of what was measured."""
        self.values |= self._on_device("test", self._tally.values())
        self._log("test")

    def predict_step(self, block: Block, index: int) -> Predictions:
        """Return what all runs say of some rows; of dense ones to the last bit what delivered models say."""
        theta, x = self.linear.theta.data, _checked(block).x
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
        if not self.tracked:
            self._warn_of_divergence()
        if self.schedule.varies("epoch"):
            self.schedule.advance("epoch", self.values.get(self.monitor))
            self._refresh_lr()

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices, so that a step costs less; they go on as if they had been alone."""
        self.runs = [self.runs[run] for run in runs]
        self.hparams.update(take_keywords(self.hparams, runs))
        super().keep(runs)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the shape of the weights; and but to a file of weights alone, what the runs need to go on."""
        checkpoint[SHAPE] = self._shape
        if not self.tracked:
            checkpoint[X_SCALE] = self._x_scale
        if "optimizer_states" in checkpoint and self._optimizers:
            checkpoint["stack"] = self.stack_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what `on_save_checkpoint` left; the optimizers follow once they are built.

        Raises:
            UserError: the checkpoint lacks the shape of the weights, and there are none here; or it is of other runs.
        """
        fits = self._trainer is not None and self.trainer.state.fn == "fit"
        self._refuse_other_runs(checkpoint, fits=fits)
        self._x_scale = checkpoint.get(X_SCALE, self._x_scale)
        if not self._shape:
            if SHAPE not in checkpoint:
                raise UserError("that checkpoint does not say the shape of its weights: an earlier version wrote it")
            self._build_linear(checkpoint[SHAPE])
            self.unit = torch.tensor(self._shape["y_scale"], dtype=torch.float64)
        # weights are all that a stage other than fit, or a new training, takes from it
        if "stack" in checkpoint and fits:
            self.resume(checkpoint["stack"])

    def _refuse_other_runs(self, checkpoint: Mapping[str, Any], *, fits: bool) -> None:
        """Refuse a checkpoint of another number of runs, and to go on by other settings than its own.

        Raises:
            UserError: naming what differs.
        """
        weights, keywords = checkpoint["state_dict"], checkpoint.get("hyper_parameters")
        for before in (len(theta) for name, theta in weights.items() if name == "linear.theta"):
            if before != len(self.runs):
                raise UserError(f"OneLayer: the checkpoint holds {before} runs, and this model has {len(self.runs)}")
        if not fits or self.tracked or keywords is None:
            return
        shared = ("objective", "link", "bias", "hidden")
        same = [run.model_dump() for run in settings_of(keywords)] == [run.model_dump() for run in self.runs]
        for name in (*(() if same else PER_RUN), *shared):
            if name in keywords and keywords[name] != self.hparams[name]:
                raise UserError(
                    f"OneLayer: {name}={self.hparams[name]!r}, but the checkpoint was trained with "
                    f"{name}={keywords[name]!r}; resume with the same, or begin a new training at its weights, from "
                    f"OneLayer.load_from_checkpoint(path, {name}=...)"
                )

    def _warn_of_divergence(self) -> None:
        """Say once which runs have no finite loss any more; they go on, as in any training of Lightning's."""
        loss = self.values.get("train/loss")
        if loss is None:
            return
        for run in (~loss.isfinite()).nonzero().flatten().tolist():
            if run not in self._diverged:
                self._diverged.add(run)
                name, lr = self.settings[run].name, self.settings[run].lr
                rank_zero_warn(
                    f"OneLayer: run {run} ({name}, lr={lr:g}) has diverged, its loss is not finite; lower lr"
                )

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to a training, which a copy plans anew."""
        state: dict[str, Any] = super().__getstate__()
        state |= {"_data": None, "_max_epochs": None, "truth": None, "_threads": Threads(), "_blocks": None}
        state |= {"_optimizers": [], "_restored": None}
        return {name: value for name, value in state.items() if name not in ("schedule", "_turns", "_local", "_tally")}

    def _refresh_lr(self) -> None:
        super()._refresh_lr()
        if self._blocks is not None:
            for group, lr in zip(self._blocks.param_groups, self.schedule.rates(), strict=True):
                group["lr"] = lr

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


def _checked(block: Block) -> Block:
    """Return what a loader yields, where it is one of a data module of ours."""
    if not hasattr(block, "batches"):
        raise UserError(
            f"OneLayer takes blocks of a onelayer.DataModule, and this loader yields a {type(block).__name__}; give "
            "datamodule=DataModule(...) instead of it"
        )
    return block


class Blocks(torch.optim.Optimizer):
    """What Lightning counts its steps by, with the learning rate of each run; the optimizers of the stack are its own.

    Its class names what `LearningRateMonitor` logs.
    """

    def __init__(self, theta: Tensor, rates: Sequence[float]) -> None:
        groups = [{"params": [] if run else [theta], "lr": lr, "name": str(run)} for run, lr in enumerate(rates)]
        super().__init__(groups, {})

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take nothing: learning rates come from the schedule of the stack."""

    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Train a block."""
        if closure is not None:
            closure()


class _GiveBack(Callback):
    """Gives back the threads of a stage that an exception ended."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        pl_module.teardown(str(trainer.state.fn))
