"""Whether a design matrix fits into memory."""

from collections import Counter
from collections.abc import Sequence

from onelayer.data.encode.design import Feature
from onelayer.errors import UserError
from onelayer.memory import free_memory

BYTES = 8  # of float64


def refuse_too_large(features: Sequence[Feature], n_rows: int) -> None:
    """Refuse categories whose levels make more design columns than memory holds; numbers are there already.

    Args:
        features: the design columns.
        n_rows: rows that are in memory at a time.

    Raises:
        UserError: names the category with the most levels.
    """
    widths = Counter(feature.column for feature in features if feature.kind in ("level", "other", "missing"))
    needed, free = n_rows * len(features) * BYTES, free_memory()
    if not widths or needed <= free:
        return
    column, width = widths.most_common(1)[0]
    raise UserError(
        f"the design matrix of {n_rows} rows x {len(features)} features takes {_gigabytes(needed)}, but "
        f"{_gigabytes(free)} are free; {width} of the features are levels of '{column}': lower data.encode.max_levels, "
        f"or leave the column out with data.drop=[{column}]"
    )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
