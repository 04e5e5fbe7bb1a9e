"""Parts that a source gives, such as the test rows of a benchmark; the others are drawn from its train rows."""

import numpy as np

from onelayer.data.preparation import Preparation
from onelayer.data.split import Split, split_rows
from onelayer.data.table import PARTS, Array, Table
from onelayer.errors import UserError

WORDS = {"train": "train", "val": "validation", "test": "test"}
# what draws rows, as fields of Preparation and as keys
DRAWING = {
    "val": "data.split.val",
    "test": "data.split.test",
    "split_seed": "data.split.seed",
    "split_shuffle": "data.split.shuffle",
    "stratify": "data.split.stratify",
}


def split_table(table: Table, how: Preparation) -> Split:
    """Return the rows of each part: of those that the source gives, these; of the others, as `how` draws them.

    Where the source gives a part, a ratio is one of its train rows, from which the others are drawn.

    Raises:
        UserError: `how` draws what is given, or the given parts do not fit each other; see also `split_rows`.
    """
    part = np.zeros(len(table), np.int8) if table.part is None else table.part
    pool, val, test = (np.flatnonzero(part == place) for place in range(len(PARTS)))
    if len(val) + len(test):
        _refuse_drawing(table, how, val=len(val), test=len(test))
        _refuse_unknown_classes(table, part)
    drawn = split_rows(
        len(pool),
        val=0 if len(val) else how.val,
        test=0 if len(test) else how.test,
        seed=how.split_seed,
        shuffle=how.split_shuffle,
        labels=table.target[pool] if how.stratify else None,
        by=None if table.by is None else table.by[pool],
        folds=how.folds,
        fold=how.fold,
        repeats=how.repeats,
    )
    return Split(
        pool[drawn.train],
        val if len(val) else pool[drawn.val],
        test if len(test) else pool[drawn.test],
    )


def given_parts(part: Array | None) -> tuple[str, ...]:
    """Say what the source gives, in a sentence, or none; of each row its part, as `Table.part`."""
    if part is None:
        return ()
    sizes = np.bincount(part, minlength=len(PARTS))
    given = [_rows(size, name) for name, size in zip(PARTS, sizes, strict=True) if size and name != "train"]
    return (f"given with the data: {' and '.join(given)}",) if given else ()


def crossing(table: Table) -> tuple[str, ...]:
    """Say how many values of `data.split.by` have rows in a given part and among the train rows."""
    if table.by is None or table.part is None:
        return ()
    values = [np.unique(table.by[table.part == place]) for place in range(len(PARTS))]
    shared = {WORDS[name]: len(np.intersect1d(values[0], values[place])) for place, name in enumerate(PARTS) if place}
    return tuple(
        f"data.split.by: {count} of its values have both train rows and given {name} rows"
        for name, count in shared.items()
        if count
    )


def _refuse_drawing(table: Table, how: Preparation, *, val: int, test: int) -> None:
    """Refuse what would draw rows that are given: a setting that did nothing is an error."""
    if val and how.folds is not None:
        raise UserError(
            f"data.folds={how.folds} makes the validation rows, but the data give {val}; leave data.folds out, or the "
            "given validation rows"
        )
    useless = [("val", val)] * bool(val) + [("test", test)] * bool(test)
    if val and test:
        useless += [(name, val + test) for name in ("split_seed", "split_shuffle", "stratify")]
    for name, rows in useless:
        value = getattr(how, name)
        if value != getattr(Preparation, name):
            shown = str(value).lower() if isinstance(value, bool) else value
            kind = WORDS.get(name, "validation and test")
            raise UserError(
                f"{DRAWING[name]}={shown} would do nothing: the data give the {rows} {kind} rows; leave it out"
            )
    if val and test and table.by is not None:
        raise UserError(
            f"data.split.by would do nothing: the data give the {val + test} validation and test rows; leave it null"
        )


def _refuse_unknown_classes(table: Table, part: Array) -> None:
    if table.classes is None:
        return
    counts = np.stack(
        [np.bincount(table.target[part == place].astype(np.int64), minlength=len(table.classes)) for place in range(3)]
    )
    for place, name in enumerate(table.classes):
        if counts[:, place].any() and not counts[0, place]:
            where = " and ".join(
                _rows(rows, which) for which, rows in zip(PARTS, counts[:, place], strict=True) if rows
            )
            raise UserError(
                f"target '{table.target_name}': class '{name}' is that of {where}, and of no train row; leave "
                "these rows out, or give train rows of it"
            )


def _rows(count: int, part: str) -> str:
    return f"{count} {WORDS[part]} row{'s' if count != 1 else ''}"
