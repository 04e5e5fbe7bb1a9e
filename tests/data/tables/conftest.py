"""Tables written by a test and read by the source."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onelayer.data.frame import Frame
from onelayer.data.sources import load
from onelayer.data.table import Table
from onelayer.data.tables.fetch import Unfetched
from onelayer.errors import UserError

Read = Callable[..., Table]


def refused_in_one_sentence(read: Read, reason: str, *table: Any, **arguments: Any) -> None:
    with pytest.raises(UserError) as refused:
        read(*table, **arguments)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def frame_of(table: Table) -> Frame:
    assert isinstance(table.features, Unfetched)
    (frame,) = table.features.parts([np.arange(len(table))])
    return frame


def values_of(table: Table) -> dict[str, list[Any]]:
    """Each feature as a reader would write it down: numbers, parts of dates, levels; None where missing."""
    frame = frame_of(table)
    values: dict[str, list[Any]] = {}
    for column, place in frame.places():
        if column.role == "category":
            values[column.name] = [None if code < 0 else column.levels[code] for code in frame.codes[:, place]]
            continue
        for offset, part in enumerate(column.parts or ("",)):
            numbers = frame.numbers[:, place + offset]
            name = f"{column.name}.{part}" if part else column.name
            values[name] = [None if np.isnan(one) else float(one) for one in numbers]
    return values


def roles_of(table: Table) -> dict[str, str]:
    return {column.name: column.role for column in frame_of(table).columns}


def load_table(**arguments: Any) -> Table:
    """Read as `data=table` does; the target is `y` where none is given."""
    table = load("table", **{"target": "y", **arguments})
    assert isinstance(table, Table)
    return table


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Write a text, or bytes, into a file and read it as `data=table` does."""

    def of(text: str | bytes, *, file: str = "t.csv", **arguments: Any) -> Table:
        monkeypatch.chdir(tmp_path)
        Path(file).write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_table(path=file, **arguments)

    return of
