"""From what pydantic says of a configuration to sentences for those who wrote it."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from onelayer.errors import did_you_mean


def sentences(error: ValidationError, config: Mapping[str, Any], model: type[BaseModel]) -> list[str]:
    """Group pydantic's entries (one for each branch of a union) into one sentence a key.

    Args:
        error: what pydantic found.
        config: what it was asked to check.
        model: against what.
    """
    reasons: dict[str, list[str]] = {}
    values: dict[str, Any] = {}
    for entry in error.errors():
        path, value = _known_path(entry["loc"], config)
        if entry["type"] == "extra_forbidden":
            siblings = _fields_of(model, path.split(".")[:-1])
            reason = "there is no such key" + did_you_mean(path.rpartition(".")[2], siblings)
        elif entry["type"] == "missing":
            path, reason = ".".join(map(str, entry["loc"])), "is missing"
        elif entry["type"] == "string_pattern_mismatch":
            reason = "must look like 00:01:30:00 (days, hours, minutes, seconds)"
        else:
            reason = entry["msg"].replace("Input should be", "must be")
        values[path] = value
        reasons.setdefault(path, [])
        if reason not in reasons[path]:
            reasons[path].append(reason)
    return [
        f"{path}: {found[0]}" if found == ["is missing"] else f"{path}={values[path]}: {_joined(found)}"
        for path, found in reasons.items()
    ]


def _joined(reasons: list[str]) -> str:
    return " or ".join([reasons[0], *(reason.removeprefix("must be ") for reason in reasons[1:])])


def _known_path(loc: tuple[int | str, ...], config: Mapping[str, Any]) -> tuple[str, Any]:
    """Cut pydantic's union tags off the end of a location: keep what the configuration itself contains."""
    value: Any = config
    path: list[str] = []
    for part in loc:
        if not (isinstance(value, Mapping) and part in value):
            break
        value = value[part]
        path.append(str(part))
    return ".".join(path), value


def _fields_of(model: type[BaseModel], path: list[str]) -> list[str]:
    for part in path:
        annotation = model.model_fields[part].annotation
        kinds = get_args(annotation) or (annotation,)  # a section may be optional
        sections = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not sections:
            return []
        (model,) = sections
    return list(model.model_fields)
