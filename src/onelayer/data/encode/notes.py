"""What the encoder did to a table, in sentences."""

from collections.abc import Sequence

import numpy as np

from onelayer.data.encode.design import Design, Feature, Levels, Numbers
from onelayer.data.encode.statistics import Statistics
from onelayer.data.frame import Frame

# so many columns are named in a sentence
NAMED = 8


def notes_of(
    designs: Sequence[Design], features: Sequence[Feature], statistics: Statistics, impute: str
) -> tuple[str, ...]:
    """Say what was filled in, pooled and renamed; `designs` stand in the order of the columns of the statistics."""
    filled, unknown, missing, pooled = [], [], [], []
    frame = Frame(statistics.columns, statistics.moments.mean[None], statistics.missing_levels[None].astype("int32"))
    for design, (column, place) in zip(designs, frame.places(), strict=True):
        if isinstance(design, Levels):
            if design.missing:
                missing.append(f"{design.name} ({_rows(statistics.missing_levels[place])})")
            if design.pooled:
                counts = dict(zip(column.levels, statistics.levels[place].tolist(), strict=True))
                rows = sum(counts[level] for level in design.pooled)
                total = len(design.levels) + len(design.pooled)
                pooled.append(f"{design.name} ({len(design.pooled)} of {total} levels, {_rows(rows)})")
            continue
        holes = statistics.missing[place]
        if np.isnan(statistics.moments.mean[place]):
            unknown.append(design.name)
        elif holes and isinstance(design, Numbers) and design.fill is not None:
            filled.append(f"{design.name} ({_rows(holes)}, {', '.join(f'{one:.6g}' for one in design.fill)})")
    what = "data.encode.fill" if impute == "constant" else f"the {impute} of the train rows"
    by_column = {(feature.column, feature.kind, feature.part): feature.name for feature in features}
    renamed = [
        f"'{by_column[feature.column, feature.kind, feature.part]}' of column {feature.column}"
        for design in designs
        for feature in design.features()
        if by_column[feature.column, feature.kind, feature.part] != feature.name
    ]
    sentences = (
        (filled, f"missing numbers become {what}: "),
        (unknown, f"no train row has a value, so the column becomes {0.0 if impute != 'constant' else what}: "),
        (missing, "missing categories are a level of their own: "),
        (pooled, "rare levels are pooled: "),
        (renamed, "features whose name was taken already are called: "),
    )
    return tuple(f"{start}{some(columns)}" for columns, start in sentences if columns)


def _rows(count: float) -> str:
    return f"{count:.12g} row{'s' if count != 1 else ''}"


def some(columns: Sequence[str]) -> str:
    """List columns, up to `NAMED` of them."""
    more = len(columns) - NAMED
    return ", ".join(columns[:NAMED]) + (f" and {more} more" if more > 0 else "")
