"""What the settings of a split ask for: of each other, before there are rows, and of the rows by their number."""

from onelayer.errors import UserError


def refuse_split(*, folds: int | None, fold: int | None, repeats: int, shuffle: bool, stratify: bool) -> None:
    """Refuse settings of `split_rows` that contradict each other, or of which one would do nothing.

    Raises:
        UserError: with the setting that is missing or out of range.
    """
    if stratify and not shuffle:
        raise UserError("data.split.stratify=true needs data.split.shuffle=true; set one of them to the other's value")
    if folds is None:
        if fold is not None or repeats != 1:
            key = f"data.fold={fold}" if fold is not None else f"data.repeats={repeats}"
            raise UserError(f"{key} has no effect without data.folds; set the number of folds, such as data.folds=5")
        return
    if folds < 2:
        raise UserError(f"data.folds={folds}: there must be at least 2 folds, such as data.folds=5")
    if repeats < 1:
        raise UserError(f"data.repeats={repeats}: must be at least 1")
    if repeats > 1 and not shuffle:
        raise UserError(
            f"data.repeats={repeats}: without shuffling all repetitions are equal; set data.split.shuffle=true or "
            "data.repeats=1"
        )
    total = folds * repeats
    if fold is None:
        raise UserError(
            f"data.folds={folds} needs data.fold, the one that validates, from 0 to {total - 1}; "
            f"for all of them: -m data.folds={folds} 'data.fold=range(0,{total})'"
        )
    if not 0 <= fold < total:
        repeated = f" and data.repeats={repeats}" if repeats > 1 else ""
        raise UserError(f"data.fold={fold}: with data.folds={folds}{repeated} it must be from 0 to {total - 1}")


def refuse_few_values(values: int, parts: int) -> None:
    """Refuse a column of `data.split.by` with fewer distinct values than there are parts.

    Raises:
        UserError: with both numbers.
    """
    if values < parts:
        raise UserError(
            f"data.split.by: its column has {values} distinct value{'s' if values > 1 else ''}, too few for {parts} "
            "parts; set data.split.val or data.split.test to 0, or split by another column"
        )


def refuse_few(count: int, needed: int, what: str, *, folds: int) -> None:
    """Refuse more folds than there are rows, or whatever else is parted into them.

    Raises:
        UserError: with both numbers.
    """
    if count < needed:
        raise UserError(f"data.folds={folds} needs at least {needed} {what}, but there are {count}; lower it")
