"""The three files that Hydra leaves in the directory of a run, byte for byte, in a tenth of the time.

PyYAML takes 2 ms for a configuration and 5 ms for the hydra node. In its block style the text of an entry depends on
the entry and its depth alone, and nearly all entries of a sweep's runs are the same: their texts are kept.
"""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from omegaconf import OmegaConf

from onelayer.sweeps.template import Composed
from onelayer.whole import naming

# keys and texts that YAML writes as they are, wherever they stand: no number, no word for null or a boolean (these
# texts have a sign in them that no such word has), and nothing to quote or to break a line at
PLAIN_KEY = re.compile(r"[A-Za-z_][\w./-]{0,60}", re.ASCII)
PLAIN_TEXT = re.compile(r"(?:/|[A-Za-z][\w.+@~-]*[=/])[\w./=+,@~-]*", re.ASCII)
WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,60}")  # a text of this kind is quoted, such as hydra.job.id
KEPT_TEXTS = 8192


def write_hydra_files(composed: Composed) -> None:
    """Write `.hydra/config.yaml`, `overrides.yaml` and `hydra.yaml` as Hydra does before it starts a job.

    The run directory is made where it is missing. With `hydra.output_subdir=null` there are no files.

    Raises:
        OSError: a file cannot be written.
    """
    subdir = composed.hydra["output_subdir"]
    if subdir is not None and "${" in subdir:
        subdir = OmegaConf.create({**composed.config, "hydra": composed.hydra}).hydra.output_subdir
    composed.directory.mkdir(parents=True, exist_ok=True)
    if subdir is None:
        return
    folder = composed.directory / subdir
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "config.yaml": to_yaml(composed.config),
        "hydra.yaml": to_yaml({"hydra": composed.hydra}),
        "overrides.yaml": to_yaml(list(composed.overrides)),
    }
    with naming(folder):
        for name, text in texts.items():
            with open(os.path.join(folder, name), "wb") as file:  # noqa: PTH118, PTH123
                file.write(text.encode())


def to_yaml(value: dict[str, Any] | list[Any]) -> str:
    """Write plain containers as `OmegaConf.to_yaml` does."""
    if not value:
        return _dumped(value, 0)
    return "".join(_entries(value, 0) if isinstance(value, dict) else _items(value, 0))


def _entries(mapping: dict[Any, Any], depth: int) -> Iterator[str]:
    """Yield the text of each entry of a mapping that has `depth` mappings above it."""
    for key, value in mapping.items():
        head = _head(key, depth)
        text = _scalar(value)
        if head is None:
            yield _dumped({key: value}, depth)
        elif text is not None:
            yield f"{head} {text}\n"
        elif isinstance(value, str):
            yield _dumped_text(key, value, depth)
        elif isinstance(value, dict):
            yield f"{head}\n"
            yield from _entries(value, depth + 1)
        elif isinstance(value, list):
            yield f"{head}\n"
            yield from _items(value, depth + 1)
        else:
            yield _dumped({key: value}, depth)


def _items(sequence: list[Any], depth: int) -> Iterator[str]:
    """Yield the text of each item of a list that has `depth` mappings above it; YAML does not indent it further."""
    dash = "  " * (depth - 1) + "-"
    for value in sequence:
        text = _scalar(value)
        if text is not None:
            yield f"{dash} {text}\n"
        elif isinstance(value, str):
            yield _dumped_text(None, value, depth)
        elif isinstance(value, dict) and depth:
            entries = "".join(_entries(value, depth))
            yield f"{dash} {entries[2 * depth :]}"
        else:
            yield _dumped([value], depth)


def _scalar(value: Any) -> str | None:
    """Return the text of a value that looks the same wherever it stands, or None."""
    if isinstance(value, str):
        return value if PLAIN_TEXT.fullmatch(value) else f"'{value}'" if WHOLE_NUMBER.fullmatch(value) else None
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(repr(value))
    return ("{}" if isinstance(value, dict) else "[]") if value in ({}, []) else None


@lru_cache(KEPT_TEXTS)
def _number(text: str) -> str:
    return _dumped([float(text)], 0)[2:-1]


@lru_cache(KEPT_TEXTS)
def _head(key: Any, depth: int) -> str | None:
    """Return the beginning of an entry, or None for a key that YAML writes in another way."""
    is_plain = isinstance(key, str) and PLAIN_KEY.fullmatch(key) and _dumped({key: None}, 0) == f"{key}: null\n"
    return f"{'  ' * depth}{key}:" if is_plain else None


@lru_cache(KEPT_TEXTS)
def _dumped_text(key: str | None, text: str, depth: int) -> str:
    return _dumped([text] if key is None else {key: text}, depth)


def _dumped(value: Any, depth: int) -> str:
    """Let OmegaConf write something below as many mappings, and take those away again."""
    for _ in range(depth):
        value = {"above": value}
    return OmegaConf.to_yaml(OmegaConf.create(value)).split("\n", depth)[depth]
