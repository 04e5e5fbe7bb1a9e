"""Which arrays of a file belong to one another: X_train and X_test are X, of two parts."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from onelayer.data.sources.arrays import Arrays, array_named
from onelayer.errors import UserError

FEATURES = ("features", "embeddings", "X", "x")
LABELS = ("labels", "targets", "label", "target", "Y", "y")
SPELLINGS = {"train": "train|training", "val": "val|valid|validation|dev", "test": "test|testing"}
USUAL = "|".join((*FEATURES, *LABELS))


class ArrayFamily(NamedTuple):
    """Arrays that belong to one another, one for each part.

    Attributes:
        stem: what they are called, but for their part.
        names: of the array of each part.
    """

    stem: str
    names: Mapping[str, str]


def part_of(name: str) -> tuple[str, str] | None:
    """Return what an array is called but for its part, and the part; None where its name says none."""
    for part, spelling in SPELLINGS.items():
        before = re.fullmatch(rf"({USUAL}|.+[^\W_](?=[\W_]))[\W_]*(?i:{spelling})", name)
        after = re.fullmatch(rf"(?i:{spelling})(?:[\W_]+(.+)|({USUAL}))", name)
        match = before or after
        if match:
            return next(stem for stem in match.groups() if stem), part
    return None


def families(file: Path, names: Iterable[str], part: str) -> list[ArrayFamily]:
    """Return the families of which each may hold the rows of a part, with those of the other parts beside it.

    Raises:
        UserError: two names stand for the same.
    """
    plain: list[str] = []
    members: dict[str, dict[str, str]] = {}
    for name in names:
        stem, of = part_of(name) or (name, None)
        if of is None:
            plain.append(name)
        elif (other := members.setdefault(stem, {}).setdefault(of, name)) != name:
            raise UserError(f"{file}: '{other}' and '{name}' both are {of} rows of '{stem}'; rename one of them")
    whole = [ArrayFamily(stem, names_of_parts) for stem, names_of_parts in members.items() if part in names_of_parts]
    plain += [name for its in members.values() if part not in its for name in its.values()]
    return [*(ArrayFamily(name, {part: name}) for name in plain), *whole]


def family_named(file: Path, arrays: Arrays, asked: str, key: str, part: str) -> ArrayFamily:
    """Return the arrays that a key names, with or without their part.

    Raises:
        UserError: there are none.
    """
    offered = families(file, arrays, part)
    stem, of = part_of(asked) or (asked, part)
    by_name = [family for family in offered if family.names[part] == asked]
    # of a file of test rows, X_train asks for X_test
    by_stem = [family for family in offered if family.stem == stem and of in (part, "train")]
    if part != "train" and of == "train":
        by_name, by_stem = by_stem, by_name
    for family in (*by_name, *by_stem):
        return family
    array_named(file, arrays, asked, key)
    return ArrayFamily(asked, {part: asked})
