"""Tables that hypothesis invents: types, holes, odd names, huge and tiny numbers, few rows."""

import csv
import datetime
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Cells = list[Any]
ODD = ("a b", "ä", "名前", "x=1", "x.y", 'a"b', "it's", "a,b", "a;b", "%", "$", "[x]", "{y}", "rowid", "select", "\\")
TEXTS = ("", "NA", "?", "red", "Grün", "blau ", " x", "a,b", 'say "x"', "it's", "<missing>", "<other>", "1e", "0x1")
EXTREME = (0.0, -0.0, 5e-324, 1e-300, -1e-160, 1e-8, 1.0, 1e15 + 1, 1e150, -1e160, 1.7e308, 2.0**53 + 1)

names = st.sampled_from(ODD) | st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=6)
reals = st.floats(-1e6, 1e6) | st.floats(-1e3, 1e3).map(lambda x: round(x, 2))


@dataclass(frozen=True)
class Invented:
    """A table and what is asked of it.

    Attributes:
        columns: names, not all different, with as many cells each; None is a hole.
        target: which column is to be learnt.
    """

    columns: list[tuple[str, Cells]]
    target: int

    @property
    def target_name(self) -> str:
        return self.columns[self.target][0].strip()

    def write(self, path: Path) -> None:
        """Write a CSV or a Parquet file, by its suffix."""
        rows = list(zip(*(cells for _, cells in self.columns), strict=True))
        if path.suffix == ".csv":
            with path.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file)
                table.writerow([name for name, _ in self.columns])
                table.writerows(["" if cell is None else str(cell) for cell in row] for row in rows)
            return
        arrow: Any = import_module("pyarrow")
        columns = [arrow.array(cells) for _, cells in self.columns]
        whole = arrow.Table.from_arrays(columns, [name for name, _ in self.columns])
        import_module("pyarrow.parquet").write_table(whole, path)


def cells(rows: int) -> st.SearchStrategy[Cells]:
    """Columns of one kind each, with holes or without."""
    kinds: list[st.SearchStrategy[Any]] = [
        reals,
        st.sampled_from(EXTREME),
        st.integers(-100, 100),
        st.integers(-(2**63), 2**63 - 1),
        st.sampled_from([0, 1]),
        st.booleans(),
        st.sampled_from(["yes", "no"]),
        st.sampled_from(TEXTS),
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5),
        st.dates(datetime.date(1, 1, 1)),
        st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2100, 1, 1)),
    ]
    full = st.one_of([st.lists(kind, min_size=rows, max_size=rows) for kind in kinds])
    holed = st.one_of([st.lists(kind | st.none(), min_size=rows, max_size=rows) for kind in kinds])
    constant = st.one_of([kind.map(lambda one: [one] * rows) for kind in kinds])
    return full | holed | constant | st.just([None] * rows)


LEARNABLE: list[st.SearchStrategy[Any]] = [
    reals,
    st.integers(0, 9),
    st.sampled_from([0, 1]),
    st.booleans(),
    st.sampled_from(["red", "Grün", "it's"]),
]


@st.composite
def tables(draw: st.DrawFn, max_rows: int = 24) -> Invented:
    """A table of a few columns; now and then one comes twice, and the target may be any of them."""
    rows = draw(st.integers(1, 5) | st.integers(6, max_rows) | st.just(max_rows))
    columns = draw(st.lists(st.tuples(names, cells(rows)), min_size=1, max_size=4))
    goal = draw(st.one_of([st.lists(kind, min_size=rows, max_size=rows) for kind in LEARNABLE]))
    columns.append((draw(names), goal))
    target = draw(st.just(len(columns) - 1) | st.integers(0, len(columns) - 1))
    if draw(st.integers(0, 5)) == 0:
        columns.append(draw(st.sampled_from(columns)))
    return Invented(columns, target)
