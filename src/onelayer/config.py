"""What a run may say: every key with its type, checked before anything starts.

`RunSpec.from_config` turns a composed configuration into a frozen, typed value. Sections whose arguments belong to
somebody else (a data source, a torch optimizer, a torch scheduler) keep those in `args`; their owner checks them.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError

from onelayer.config_errors import sentences
from onelayer.data.drawing import refuse_split
from onelayer.data.spec import DataSpec, OpenSection, Rows, Section, Seed
from onelayer.errors import UserError
from onelayer.links import LINKS
from onelayer.model.start import refuse_start

if TYPE_CHECKING:
    LinkName = str
else:
    LinkName = Literal[tuple(LINKS)]


class ModelSpec(Section):
    """The objective and the start."""

    objective: str = Field(description="squared, logistic, softmax, or auto: by the task of the data")
    link: LinkName = Field(description="from a binary target's probability to the logit")
    l2: NonNegativeFloat = Field(description="penalty l2/2 * ||weight||^2; the bias is never penalised")
    bias: bool = Field(description="a constant for each output; false: the weights alone")
    init: Literal["zeros", "normal", "torch"] | float = Field(
        description="torch: as torch.nn.Linear starts; a number: every weight starts there, the bias at zero"
    )
    init_std: PositiveFloat | None = Field(description="standard deviation of init=normal (null: 0.01)")
    hidden: PositiveInt | None = Field(
        default=None, description="units of a ReLU layer between x and the outputs; null: there is none"
    )


class OptimSpec(OpenSection):
    """A class of torch.optim and its arguments."""

    name: str = Field(description="name of the class in torch.optim")
    lr: PositiveFloat | Literal["auto"] = Field(description="learning rate; auto: 1/L from the data, SGD family only")


class SchedulerSpec(OpenSection):
    """A class of torch.optim.lr_scheduler and its arguments; no name, no schedule."""

    name: str | None = Field(description="name of the class in torch.optim.lr_scheduler; null: no schedule")
    interval: Literal["epoch", "step"] = Field(default="epoch", description="what one step of the schedule is")


class TrainerSpec(Section):
    """The Lightning Trainer's arguments that mean something for a one-layer model."""

    accelerator: Literal["cpu", "gpu", "cuda", "mps", "auto"] = Field(description="where the sums are done")
    devices: Literal[1] | Annotated[list[int], Field(min_length=1, max_length=1)] = Field(
        description="1, or the number of the one device to use, as in [2]"
    )

    @field_validator("devices", mode="before")
    @classmethod
    def _one_device(cls, value: Any) -> Any:
        numbers = value if isinstance(value, list) and len(value) == 1 else [value]
        if all(type(one) is int for one in numbers) and (value == 1 or (numbers is value and value[0] >= 0)):
            return value
        raise PydanticCustomError("devices", "must be 1, or the number of the one device to use, as in [0]")

    precision: Literal["32-true", "64-true", "32", "64", 32, 64] | None = Field(description="null: follows data.dtype")
    max_epochs: NonNegativeInt = Field(description="0: nothing is trained, the start is measured and delivered")
    max_time: Annotated[str, Field(pattern=r"^\d\d:\d\d:\d\d:\d\d$")] | None = Field(description="DD:HH:MM:SS")
    check_val_every_n_epoch: PositiveInt = Field(description="epochs between two validations")
    deterministic: bool = Field(description="true: torch refuses operations whose result is not always the same")
    enable_progress_bar: bool = Field(description="false: no bar; where there is no terminal there is none anyway")


class LoggerSpec(Section):
    """What a run writes to be looked at."""

    tensorboard: bool = Field(description="event files with curves and HParams, for TensorBoard")
    figures: bool = Field(description="a figure for each run, and the report that a sweep ends with")
    max_live_runs: Rows = Field(description="a larger sweep draws so many of the best curves, when they end")
    max_figures: Rows = Field(description="a larger sweep draws figures of about so many of the best")
    weights: bool = Field(default=False, description="keep the weights of each epoch, for onelayer landscape")


class RunSpec(Section):
    """One run, complete and checked."""

    seed: Seed = Field(description="rules initial weights and batch order")
    task: Literal["regression", "binary", "multiclass"] | None = Field(description="null: as the target says")
    monitor: str = Field(description="the metric that chooses the best weights, as stage/name")
    patience: PositiveInt | None = Field(description="validations without improvement before a run stops; null: never")
    checkpoint_seconds: PositiveFloat = Field(description="seconds between two savings of last.ckpt")
    resume: str | None = Field(description="a run directory to go on from")
    data: DataSpec
    model: ModelSpec
    optim: OptimSpec
    scheduler: SchedulerSpec
    trainer: TrainerSpec
    logger: LoggerSpec

    @classmethod
    def from_config(cls, config: Any) -> Self:
        """Check a configuration in plain, resolved containers.

        Raises:
            UserError: one line for every key that is missing, unknown or of the wrong kind.
        """
        try:
            spec = cls.model_validate(config)
        except ValidationError as error:
            raise UserError("\n".join(sentences(error, config, cls))) from None
        spec._check_combinations()
        return spec

    def data_keywords(self, *, with_source: bool = True) -> dict[str, Any]:
        """Return the keywords of `DataModule` for the rows and the batches of this run.

        Args:
            with_source: False: the rows are given beside these keywords.
        """
        keywords = {**self.data.keywords(), "task": self.task, "seed": self.seed, "by_configuration": True}
        return keywords if with_source else {**keywords, "source": None, "source_args": None}

    def is_random(self, steps_per_epoch: int) -> bool:
        """Whether the seed changes its numbers: it draws the initial weights, or the order of several batches."""
        return self.model.init in ("normal", "torch") or (self.data.shuffle and steps_per_epoch > 1)

    def _check_combinations(self) -> None:
        refuse_start(self.model.init, self.model.init_std, self.model.hidden, self.optim.lr)
        stage = self.monitor.partition("/")[0]
        if stage not in ("train", "val"):
            raise UserError(f"monitor={self.monitor}: expected stage/name with stage train or val, such as val/loss")
        data = self.data
        refuse_split(
            folds=data.folds,
            fold=data.fold,
            repeats=data.repeats,
            shuffle=data.split.shuffle,
            stratify=data.split.stratify,
        )
        validates = data.validates
        if stage == "val" and not validates and self.patience is not None:
            raise UserError(
                f"patience={self.patience} watches {self.monitor}, which data.split.val=0 leaves without rows"
            )
        if stage == "val" and not validates and self.scheduler.name == "ReduceLROnPlateau":
            raise UserError(f"scheduler=plateau watches {self.monitor}, which data.split.val=0 leaves without rows")
        if self.trainer.accelerator == "cpu" and self.trainer.devices != 1:
            raise UserError(f"trainer.devices={self.trainer.devices} names a GPU; with trainer=cpu leave it 1")
        if self.trainer.check_val_every_n_epoch > self.trainer.max_epochs > 0 and validates:
            raise UserError(
                f"trainer.check_val_every_n_epoch={self.trainer.check_val_every_n_epoch} is more than "
                f"trainer.max_epochs={self.trainer.max_epochs}, so nothing would ever be validated; lower it"
            )
        wanted = "64-true" if self.data.dtype == "float64" else "32-true"
        if self.trainer.precision is not None and str(self.trainer.precision)[:2] != wanted[:2]:
            raise UserError(
                f"trainer.precision={self.trainer.precision} contradicts data.dtype={self.data.dtype}; set data.dtype, "
                "the precision follows it"
            )
