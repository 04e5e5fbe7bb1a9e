"""The values that conf/ has for an optimizer or a schedule, by the name of their file."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from onelayer import CONF
from onelayer.yaml_text import read_yaml

Group = Literal["optim", "scheduler"]


@cache
def preset_names(group: Group) -> tuple[str, ...]:
    """Return the names of the files of a group, in alphabetical order."""
    return tuple(sorted(path.stem for path in (CONF / group).glob("*.yaml")))


@cache
def preset(group: Group, name: str) -> Mapping[str, Any]:
    """Return what conf/<group>/<name>.yaml says, bases included; values that refer to other keys stay as written."""
    content = read_yaml(CONF / group / f"{name}.yaml")
    bases = [base for base in content.pop("defaults", ()) if base != "_self_"]
    own: Mapping[str, Any] = content.get(group, content)  # a file of the package _global_ sets other groups too
    return {**{key: value for base in bases for key, value in preset(group, base).items()}, **own}
