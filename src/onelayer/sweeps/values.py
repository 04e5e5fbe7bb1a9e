"""Values of a configuration in plain containers.

OmegaConf takes a tenth of a millisecond for the simplest link, so that what can be looked up is looked up.
"""

import re
from collections.abc import Iterator
from typing import Any

MISSING = "???"
LINK = re.compile(r"\$\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\}", re.ASCII)

Keys = tuple[str, ...]
Tree = dict[str, Any]


def is_plain(value: Any) -> bool:
    """Return whether a value stands for itself: a number, a text without interpolation, null, or a list of such."""
    if isinstance(value, str):
        return "${" not in value and value != MISSING
    if isinstance(value, list):
        return all(is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float)


def interpolates(value: Any) -> bool:
    """Return whether there is an interpolation in a value or anywhere below it."""
    if isinstance(value, dict):
        return any(interpolates(item) for item in value.values())
    if isinstance(value, list):
        return any(interpolates(item) for item in value)
    return isinstance(value, str) and "${" in value


def interpolated(tree: Tree, above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Find all values with an interpolation, and their keys; one inside a list counts for the whole list."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from interpolated(value, (*above, key))
        elif interpolates(value):
            yield (*above, key), value


def copied(value: Any) -> Any:
    """Copy plain containers."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def at(tree: Tree, keys: Keys) -> Any:
    """Return the value at nested keys.

    Raises:
        LookupError: there is none, or a container on the way is no mapping.
    """
    value: Any = tree
    for key in keys:
        if not isinstance(value, dict):
            raise LookupError(".".join(keys))
        value = value[key]
    return value


def put(tree: Tree, keys: Keys, value: Any) -> None:
    """Set a value in plain containers; it is copied."""
    for key in keys[:-1]:
        tree = tree[key]
    tree[keys[-1]] = copied(value)


def linked(text: Any, tree: Tree) -> Any:
    """Look up what a text with simple links (`${trainer.max_epochs}`) stands for, as OmegaConf would resolve it.

    Raises:
        LookupError: it takes more than a look into plain containers.
    """
    if not isinstance(text, str) or "\\" in text or "${" in LINK.sub("", text):
        raise LookupError(text)
    whole = LINK.fullmatch(text)
    return _target(whole, tree) if whole else LINK.sub(lambda link: str(_target(link, tree)), text)


def _target(link: re.Match[str], tree: Tree) -> Any:
    value = at(tree, tuple(link[1].split(".")))
    if isinstance(value, list) or not is_plain(value):
        raise LookupError(link[0])
    return value
