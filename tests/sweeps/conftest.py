"""What tests of sweeps share."""

from collections.abc import Iterator

import pytest
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins

from onelayer.compose import initialized


@pytest.fixture(scope="session", autouse=True)
def plugins_are_known() -> None:
    """Hydra's own fixtures put its registries back to what they were; what is imported once registers once."""
    Plugins.instance()


@pytest.fixture
def loader() -> Iterator[ConfigLoader]:
    with initialized():
        yield GlobalHydra.instance().config_loader()
