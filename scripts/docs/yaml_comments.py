"""Configuration files with what their comments say of each key."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Entry:
    """One value of a file, as it is written there."""

    key: str  # with dots
    value: str
    comment: str


@dataclass(frozen=True)
class Option:
    """One file of a group.

    Attributes:
        name: as in ``group=name``.
        text: the comment at its top.
        defaults: what it begins with, as its defaults list has it.
        entries: its values, in order.
        source: the file.
    """

    name: str
    text: str
    defaults: tuple[str, ...]
    entries: tuple[Entry, ...]
    source: str


def read(path: Path) -> Option:
    """Read a file of `conf/` and its comments."""
    source = path.read_text("utf-8")
    top = []
    for line in source.splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            top.append(line.removeprefix("#").strip())
    node = yaml.compose(source)
    entries = tuple(_entries(node, source)) if isinstance(node, yaml.MappingNode) else ()
    defaults = (yaml.safe_load(source) or {}).get("defaults", [])
    return Option(path.stem, " ".join(top), tuple(map(_spelled, defaults)), entries, source)


def _spelled(default: object) -> str:
    if isinstance(default, dict):
        return "".join(f"{key}: {'null' if value is None else value}" for key, value in default.items())
    return str(default)


def _entries(node: yaml.MappingNode, source: str, path: str = "") -> Iterator[Entry]:
    for key, value in node.value:
        name = f"{path}{key.value}"
        if name == "defaults":
            continue
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield from _entries(value, source, f"{name}.")
            continue
        written = source[value.start_mark.index : value.end_mark.index].strip()
        rest = source[value.end_mark.index :].split("\n", 1)[0]
        yield Entry(name, written, rest.partition("#")[2].strip())
