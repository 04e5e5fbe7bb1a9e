"""Values of a configuration: in plain containers, and set on OmegaConf's nodes for as long as one job needs them.

OmegaConf takes a tenth of a millisecond for the simplest link, so that what can be looked up is looked up.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from omegaconf import AnyNode, DictConfig, ListConfig

MISSING = "???"
LINK = re.compile(r"\$\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\}", re.ASCII)

Keys = tuple[str, ...]
Tree = dict[str, Any]


def is_plain(value: Any) -> bool:
    """Say whether a value stands for itself: a number, a text without interpolation, null, or a list of such."""
    if isinstance(value, str):
        return "${" not in value and value != MISSING
    if isinstance(value, list):
        return all(is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float)


def interpolates(value: Any) -> bool:
    """Say whether there is an interpolation in a value or anywhere below it."""
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


def put(tree: Tree, keys: Keys, value: Any) -> None:
    """Set a value in plain containers."""
    for key in keys[:-1]:
        tree = tree[key]
    tree[keys[-1]] = value


def node_at(config: DictConfig, keys: Keys) -> Any:
    """Return OmegaConf's node itself, where `config[key]` would return its value."""
    node: Any = config
    for key in keys:
        node = node._content[key]
    return node


@contextmanager
def holding(config: DictConfig, values: Mapping[Keys, Any]) -> Iterator[None]:
    """Set values on a configuration for a while, which is a hundred times quicker than to copy it."""
    before = []
    try:
        for (*above, key), value in values.items():
            parent = node_at(config, tuple(above))
            before.append((parent, key, parent._content[key]))
            parent._content[key] = (ListConfig if isinstance(value, list) else AnyNode)(value, key=key, parent=parent)
        yield
    finally:
        for parent, key, node in before:
            parent._content[key] = node


def linked(text: Any, tree: Tree) -> Any:
    """Look up what a text with simple links (`${trainer.max_epochs}`) stands for, as OmegaConf would resolve it.

    Raises:
        LookupError: it takes more than a look into plain containers.
    """
    if not isinstance(text, str) or "\\" in text or "${" in LINK.sub("", text):
        raise LookupError(text)
    whole = LINK.fullmatch(text)
    return _target(whole, tree) if whole else LINK.sub(lambda link: str(_target(link, tree)), text)


def _target(link: re.Match[str], tree: Any) -> Any:
    for key in link[1].split("."):
        if not isinstance(tree, dict):
            raise LookupError(link[0])
        tree = tree[key]
    if isinstance(tree, list) or not is_plain(tree):
        raise LookupError(link[0])
    return tree
