"""What each column is for: inferred from its values, or as the user says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

from onelayer.data.frame import Role
from onelayer.data.table import Task
from onelayer.data.tables.measured import Measured
from onelayer.data.tables.names import named_like_identifier, require
from onelayer.errors import UserError

Use = Literal[
    Role, "target", "weight", "split", "dropped", "identifier", "free text", "constant", "empty", "unsupported"
]
FEATURES: tuple[Use, ...] = ("numeric", "boolean", "date", "category")
INFERRED: Mapping[str, Role] = {
    "number": "numeric",
    "boolean": "boolean",
    "text": "category",
    "date": "date",
    "timestamp": "date",
}
FEWEST_IDENTIFIERS = 10  # rows; in fewer, texts are distinct by chance
MOST_LEVELS_OF_FEW = 20  # a text of more levels than this is free where most of its values are distinct


@dataclass(frozen=True)
class Said:
    """What the user says of columns, each a list of names or a name, and of the task; None: as the target looks."""

    target: str | None = None
    sample_weight: str | None = None
    by: str | None = None
    drop: Sequence[str] = ()
    numeric: Sequence[str] = ()
    category: Sequence[str] = ()
    boolean: Sequence[str] = ()
    date: Sequence[str] = ()
    task: Task | None = None

    @property
    def forced(self) -> dict[str, Role]:
        """The role of each column whose role is said."""
        lists: dict[Role, Sequence[str]] = {
            "numeric": self.numeric,
            "category": self.category,
            "boolean": self.boolean,
            "date": self.date,
        }
        return {name: role for role, names in lists.items() for name in names}


def check(said: Said, names: Sequence[str]) -> None:
    """Compare what is said with the names of the table.

    Raises:
        UserError: a name that is not there, or one said to be two things.
    """
    lists = {key: getattr(said, key) for key in ("drop", "numeric", "category", "boolean", "date")}
    single = {"target": said.target, "sample_weight": said.sample_weight, "split.by": said.by}
    uses: dict[str, str] = {}
    for key, wanted in [*single.items(), *((key, one) for key, given in lists.items() for one in given)]:
        if wanted is None:
            continue
        require(wanted, names, key)
        before = uses.setdefault(wanted, key)
        if before != key and not (before == "target" and key in ("numeric", "category")):
            raise UserError(f"column '{wanted}' is in data.{before} and in data.{key}; leave it in one of them")


def is_feature(use: Use) -> TypeGuard[Role]:
    """Say whether a column of this use enters the model."""
    return use in FEATURES


def use_of(column: Measured, said: Said) -> tuple[Use, str | None]:
    """Decide what a column is for.

    Returns:
        Its use, and a note on why it is left out.

    Raises:
        UserError: a role is asked of a type that has none.
    """
    single: Mapping[str | None, Use] = {said.by: "split", said.sample_weight: "weight", said.target: "target"}
    if column.name in single:
        return single[column.name], None
    if column.name in said.drop:
        return "dropped", None
    forced = said.forced.get(column.name)
    if column.kind == "other":
        if forced is not None:
            raise UserError(
                f"data.{forced}=[{column.name}]: its type is {column.type}, which no role can hold; make columns of "
                "it in data.query"
            )
        return "unsupported", f"'{column.name}' is left out: its type is {column.type}"
    if forced is not None:
        return forced, None
    left_out = _left_out(column)
    return left_out or (INFERRED[column.kind], None)


def _left_out(column: Measured) -> tuple[Use, str] | None:
    name, distinct = column.name, column.distinct
    if column.present == 0:
        return "empty", f"'{name}' is left out: it has no values"
    constant = distinct == 1 if column.kind == "text" else column.low == column.high
    if constant and column.missing == 0:
        return "constant", f"'{name}' is left out: all its values are the same"
    unique = distinct == column.rows
    if column.kind == "text" and distinct is not None:
        if unique and column.rows >= FEWEST_IDENTIFIERS:
            return "identifier", f"'{name}' is left out as an identifier: every row has another text"
        if distinct > MOST_LEVELS_OF_FEW and 2 * distinct > column.present:
            said = f"{distinct} of its {column.present} texts are distinct"
            return "free text", f"'{name}' is left out as free text: {said}"
    if (column.is_integer or column.text is not None) and unique and named_like_identifier(name) and column.rows > 1:
        return "identifier", f"'{name}' is left out as an identifier: every row has another number"
    return None
