"""What the raw columns of a table are called where an export takes one value for each: ONNX and scikit-learn."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from onelayer.artefact import Artefact
from onelayer.data.encode import Encoder
from onelayer.data.encode.design import Levels, Numbers
from onelayer.data.encode.layout import REFUSED, Layout
from onelayer.data.frame import Column
from onelayer.data.tables.notation import missing_numbers, printed

# from here on one would not want to name each of them
MANY = 100


class Input(NamedTuple):
    """A raw column, or one part of a date.

    Attributes:
        name: what it is called outside, unique.
        column: the table's.
        kind: a number; 0 or 1; a part of a date, a number too; a text.
        part: of a date.
    """

    name: str
    column: str
    kind: Literal["numeric", "boolean", "date", "category"]
    part: str | None = None


class Places(NamedTuple):
    """Where the texts of a category go: a design column, -1 for none of them, -2 for a text that is refused.

    Attributes:
        texts: the place of each text that training knows; of spellings of a missing value too.
        missing: of no text.
        unseen: of any other.
    """

    texts: dict[str, int]
    missing: int
    unseen: int

    @property
    def refuses(self) -> bool:
        """Whether a text may be refused."""
        return REFUSED in (self.missing, self.unseen)


def is_matrix(encoder: Encoder) -> bool:
    """Whether columns enter side by side: more than `MANY`, all numbers, or numbers of a sparse table."""
    designs = encoder.designs
    if len(designs) <= MANY:
        return all(one == Numbers(one.name, "numeric") for one in designs)
    return all(one.role == "numeric" for one in designs)


def inputs_of(encoder: Encoder, taken: Sequence[str] = ()) -> tuple[Input, ...]:
    """Name the raw columns in the order of training, a date by its parts, as ``when.year``.

    A name that is taken already gets `` (2)``, ``(3)``, ...; columns keep theirs before parts of dates get one.

    Args:
        encoder: of the model.
        taken: names that have another meaning.
    """
    found = list(_wanted(encoder))
    given = {*taken}
    names: dict[int, str] = {}
    for place in sorted(range(len(found)), key=lambda one: found[one].part is not None):
        name, number = found[place].name, 2
        while name in given:
            name, number = f"{found[place].name} ({number})", number + 1
        given.add(name)
        names[place] = name
    return tuple(one._replace(name=names[place]) for place, one in enumerate(found))


def _wanted(encoder: Encoder) -> Iterator[Input]:
    for design in encoder.designs:
        if isinstance(design, Numbers) and design.role == "date":
            for part in design.parts:
                yield Input(f"{design.name}.{part}", design.name, "date", part)
        else:
            yield Input(design.name, design.name, design.role)


def places_of(artefact: Artefact, design: Levels, first: int) -> Places:
    """Find where the texts of a category go, by what `predict` does with them.

    Args:
        artefact: of the model.
        design: one of its categories.
        first: its first design column.
    """
    known = (*design.levels, *design.pooled)
    column = Column(design.name, "category", (*known, "".join(known) + "?"))  # the last one is new
    (category,) = Layout.of([design], (column,), refuse_unseen=artefact.encoder.refuse_unseen).categories
    *found, unseen, missing = (one + first if one >= 0 else one for one in category.design_columns.tolist())
    spelled = ("", *artefact.header["missing"])
    return Places({**dict.fromkeys(spelled, missing), **dict(zip(known, found, strict=True))}, missing, unseen)


def notes_of(artefact: Artefact, inputs: Sequence[Input], what: str, missing: str) -> tuple[str, ...]:
    """Say what is not as in the table.

    Args:
        artefact: of the model.
        inputs: what its columns are called outside.
        what: an input is called, with its verb.
        missing: what a category may be where it is missing.
    """
    holes = [printed(one) for one in missing_numbers(artefact.header["missing"])]
    numbers = [one.name for one in inputs if one.kind == "numeric"]
    as_nan = (f"a missing number enters as NaN, and not as {', '.join(holes)}",) if holes and numbers else ()
    if is_matrix(artefact.encoder):
        return (f"the {len(inputs)} columns enter side by side, in the order of training", *as_nan)
    dates = [one.name for one in inputs if one.part is not None]
    wanted = (f"{one.column}.{one.part}" if one.part is not None else one.column for one in inputs)
    renamed = [f"'{one.name}'" for one, name in zip(inputs, wanted, strict=True) if one.name != name]
    texts = [one.name for one in inputs if one.kind == "category"]
    sentences = (
        (
            texts,
            "a category enters as the text that it is, without spaces around it (a number as 1, not 1.0), "
            f"{missing} where missing: {what} ",
        ),
        (dates, f"a date enters by its parts, a number each (weekday: 0 is Monday): {what} "),
        (renamed, f"names that were taken already: {what} "),
    )
    return (*(f"{start}{', '.join(names)}" for names, start in sentences if names), *as_nan)
