"""What commands left in a folder, as keys and values that can be compared to the last digit."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import yaml

Values = dict[str, Any]
SHOWN = 160  # characters of a value

# of these only the presence is compared: checkpoints, what Hydra says of itself, the leaderboard as a text (the CSV has
# the same, and its seconds in cells of their own), and what a training shows on the screen, as its log does
UNREAD = re.compile(r"\.(ckpt|err)$|(hydra|multirun)\.yaml$|leaderboard\.md$|train\.out$")
# keys of clocks and versions, and of hashes of files that hold them
FREE = re.compile(r"[ .](seconds|versions)(_std)?($|[.\[])|row \d+, seconds|gap-seconds|[ ._]sha256$")
CLOCKS = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.,]\d+)?)?"), "DATE"),
    (re.compile(r"\b[\d.]+ (ms|s|seconds|min)\b"), "TIME"),
    (re.compile(r"\bonelayer \d+\.[\w.]+"), "VERSION"),
    (re.compile(r'"versions": {[^}]*}'), "VERSIONS"),
    (re.compile(r'sha256": "\w+"'), "HASH"),
    (re.compile(r"events\.out\.tfevents\.[\w.-]+"), "EVENTS"),
)
# in a page: the rows of its tables; and what of the rest is seconds or versions
DATA = re.compile(r'<script type="application/json" id="([\w-]+)">(.*?)</script>', re.DOTALL)
SECONDS = (
    re.compile(r'<figure id="figure-gap-seconds">.*?</figure>', re.DOTALL),
    re.compile(r"<dt>(seconds of training, all runs|versions)</dt><dd>[^<]*</dd>"),
    re.compile(r"seconds&lt;[^\"]*"),
)


def outcome(folder: Path, masks: Mapping[str, str] | None = None, free: str = "(?!)") -> Values:
    """Return everything that lies below a folder, by file and place in it.

    Args:
        folder: where commands ran.
        masks: texts that may differ, as the names of folders, and what stands for them.
        free: a pattern of keys that may differ; default: none.
    """
    values: Values = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = _masked(path.relative_to(folder).as_posix(), masks or {})
        values[name] = "a file"
        if UNREAD.search(name):
            continue
        for key, value in read(path).items():
            if not FREE.search(f" {key}") and not re.search(free, f"{name} {key}"):
                values[f"{name} {key}"] = _masked(value, masks or {}) if isinstance(value, str) else value
    return values


def differences(there: Values, here: Values) -> Iterator[tuple[str, str, str]]:
    """Return each key whose values are not the same to the last digit, and both values as they are written."""
    for key in dict.fromkeys([*there, *here]):
        before, after = (repr(values[key]) if key in values else "nothing" for values in (there, here))
        if before != after:
            yield key, *_shortened(before, after)


def _shortened(before: str, after: str) -> tuple[str, str]:
    """Return two texts without what is alike far before and behind the first difference."""
    same = next((place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    start = 0 if same < SHOWN // 2 else same - SHOWN // 2
    parts = (text if len(text) <= SHOWN else text[start : start + SHOWN] for text in (before, after))
    first, second = (f"{'…' * (start > 0)}{part}" if len(part) == SHOWN else part for part in parts)
    return first, second


def read(path: Path) -> Values:
    """Return the content of a file by keys of its own: fields, cells, elements of tensors, lines of a text."""
    for pattern, reader in READERS.items():
        if re.search(pattern, path.name):
            return reader(path)
    try:
        return _lines(path.read_text())
    except UnicodeDecodeError:
        return {"sha256": sha256(path.read_bytes()).hexdigest()}


def flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Return the leaves of nested containers."""
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from flat(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple) and value:
        for index, part in enumerate(value):
            yield from flat(part, f"{key}[{index}]")
    else:
        yield key, value


def _json(path: Path) -> Values:
    return dict(flat(json.loads(path.read_text())))


def _yaml(path: Path) -> Values:
    return dict(flat(yaml.safe_load(path.read_text())))


def _csv(path: Path) -> Values:
    with path.open(newline="") as file:
        return {
            f"row {number}, {column}": cell
            for number, row in enumerate(csv.DictReader(file), start=1)
            for column, cell in row.items()
        }


def _html(path: Path) -> Values:
    """Return the tables of a page, row by row, and the lines of the rest."""
    text = path.read_text()
    values: Values = {}
    for name, rows in DATA.findall(text):
        content = json.loads(rows)
        if "columns" in content:
            content = {
                f"row {number}, {column}": cell
                for number, row in enumerate(content["rows"], start=1)
                for column, cell in zip(content["columns"], row, strict=True)
            }
        values |= {f"{name} {key}": cell for key, cell in flat(content)}
    for pattern in (DATA, *SECONDS):
        text = pattern.sub("", text)
    return values | _lines(text)


def _lines(text: str) -> Values:
    return {f"line {number}": line for number, line in enumerate(text.splitlines(), start=1)}


def _safetensors(path: Path) -> Values:
    from safetensors import safe_open

    values: Values = {}
    with safe_open(path, "np") as tensors:
        values |= dict(flat(dict(tensors.metadata() or {}), "metadata"))
        for name in tensors.keys():  # noqa: SIM118 (no mapping)
            values |= _elements(name, tensors.get_tensor(name))
    return values


def _elements(name: str, array: Any) -> Values:
    return {name: f"{array.dtype} {array.shape}", **dict(flat(array.tolist(), name))}


def _onnx(path: Path) -> Values:
    import onnx
    from onnx import numpy_helper, printer

    model = onnx.load(path)
    values: Values = {}
    for tensor in model.graph.initializer:
        values |= _elements(tensor.name, numpy_helper.to_array(tensor))
    del model.graph.initializer[:]
    model.producer_version = ""
    values |= {f"metadata {entry.key}": entry.value for entry in model.metadata_props}
    del model.metadata_props[:]
    return values | _lines(printer.to_text(model))


def _events(path: Path) -> Values:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    values: Values = {}
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value if event.HasField("summary") else ():
            array = np.asarray(tensor_util.make_ndarray(value.tensor))
            shown = sha256(b"".join(array.ravel())).hexdigest() if array.dtype == object else array.tolist()
            values[f"{value.tag} at {event.step}"] = shown
    return values


READERS: dict[str, Callable[[Path], Values]] = {
    r"\.json$": _json,
    r"\.yaml$": _yaml,
    r"\.csv$": _csv,
    r"\.html$": _html,
    r"\.safetensors$": _safetensors,
    r"\.onnx$": _onnx,
    r"tfevents": _events,
}


def _masked(text: str, masks: Mapping[str, str]) -> str:
    for given, mask in masks.items():
        text = text.replace(given, mask)
    for pattern, mask in CLOCKS:
        text = pattern.sub(mask, text)
    return text
