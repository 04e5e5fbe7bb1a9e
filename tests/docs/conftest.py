"""The process that runs the commands of pages, started once."""

from collections.abc import Iterator

import pytest

from docs.execute import warm_process


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """The environment in which commands find it."""
    with warm_process() as found:
        yield found
