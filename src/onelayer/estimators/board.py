"""What a sweep in memory returns: a table of its runs, and the best of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, overload

from onelayer.errors import UserError
from onelayer.estimators.base import OneLayerEstimator

SHOWN = 20  # rows that are printed
SPREAD = "_std"

Row = dict[str, Any]


class Leaderboard(Sequence[Row]):
    """The combinations of a sweep, the best first; each row is a dict of full numbers.

    Args:
        rows: with the same keys each.
        notes: what is to be known of the table, a sentence each.
        shown: the columns that are printed, beside those that every table has.

    Attributes:
        columns: name -> values, ready for ``pandas.DataFrame(board.columns)`` or ``polars.DataFrame(board.columns)``.
    """

    def __init__(self, rows: Sequence[Row], notes: Sequence[str] = (), shown: Sequence[str] = ()) -> None:
        self._rows, self.notes, self._shown = list(rows), tuple(notes), tuple(shown)

    @property
    def columns(self) -> dict[str, list[Any]]:
        """All columns, by name."""
        return {name: [row[name] for row in self._rows] for name in (self._rows[0] if self._rows else ())}

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> "Leaderboard": ...
    def __getitem__(self, index: int | slice) -> "Row | Leaderboard":
        if isinstance(index, slice):
            return Leaderboard(self._rows[index], self.notes, self._shown)
        return self._rows[index]

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __repr__(self) -> str:
        table = list(self._cells())
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
        ]
        return "\n".join([*lines, *self._more(), *self.notes])

    def _repr_html_(self) -> str:
        header, *body = self._cells()
        rows = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in body]
        head = "".join(f"<th>{escape(name)}</th>" for name in header)
        said = "".join(f"<p>{escape(line)}</p>" for line in (*self._more(), *self.notes))
        lines = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>{said}"

    def _more(self) -> list[str]:
        return [f"and {len(self) - SHOWN} more rows"] if len(self) > SHOWN else []

    def _cells(self) -> Iterator[list[str]]:
        """Yield the header and the first rows; a spread stands beside its mean."""
        names = ["rank", "status", *self._shown, "epochs", "seconds"]
        yield names
        for row in self._rows[:SHOWN]:
            spreads = [row.get(name + SPREAD) for name in names]
            yield [
                _cell(row[name]) + ("" if spread is None else f" ±{spread:.2g}")
                for name, spread in zip(names, spreads, strict=True)
            ]


@dataclass(frozen=True, repr=False)
class Sweep:
    """A sweep that has ended.

    Attributes:
        leaderboard: a row for each combination, the best first.
        runs: a dict for each run: its parameters, the fold that judged it, its status and its metrics.
        monitor: what the runs are judged by.
    """

    leaderboard: Leaderboard
    runs: tuple[Row, ...]
    monitor: str
    _best: tuple[Mapping[str, Any], OneLayerEstimator] | None = field(default=None)

    @property
    def best_params(self) -> dict[str, Any]:
        """The combination of the first row.

        Raises:
            UserError: no combination can be judged.
        """
        return dict(self._found[0])

    @property
    def best_model(self) -> OneLayerEstimator:
        """The estimator of the first row, fitted on all rows.

        Raises:
            UserError: no combination can be judged.
        """
        return self._found[1]

    @property
    def failed(self) -> list[Row]:
        """The runs that an error stopped, each with its `error`."""
        return [run for run in self.runs if run["status"] == "failed"]

    @property
    def _found(self) -> tuple[Mapping[str, Any], OneLayerEstimator]:
        if self._best is None:
            raise UserError(f"no combination has a rank by {self.monitor}: all diverged or failed; see leaderboard")
        return self._best

    def __repr__(self) -> str:
        return f"{self._headline()}\n{self.leaderboard!r}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self._headline())}</p>{self.leaderboard._repr_html_()}"

    def _headline(self) -> str:
        best = "none" if self._best is None else ", ".join(f"{key}={value!r}" for key, value in self._best[0].items())
        return f"{len(self.leaderboard)} combinations, {len(self.runs)} runs, by {self.monitor}; best: {best}"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
