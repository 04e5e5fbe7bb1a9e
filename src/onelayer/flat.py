"""Nested mappings as flat ones."""

from collections.abc import Mapping
from typing import Any


def flat(tree: Mapping[Any, Any], above: str = "") -> dict[str, Any]:
    """Return the leaves of a nested mapping by their keys with dots, such as ``data.split.val``."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= flat(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value}
    return leaves
