"""What may be said of rows: where they come from, how they are made ready and cut into batches; each key checked."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, field_validator

from onelayer.data.tables.names import Name

# a class and its weight in {a: 1, 'b, c': 2}
WEIGHT = r"""\s*('(?:[^']|'')*'|"[^"]*"|[^\s,'"][^,]*?)\s*:\s*([^\s,:{}]+)\s*"""
# the keys of data.split, and what the keywords of `DataModule` call them
SPLIT = {
    **{key: key for key in ("val", "test", "stratify")},
    **{key: f"split_{key}" for key in ("seed", "shuffle", "by")},
}
# of the section, what changes the batches and not the rows
BATCHES = ("batch_size", "shuffle", "dtype")
Ratio = Annotated[float, Field(ge=0, lt=1)]
Rows = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Section(BaseModel):
    """A closed section: a key that is not named here is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class OpenSection(BaseModel):
    """A section whose further keys are arguments of the thing it names."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    @property
    def args(self) -> dict[str, Any]:
        """The keys that belong to the named source, optimizer or scheduler."""
        return dict(self.model_extra or {})


class SplitSpec(Section):
    """Which rows are for training, validation and testing."""

    val: Rows | Ratio = Field(
        description="validation rows: a ratio of all rows (but for test rows that the data give), or a number of rows"
    )
    test: Rows | Ratio = Field(description="test rows: a ratio of all rows, or a number of rows")
    seed: Seed = Field(description="seed of the split; independent of the run's seed")
    shuffle: bool = Field(description="false: the last rows are the test rows, those before them the validation rows")
    stratify: bool = Field(description="keep the class shares in every part")
    by: Name | None = Field(
        description="a column; rows of equal value stay together; with shuffle=false the latest are the test rows"
    )


class EncodeSpec(Section):
    """How columns of a table become features; fitted on train rows."""

    impute: Literal["mean", "median", "constant"] = Field(description="what fills holes in columns of numbers")
    fill: float = Field(description="the constant of impute=constant")
    indicator: bool = Field(description="a column that says where a number was missing")
    min_count: PositiveInt = Field(description="levels with fewer train rows are pooled as <other>")
    max_levels: PositiveInt | None = Field(description="the rest of the levels is pooled as <other>; null: none is")
    unseen: Literal["other", "error"] = Field(description="levels that no train row has: as <other>, or refused")
    drop_first: bool = Field(description="drop one column of each category, so that they do not sum to 1")


class DataSpec(OpenSection):
    """Where the rows come from and how they reach the model."""

    source: str = Field(description="name of the data source; its own arguments stand beside this key")
    split: SplitSpec = Field(description="which rows are for training, validation and testing")
    folds: Annotated[int, Field(ge=2)] | None = Field(description="the validation rows are one of so many folds")
    fold: Rows | None = Field(description="which fold validates, from 0; each repetition counts on")
    repeats: PositiveInt = Field(description="how often the folds are drawn anew")
    encode: EncodeSpec | None = Field(
        default=None, description="how columns become features; for tables that have them"
    )
    class_weight: Literal["balanced"] | dict[str, PositiveFloat] | None = Field(
        description="what an error in each class costs; balanced: each class the same in all"
    )
    normalize: Literal["standard", "minmax", "robust", "none"] = Field(
        description="scaling of features, fitted on train rows"
    )
    normalize_target: Literal["standard", "none", "auto"] = Field(
        description="scaling of a regression target, likewise; auto: standard for a number, none for classes"
    )
    batch_size: PositiveInt | Literal["full"] = Field(description="rows a step, or full for all train rows")
    shuffle: bool = Field(description="a new batch order each epoch")
    dtype: Literal["float32", "float64"] = Field(description="precision of data, weights and optimizer state")

    @field_validator("class_weight", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """Classes are called by their names, which YAML may read as numbers, and which the command line leaves as text.

        YAML could not read ``{>50K: 3}``, and would make a truth of ``{true: 3}``.
        """
        if isinstance(value, str) and re.fullmatch(rf"\{{{WEIGHT}(,{WEIGHT})*,?\s*\}}", value):
            value = {
                _unquoted(name): _as_number(weight) for name, weight in re.findall(rf"{WEIGHT}(?:,|$)", value[1:-1])
            }
        return {str(name): weight for name, weight in value.items()} if isinstance(value, Mapping) else value

    def keywords(self) -> dict[str, Any]:
        """Return all of it by the names of `DataModule`'s keywords."""
        own = self.model_dump(exclude={"split", *self.args})
        split = {SPLIT[key]: value for key, value in self.split.model_dump().items()}
        return {**own, **split, "source_args": self.args}

    @property
    def validates(self) -> bool:
        """Whether there are validation rows."""
        return self.folds is not None or self.split.val != 0


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1] if text[0] == '"' else text


def _as_number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
