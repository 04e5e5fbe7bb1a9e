"""The names of columns, each its own."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from onelayer.errors import UserError, did_you_mean

UNNAMED = "unnamed"
TAKEN = "rowid"  # duckdb numbers the rows so
IDENTIFIER = (
    r"(.*[_\s.-])?(id|ids|uuid|guid|index|idx|key|rownames?|row_?num(ber)?|rowid|row|serial(_?no)?)|unnamed_\d+"
)


def as_name(value: Any) -> Any:
    """Return a number or a truth as YAML writes it: columns may be called so."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _as_listed_name(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("name", 'a column called null is written in quotes, as in ["null"]')
    return as_name(value)


def _as_list(value: Any) -> Any:
    if isinstance(value, str | int | float):
        raise PydanticCustomError("list", "must be a list, such as [{one}]", {"one": value})
    return value


Name = Annotated[str, BeforeValidator(as_name)]
ListedName = Annotated[str, BeforeValidator(_as_listed_name)]
Names = Annotated[Sequence[ListedName], BeforeValidator(_as_list)]
Texts = Annotated[Sequence[str | int | float], BeforeValidator(_as_list)]


def distinct_names(given: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make one space of white space, strip it at the ends, name what has no name, and tell columns of one name apart.

    duckdb sees no case in names.

    Returns:
        The names, and a note on each that is not as given.
    """
    plains = [re.sub(r"\s*[^\S ]\s*", " ", one).strip() for one in given]
    taken = {plain.casefold() for plain in plains}
    seen: dict[str, str] = {TAKEN: TAKEN}
    names, notes = [], []
    padded = [one.strip() for one, plain in zip(given, plains, strict=True) if one.strip() == plain != one and plain]
    broken = [plain for one, plain in zip(given, plains, strict=True) if one.strip() != plain]
    if padded:
        notes.append(f"names with spaces around them were stripped: {_listed(padded)}")
    if broken:
        notes.append(f"line breaks and tabs in names became one space: {_listed(broken)}")
    for place, plain in enumerate(plains, 1):
        name = plain or f"{UNNAMED}_{place}"
        number = 1
        while name.casefold() in seen or (name != plain and name.casefold() in taken):
            name = f"{plain or UNNAMED}_{number}"
            number += 1
        if not plain:
            notes.append(f"column {place} has no name and is called '{name}'")
        elif plain.casefold() == TAKEN:
            notes.append(f"'{plain}' is a name that duckdb keeps for itself; the column is called '{name}'")
        elif name != plain and seen.get(plain.casefold(), plain) != plain:
            other = seen[plain.casefold()]
            notes.append(f"'{plain}' and '{other}' differ in case alone; column {place} is called '{name}'")
        elif name != plain:
            notes.append(f"'{plain}' names more than one column; column {place} is called '{name}'")
        seen[name.casefold()] = name
        names.append(name)
    return tuple(names), tuple(notes)


def named_like_identifier(name: str) -> bool:
    """Whether a name says that its column counts the rows: PassengerId, customer_id, index, uuid, ..."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip()).casefold()
    return re.fullmatch(IDENTIFIER, words) is not None


def require(wanted: str, names: Sequence[str], key: str) -> str:
    """Return the column that a key names.

    Raises:
        UserError: there is none.
    """
    if wanted in names:
        return wanted
    hint = did_you_mean(wanted, names) or f"; there are {', '.join(names[:20])}" + (", ..." if len(names) > 20 else "")
    raise UserError(f"data.{key}={wanted}: the table has no such column{hint}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
