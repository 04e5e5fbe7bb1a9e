"""How rows are made ready for a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from onelayer.data.encode import EncodeSettings
from onelayer.data.preprocess import Scale, Scaling, TargetScaling
from onelayer.data.spec import SPLIT, DataSpec
from onelayer.data.split import Split


@dataclass(frozen=True)
class Preparation:
    """How a table is split, encoded, scaled and weighed.

    Attributes:
        val: validation rows, a ratio (float) or a number (int); unused with folds.
        test: test rows, likewise.
        split_seed: seed of the split.
        split_shuffle: False: the last rows are the test rows.
        stratify: keep the class shares in every part.
        folds: the validation rows are one of so many folds.
        fold: which one, from 0.
        repeats: how often the folds are drawn anew.
        normalize: scaling of the features.
        normalize_target: scaling of a regression target; auto: standard, and none for classes.
        class_weight: what each class counts in the loss; balanced: each class the same in all.
        encode: how columns become features.
        split: the rows of each part; None: as the fields above draw them.
        scales: of features and target, where they were fitted before.
        centred: shift features and target; without a constant in the model nothing may be shifted.
        scale_sparse: divide sparse features, whose zeros stay; False: what would scale them is refused.
        hashed: whether the rows are hashed, which nobody needs who resumes nothing.
    """

    val: float = 0.15
    test: float = 0.15
    split_seed: int = 0
    split_shuffle: bool = True
    stratify: bool = False
    folds: int | None = None
    fold: int | None = None
    repeats: int = 1
    normalize: Scaling = "standard"
    normalize_target: TargetScaling = "none"
    class_weight: Literal["balanced"] | Mapping[str, float] | None = None
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    split: Split | None = None
    scales: tuple[Scale, Scale] | None = None
    centred: bool = True
    scale_sparse: bool = False
    hashed: bool = True

    @classmethod
    def of(cls, data: DataSpec) -> Self:
        """Return what the section `data` of a configuration asks for."""
        split = {SPLIT[key]: value for key, value in data.split.model_dump(exclude={"by"}).items()}
        return cls(
            **split,
            folds=data.folds,
            fold=data.fold,
            repeats=data.repeats,
            normalize=data.normalize,
            normalize_target=data.normalize_target,
            class_weight=data.class_weight,
            encode=EncodeSettings() if data.encode is None else EncodeSettings(**data.encode.model_dump()),
        )
