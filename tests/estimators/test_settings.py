"""The estimators take their optimizers from the files that Hydra composes."""

import pytest

from onelayer.estimators.settings import optimizer_defaults
from tests.conftest import composed


# plain files, files that build on another one, and files that say more than the optimizer
@pytest.mark.parametrize("name", ["adam", "sgd", "amsgrad", "nesterov", "lbfgs", "rprop"])
def test_optimizers_have_the_defaults_of_their_files(name: str) -> None:
    assert optimizer_defaults(name) == composed(f"optim={name}")["optim"]
