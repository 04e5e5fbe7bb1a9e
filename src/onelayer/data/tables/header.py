"""Whether the first record of a text file names its columns, by what stands below it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

NUMBER = r"[^\w\s]{0,3}\s?(\d[\d.,' ]*|[.,]\d+)([eE][+-]?\d+)?\s?[^\w\s]{0,3}|[+-]?(inf|nan)"
DATE = (
    r"\d{4}[./-]\d\d?[./-]\d\d?([ T].*)?|\d\d?[./ -](\d\d?|[A-Za-z]{3,9})[./ -](\d{4}|\d\d)([ T].*)?"
    r"|\d\d?:\d\d(:\d\d.*)?"
)
TRUTHS = ("true", "false", "yes", "no")
MOSTLY = 0.9  # of the values of a column, so that a word among numbers does not hide them

Shape = Literal["number", "date", "truth", "text"]


@dataclass(frozen=True)
class Header:
    """What speaks for and against a header.

    Attributes:
        is_certain: a text stands above numbers, dates or truths.
        is_value: a number stands above numbers or a date above dates, and nothing is certain.
        is_odd: a name is written as a value is, or stands below as one.
    """

    is_certain: bool
    is_value: bool
    is_odd: bool


def judge_header(first: Sequence[str], below: Sequence[Sequence[str]], missing: Sequence[str]) -> Header:
    """Compare the first record with those below it.

    Args:
        first: its fields.
        below: records of as many fields.
        missing: spellings of a missing value.
    """
    names = [field.strip() for field in first]
    columns = [
        [value for record in below if (value := record[place].strip()) not in missing] for place in range(len(names))
    ]
    shapes = [_shape_of(values) for values in columns]
    likes = [name != "" and _shape(name) == shape for name, shape in zip(names, shapes, strict=True)]
    certain = any(
        name != "" and shape != "text" and _shape(name) == "text" for name, shape in zip(names, shapes, strict=True)
    )
    values = any(like and shape != "text" for like, shape in zip(likes, shapes, strict=True))
    recur = [name in values for name, values in zip(names, columns, strict=True) if name]
    odd = any(_shape(name) != "text" for name in names if name) or any(recur)
    return Header(certain, (values or (all(recur) and any(recur))) and not certain, odd)


def _shape_of(values: Sequence[str]) -> Shape:
    """Return what nearly all values look like; text where there are none."""
    shapes = [_shape(value) for value in values]
    kinds: tuple[Shape, ...] = ("number", "date", "truth")
    return next((kind for kind in kinds if shapes and shapes.count(kind) >= MOSTLY * len(shapes)), "text")


def _shape(value: str) -> Shape:
    if re.fullmatch(DATE, value):
        return "date"
    if re.fullmatch(NUMBER, value):
        return "number"
    return "truth" if value.casefold() in TRUTHS else "text"
