"""What becomes of one column of a table: its design columns, their names and their moments."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from onelayer.data.frame import Role
from onelayer.data.tables.notation import PLAIN, Notation, printed
from onelayer.errors import UserError

MISSING = "<missing>"
OTHER = "<other>"


class Feature(NamedTuple):
    """A design column.

    Attributes:
        name: of the design column, unique; such as ``age``, ``age=<missing>``, ``when.year``, ``sex=male``.
        column: the table's column that it comes from.
        kind: a number; a part of a date; rows that have one level, one of the pooled levels, or no value.
        part: which part or level; None where there is but one.
    """

    name: str
    column: str
    kind: Literal["number", "part", "level", "other", "missing"]
    part: str | None = None


class Numbers(NamedTuple):
    """A column of numbers, booleans or dates.

    Attributes:
        name: of the table's column.
        role: of the column.
        parts: of a date.
        fill: what a missing number becomes, for each part of a date; None: a missing number is refused.
        indicator: a design column says whether the value was missing.
        notation: how texts of the column are written.
    """

    name: str
    role: Role
    parts: tuple[str, ...] = ()
    fill: tuple[float, ...] | None = None
    indicator: bool = False
    notation: Notation = PLAIN

    @property
    def width(self) -> int:
        """Columns of numbers."""
        return len(self.parts) if self.role == "date" else 1

    def features(self) -> Iterator[Feature]:
        """Yield its design columns; names may not be unique yet."""
        if self.role == "date":
            for part in self.parts:
                yield Feature(f"{self.name}.{part}", self.name, "part", part)
        else:
            yield Feature(self.name, self.name, "number")
        if self.indicator:
            yield Feature(f"{self.name}={MISSING}", self.name, "missing")

    def to_json(self) -> Any:
        """Return plain containers: of a number that is never missing, its name."""
        if self == Numbers(self.name, "numeric"):
            return self.name
        parts = {"parts": list(self.parts)} if self.role == "date" else {}
        fill = None if self.fill is None else list(self.fill)
        notation = {} if self.notation == PLAIN else {"notation": self.notation.to_json()}
        return {"name": self.name, "role": self.role, **parts, "fill": fill, "indicator": self.indicator, **notation}


class Levels(NamedTuple):
    """A category: a design column of zeros and ones for each level.

    Attributes:
        name: of the table's column.
        levels: those with a design column of their own, sorted.
        pooled: those that share one, sorted.
        missing: a design column for rows without a level.
        dropped: the base has no design column: rows without a level, or where none was missing the first level.
        typed: levels are numbers or the like that a typed table held, so that a text 1.0 is level 1; else they are
            texts as they were written.
    """

    name: str
    levels: tuple[str, ...]
    pooled: tuple[str, ...] = ()
    missing: bool = False
    dropped: bool = False
    typed: bool = False

    @property
    def role(self) -> Role:
        """Of the column."""
        return "category"

    @property
    def lost_as_number(self) -> str | None:
        """A level that a number cannot name, such as 1.10 or 02116, which are printed as 1.1 and 2116; None."""
        for level in () if self.typed else (*self.levels, *self.pooled):
            number = PLAIN.number(level)
            if number is not None and number == number and printed(number) != level:
                return level
        return None

    def blocks(self) -> list[Feature | None]:
        """Return a feature for each level, for the pooled ones and for missing; None for the base."""
        made: list[Feature | None] = [
            Feature(f"{self.name}={level}", self.name, "level", level) for level in self.levels
        ]
        if self.pooled:
            made.append(Feature(f"{self.name}={OTHER}", self.name, "other"))
        if self.missing:
            made.append(Feature(f"{self.name}={MISSING}", self.name, "missing"))
        if self.dropped:
            made[-1 if self.missing else 0] = None
        return made

    def features(self) -> Iterator[Feature]:
        """Yield its design columns; names may not be unique yet."""
        yield from (feature for feature in self.blocks() if feature is not None)

    def to_json(self) -> Any:
        """Return plain containers."""
        return {
            "name": self.name,
            "role": self.role,
            "levels": list(self.levels),
            "pooled": list(self.pooled),
            "missing": self.missing,
            "dropped": self.dropped,
            **({"typed": True} if self.typed else {}),
        }


Design = Numbers | Levels


def unique(features: Iterable[Feature]) -> tuple[Feature, ...]:
    """Make names unique: a name that was given before gets `` (2)``, ``(3)``, ...

    A level may be called ``<missing>``, and the column ``a=b`` may stand beside a level b of a.
    """
    features = tuple(features)
    given: set[str] = {feature.name for feature in features}
    if len(given) == len(features):
        return features
    given.clear()
    found = []
    for feature in features:
        name, number = feature.name, 2
        while name in given:
            name, number = f"{feature.name} ({number})", number + 1
        given.add(name)
        found.append(feature._replace(name=name))
    return tuple(found)


def from_json(found: Any) -> Design:
    """Read what `to_json` of either kind returned.

    Raises:
        UserError: it is something else.
    """
    if isinstance(found, str):
        return Numbers(found, "numeric")
    name = found.get("name") if isinstance(found, dict) else None
    where = f"encoding of column '{name}'"
    if not isinstance(name, str):
        raise UserError(f"encoding: expected a column, found {found!r:.80}")
    role = found.get("role")
    if role == "category":
        require(found, where, ("name", "role", "levels", "pooled", "missing", "dropped"), ("typed",))
        levels, pooled = (_texts(found[key], f"{where}: {key}") for key in ("levels", "pooled"))
        if len({*levels, *pooled}) < len(levels) + len(pooled):
            raise UserError(f"{where}: a level stands there twice")
        flags = (_flag(found.get(key, False), f"{where}: {key}") for key in ("missing", "dropped", "typed"))
        return Levels(name, levels, pooled, *flags)
    if role not in ("numeric", "boolean", "date"):
        raise UserError(f"{where}: unknown role {role!r:.80}")
    require(found, where, ("name", "role", *(("parts",) if role == "date" else ()), "fill", "indicator"), ("notation",))
    one = Numbers(
        name,
        role,
        _texts(found["parts"], f"{where}: parts") if role == "date" else (),
        _numbers(found["fill"], f"{where}: fill"),
        _flag(found["indicator"], f"{where}: indicator"),
        Notation.from_json(found.get("notation", {})),
    )
    if (one.fill is None and one.indicator) or (one.fill is not None and len(one.fill) != one.width):
        raise UserError(f"{where}: fill does not fit the rest")
    return one


def require(found: Any, where: str, keys: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Hold a JSON object to its keys, of which some may be missing.

    Raises:
        UserError: it is no object, lacks a key, or has another.
    """
    if not isinstance(found, dict):
        raise UserError(f"{where}: expected an object, found {found!r:.80}")
    for key in keys:
        if key not in found:
            raise UserError(f"{where}: '{key}' is missing")
    for key in found:
        if key not in keys and key not in optional:
            raise UserError(f"{where}: there is no such field as '{key}'")


def _texts(found: Any, where: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise UserError(f"{where}: expected a list of texts")
    return tuple(found)


def _numbers(found: Any, where: str) -> tuple[float, ...] | None:
    if found is None:
        return None
    if not isinstance(found, list) or not all(type(one) is float and abs(one) < float("inf") for one in found):
        raise UserError(f"{where}: expected a list of finite numbers")
    return tuple(found)


def _flag(found: Any, where: str) -> bool:
    if not isinstance(found, bool):
        raise UserError(f"{where}: expected true or false, found {found!r:.80}")
    return found
