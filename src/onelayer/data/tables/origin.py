"""How the table that a model was trained on is written, so that others are read alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onelayer.data.tables.notation import PLAIN, Notation
from onelayer.data.tables.query import Query
from onelayer.errors import UserError


@dataclass(frozen=True)
class Origin:
    """What travels with a model of its table; how each feature is written, its encoder says.

    Attributes:
        target: how texts of the target are written.
        typed: its classes are numbers or truths that a typed table held, so that a text 1.0 is the class 1; else they
            are texts as they were written.
        file: how a delimited file is written, by the fields of `Dialect`; None: it was none.
        query: the SELECT that made the table; None: there was none.
        features: of arrays, what those of the features are called but for their part; empty: there were none.
    """

    target: Notation = PLAIN
    typed: bool = False
    file: Mapping[str, Any] | None = None
    query: Query | None = None
    features: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the usual, in plain containers."""
        target = {} if self.target == PLAIN else {"target": self.target.to_json()}
        typed = {"typed": True} if self.typed else {}
        file = {} if self.file is None else {"file": dict(self.file)}
        query = {} if self.query is None else {"query": self.query.to_json()}
        return {**target, **typed, **file, **query, **({"features": self.features} if self.features else {})}

    @classmethod
    def from_json(cls, stored: Any) -> "Origin":
        """Read what `to_json` returned.

        Raises:
            UserError: it is something else.
        """
        kinds = {"target": dict, "typed": bool, "file": dict, "query": dict, "features": str}
        if not isinstance(stored, dict) or not all(isinstance(stored[key], kinds.get(key, ())) for key in stored):
            raise UserError(f"origin: expected {', '.join(kinds)}; it is {stored!r:.80}")
        query = {"query": Query.from_json(stored["query"])} if "query" in stored else {}
        return cls(**{**stored, "target": Notation.from_json(stored.get("target", {})), **query})


UNKNOWN = Origin()
