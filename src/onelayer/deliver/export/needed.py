"""Packages that only some exports need."""

from importlib import import_module
from typing import Any


def needed(name: str) -> Any:
    """Import a module that has no types, or that is not there for all."""
    return import_module(name)
