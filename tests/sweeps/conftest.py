"""What tests of sweeps share."""

from collections.abc import Iterator

import pytest
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra

from onelayer.compose import initialized


@pytest.fixture
def loader() -> Iterator[ConfigLoader]:
    with initialized():
        yield GlobalHydra.instance().config_loader()
