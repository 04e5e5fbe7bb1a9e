"""What the exporter needs to know of a target."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from onelayer.deliver.export.rows import Rows
from onelayer.deliver.model import Model, Predictions

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Target(NamedTuple):
    """A kind of file.

    Attributes:
        file: its name where none is given.
        packages: distributions that write and check it.
        write: write the model to a path, with a record in it, whose `types` are those of the table's columns.
        predict: what the file at a path says of rows.
        check: refuse a model that cannot be expressed, by a `UserError`.
        notes: what a user of the file must know, a sentence each.
        facts: what its record says besides, such as an opset.
        imported: the modules of packages whose names are others.
    """

    file: str
    packages: tuple[str, ...]
    write: Callable[[Model, Path, Mapping[str, Any]], None]
    predict: Callable[[Path, Rows], Predictions]
    check: Callable[[Model], None] = lambda model: None
    notes: Callable[[Model], tuple[str, ...]] = lambda model: ()
    facts: Mapping[str, Any] = NOTHING
    imported: Mapping[str, str] = NOTHING
