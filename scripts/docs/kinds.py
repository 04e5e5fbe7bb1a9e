"""Types in the words of a reader: numbers with their bounds, names one by one, null."""

import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo


def type_of(field: FieldInfo) -> str:
    """A field's type in words a user types by: numbers with their bounds, names one by one, null."""
    return words_of(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation)


def words_of(kind: Any) -> str:
    """A type in words a user types by."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return words_of(inner[0]) + _bounds(inner[1:])
    if origin is Literal:
        return " or ".join(f"`{shown(one)}`" for one in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(" or ".join(words_of(one) for one in inner).split(" or ")))
    if origin is list or kind is list:
        return "list" + (f" of {words_of(inner[0])}s" if inner and inner[0] in (str, int, float) else "")
    if origin is dict or kind is dict:
        return f"{{name: {'text' if Any in inner else 'number'}}}"
    if origin in (tuple, Sequence):
        return "list" + ("" if origin is tuple or get_args(inner[0]) else f" of {words_of(inner[0])}s")
    plain = {int: "whole number", float: "number", bool: "`true` or `false`", str: "text", types.NoneType: "`null`"}
    return plain.get(kind, "text" if "Name" in str(kind) else str(getattr(kind, "__name__", kind)))


def _bounds(metadata: tuple[Any, ...]) -> str:
    words = []
    for one in _unpacked(metadata):
        if isinstance(one, annotated_types.Gt):
            words.append(f"above {one.gt:g}")
        elif isinstance(one, annotated_types.Ge):
            words.append(f"from {one.ge:g}")
        elif isinstance(one, annotated_types.Lt):
            words.append(f"below {'2^32' if one.lt == 2**32 else format(one.lt, 'g')}")
        elif isinstance(one, annotated_types.Le):
            words.append(f"to {one.le:g}")
    return f" ({', '.join(words)})" if words else ""


def _unpacked(metadata: tuple[Any, ...]) -> Iterator[Any]:
    for one in metadata:
        if isinstance(one, FieldInfo):
            yield from one.metadata
        else:
            yield one


def shown(value: Any) -> str:
    """A value as it is typed."""
    if value is None or isinstance(value, bool):
        return str({None: "null", True: "true", False: "false"}[value])
    return str(value)
