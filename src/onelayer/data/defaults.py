"""What the configurations of data sources say, for those who name a source in Python."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from onelayer import CONF
from onelayer.errors import UserError, did_you_mean
from onelayer.yaml_text import read_yaml


def section_of(source: str) -> dict[str, Any]:
    """Return the section `data` as ``data=<source>`` composes it from conf/train.yaml and conf/data/<source>.yaml.

    Raises:
        UserError: there is no such file.
    """
    file = CONF / "data" / f"{source}.yaml"
    if not file.is_file():
        known = [path.stem for path in CONF.glob("data/*.yaml")]
        hint = did_you_mean(source, known) or f"; there are {', '.join(sorted(known))}"
        raise UserError(f"data.source={source}: there is no such source{hint}")
    own = {key: value for key, value in _read(file).items() if key != "defaults"}  # conf/encode.yaml, where any
    return merged({**_read(CONF / "train.yaml")["data"], "encode": _read(CONF / "encode.yaml")}, own)


def merged(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values, those of `base` where there are no others."""
    nested = {
        key: merged(base[key], value)
        for key, value in values.items()
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
    }
    return {**base, **values, **nested}


@cache
def _read(path: Path) -> Any:
    return read_yaml(path)
