"""The encoder: from a frame of columns to the design matrix, as the train rows decided."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onelayer.data.encode.design import Design, Feature, Levels, Numbers, from_json, require, unique
from onelayer.data.encode.layout import Layout
from onelayer.data.encode.notes import notes_of, some
from onelayer.data.encode.statistics import (
    Array,
    Counted,
    Counts,
    Moments,
    Statistics,
    of_flags,
    side_by_side,
    with_fill,
)
from onelayer.data.frame import Column, Frame
from onelayer.errors import UserError

# the square of a larger number, summed over the rows, has no place in float64
LARGEST = 1e150


@dataclass(frozen=True)
class EncodeSettings:
    """How columns are encoded.

    Attributes:
        impute: what a missing number or boolean becomes: the mean or the median of the train rows, or `fill`.
        fill: that constant.
        indicator: a design column that says where a number was missing, for columns with holes in the train rows.
        min_count: levels with fewer train rows are pooled into one design column, 1: none; a row counts as so many as
            it stands for.
        max_levels: so are all but so many of the most frequent; None: no limit.
        unseen: what a level without train rows becomes: one of the pooled, or zeros where there are none; or an error.
        drop_first: leave out the design column of one level of each category, the base of the others: missing, or the
            first level where none was missing.
    """

    impute: Literal["mean", "median", "constant"] = "mean"
    fill: float = 0.0
    indicator: bool = False
    min_count: int = 1
    max_levels: int | None = 100
    unseen: Literal["other", "error"] = "other"
    drop_first: bool = False


@dataclass(frozen=True)
class Encoder:
    """Columns of a table to design columns, in the table's order.

    A number or a boolean is one design column, a date one for each of its parts, a category one of zeros and ones for
    each level.

    Attributes:
        designs: what becomes of each column.
        refuse_unseen: a level without train rows is an error.
        notes: what was filled in, pooled or renamed, a sentence each.
    """

    designs: tuple[Design, ...]
    refuse_unseen: bool = False
    notes: tuple[str, ...] = field(default=(), compare=False)
    _layouts: list[tuple[tuple[Column, ...], Layout]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        names = [design.name for design in self.designs]
        if len(set(names)) < len(names):
            twice = next(name for number, name in enumerate(names) if name in names[:number])
            raise UserError(f"two columns are called '{twice}'; rename one of them")

    @classmethod
    def plain(cls, names: tuple[str, ...]) -> "Encoder":
        """Return the encoder of numbers that are never missing: the design matrix is what it is given."""
        return cls(tuple(Numbers(name, "numeric") for name in names))

    @classmethod
    def fit(cls, frame: Frame, settings: EncodeSettings) -> "Encoder":
        """Decide by a frame, which must be train rows alone.

        Raises:
            UserError: see `build`.
        """
        return cls.build(Statistics.of(frame, median=settings.impute == "median"), settings)

    @classmethod
    def build(cls, statistics: Statistics, settings: EncodeSettings) -> "Encoder":
        """Decide by the statistics of the train rows.

        Levels are pooled as by scikit-learn's `OneHotEncoder` with ``min_frequency=min_count`` and
        ``max_categories=max_levels + 1``: of equally frequent levels, the later names stay. Rows without a level are
        never pooled.

        Raises:
            UserError: a number is too large to compute with, or no design column is left.
        """
        designs: list[Design] = []
        for column, place in _places(statistics.columns):
            if column.role == "category":
                counts, missing = statistics.levels[place], statistics.missing_levels[place]
                designs.append(_levels(column, counts, bool(missing), settings))
            else:
                designs.append(_numbers(column, statistics, slice(place, place + column.width), settings))
        encoder = cls(tuple(designs), settings.unseen == "error")
        if not encoder.n_features:
            raise UserError(
                "no feature is left: each column has one level in the train rows, which data.encode.drop_first drops"
                if designs
                else "there is no column to learn from"
            )
        object.__setattr__(encoder, "notes", notes_of(designs, encoder.features, statistics, settings.impute))
        return encoder

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The design columns."""
        return unique(feature for design in self.designs for feature in design.features())

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the design columns."""
        return tuple(feature.name for feature in self.features)

    @property
    def n_features(self) -> int:
        """How many design columns there are."""
        return len(self.features)

    def apply(self, frame: Frame, rows: NDArray[Any] | None = None) -> Array:
        """Return the design matrix, (rows, n_features).

        Columns are found by their names, levels by theirs; further columns do not matter. A frame of nothing but the
        numbers that are wanted, without holes, is not copied.

        Args:
            frame: the rows.
            rows: their numbers in the table from 0, for messages; None: those in the frame.

        Raises:
            UserError: a column is missing or of another role, or a row cannot be encoded.
        """
        if not self._layouts or self._layouts[0][0] != frame.columns:
            layout = Layout.of(self.designs, frame.columns, refuse_unseen=self.refuse_unseen)
            self._layouts[:] = [(frame.columns, layout)]
        return self._layouts[0][1].apply(frame, rows)

    def moments(self, statistics: Statistics, quartiles: Array | None = None) -> Moments:
        """Return the moments of the design columns of rows that are known by their statistics alone.

        Args:
            statistics: of these rows; columns in any order.
            quartiles: (3, numbers), of each number of these rows after imputation; None: not needed.
        """
        places = {column.name: (column, place) for column, place in _places(statistics.columns)}
        found = []
        for design in self.designs:
            column, place = places[design.name]
            if isinstance(design, Levels):
                counts, missing = statistics.levels[place], statistics.missing_levels[place]
                ones = _counts(design, dict(zip(column.levels, counts.tolist(), strict=True)), missing)
                found.append(of_flags(statistics.rows, ones, quartiles=quartiles is not None))
                continue
            at = slice(place, place + design.width)
            fill = np.array(design.fill or [np.nan] * design.width)
            q = None if quartiles is None else quartiles[:, at]
            found.append(with_fill(statistics.moments.at(at), statistics.rows, statistics.missing[at], fill, q))
            if design.indicator:
                ones = statistics.missing[at][:1]
                found.append(of_flags(statistics.rows, ones, quartiles=quartiles is not None))
        return side_by_side(found)

    def fills(self, columns: tuple[Column, ...]) -> Array:
        """Return what a hole in each number of some columns becomes, (numbers,), NaN where holes are refused."""
        numbers = {design.name: design for design in self.designs if not isinstance(design, Levels)}
        found = [numbers[one.name].fill or [np.nan] * one.width for one in columns if one.role != "category"]
        return np.concatenate([np.zeros(0), *found])

    def unseen(self, counted: Counted, what: str, train: Counted | None = None) -> tuple[str, ...]:
        """Say which rows lack a value, and which have levels that no train row has; a sentence each, or none.

        Args:
            counted: the rows; columns in any order.
            what: they are called.
            train: the train rows, of the same columns; None where they are no longer known. Columns of which these lack
                numbers, too, are left out.
        """
        lacking = counted.missing if train is None else np.where(train.missing == 0, counted.missing, 0)
        places = {column.name: (column, place) for column, place in _places(counted.columns)}
        filled, new, empty = list[str](), list[str](), list[str]()
        for design in self.designs:
            column, place = places[design.name]
            if not isinstance(design, Levels):
                rows = int(lacking[place : place + design.width].max(initial=0))
                become = ", ".join(f"{value:.6g}" for value in design.fill or ())
                filled += [f"{design.name} ({_counted(rows, what)}, become {become})"] if rows and become else []
                continue
            missing, *each = counted.levels[place].tolist()
            known = {*design.levels, *design.pooled}
            unknown = sum(rows for level, rows in zip(column.levels, each, strict=True) if level not in known)
            taken = "as <other>" if design.pooled else "as none of them"
            new += [f"{design.name} ({_counted(unknown, what)}, {taken})"] if unknown else []
            empty += [f"{design.name} ({_counted(missing, what)}, {taken})"] if missing and not design.missing else []
        sentences = (
            ("without a number" if train is None else "without a number, as no train row is", filled),
            ("levels that no train row has", new),
            ("without a level, as no train row is", empty),
        )
        return tuple(f"{words}: {some(columns)}" for words, columns in sentences if columns)

    def to_json(self) -> dict[str, Any]:
        """Return plain containers, from which `from_json` makes an equal encoder."""
        unseen = "error" if self.refuse_unseen else "other"
        return {"unseen": unseen, "columns": [design.to_json() for design in self.designs]}

    @cached_property
    def text(self) -> str:
        """`to_json` as text."""
        return json.dumps(self.to_json(), allow_nan=False)

    @classmethod
    def from_json(cls, found: Any) -> "Encoder":
        """Read what `to_json` returned.

        Raises:
            UserError: it is something else.
        """
        require(found, "encoding", ("unseen", "columns"))
        if found["unseen"] not in ("other", "error"):
            raise UserError(f"encoding: unseen must be other or error, not {found['unseen']!r:.80}")
        if not isinstance(found["columns"], list):
            raise UserError("encoding: columns must be a list")
        return cls(tuple(from_json(one) for one in found["columns"]), found["unseen"] == "error")


def _places(columns: tuple[Column, ...]) -> Iterator[tuple[Column, int]]:
    return Frame(columns, np.empty((0, 0)), np.empty((0, 0), np.int32)).places()


def _numbers(column: Column, statistics: Statistics, at: slice, settings: EncodeSettings) -> Numbers:
    moments = statistics.moments.at(at)
    extreme = np.fmax.reduce(np.abs([*moments.minimum, *moments.maximum]))
    if extreme > LARGEST:
        raise UserError(
            f"column '{column.name}' holds {extreme:g}, whose square float64 cannot hold; divide the column, or list "
            "it under data.drop"
        )
    middle = statistics.median[at] if settings.impute == "median" and statistics.median is not None else moments.mean
    fill = [settings.fill] * column.width if settings.impute == "constant" else np.nan_to_num(middle).tolist()
    holes = bool(statistics.missing[at].any())
    indicator = settings.indicator and holes
    return Numbers(column.name, column.role, column.parts, tuple(map(float, fill)), indicator, column.notation)


def _levels(column: Column, counts: Counts, missing: bool, settings: EncodeSettings) -> Levels:
    order = [place for place in sorted(range(len(counts)), key=column.levels.__getitem__) if counts[place]]
    sizes = counts[order]
    rare = (sizes < settings.min_count) & (settings.min_count > 1)  # a level may have less than a row
    if settings.max_levels is not None and (~rare).sum() > settings.max_levels:
        rare[np.argsort(sizes, kind="stable")[: -settings.max_levels]] = True
    kept, pooled = (
        tuple(column.levels[place] for place, one in zip(order, rare, strict=True) if one == flag)
        for flag in (False, True)
    )
    return Levels(column.name, kept, pooled, missing, settings.drop_first, column.typed)


def _counts(design: Levels, counts: dict[str, float], missing: float) -> Counts:
    """Return the rows that have a one, for each design column of a category."""
    other = sum(count for level, count in counts.items() if level not in set(design.levels))
    ones = [counts.get(level, 0) for level in design.levels]
    if not design.missing:
        other += missing
    ones += [other] * bool(design.pooled) + [missing] * design.missing
    return np.array([one for one, feature in zip(ones, design.blocks(), strict=True) if feature is not None])


def _counted(count: int, what: str) -> str:
    return f"{count} {what if count > 1 else what.removesuffix('s')}"
