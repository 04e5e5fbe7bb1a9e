"""YAML means the same to Python callers as to Hydra."""

import pytest
from omegaconf import OmegaConf

from onelayer.yaml_text import parse_yaml

NUMBERS = ("1e-8", "-2E+3", "1_0e2", "1.5e-3", "0.1", "3", ".inf", "true", "null")
TEXTS = ("e-8", "1e", "1e-8x", "'1e-8'", "01-02", "strong_wolfe")


@pytest.mark.parametrize("text", [*NUMBERS, *TEXTS])
def test_a_value_is_read_as_omegaconf_reads_it(text: str) -> None:
    expected = OmegaConf.to_container(OmegaConf.create(f"value: {text}"))
    assert repr(parse_yaml(f"value: {text}")) == repr(expected)


def test_what_is_no_yaml_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_yaml("{a: [1")
