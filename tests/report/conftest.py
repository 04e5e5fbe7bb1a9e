"""Sweeps that are trained once, and what is gathered of them."""

from pathlib import Path

import pytest

from onelayer.report.figures import diagnostics, heat, paint_all, profile, response
from onelayer.report.figures.canvas import Painted
from onelayer.report.gather import Gathered, gather
from tests.report.swept import CANCER, NUMBERS, sweep


@pytest.fixture(scope="session")
def cancer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweep(tmp_path_factory.mktemp("reported") / "cancer", *CANCER)


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweep(tmp_path_factory.mktemp("reported") / "numbers", *NUMBERS)


@pytest.fixture(scope="session")
def of_cancer(cancer: Path) -> Gathered:
    return gather([cancer])


@pytest.fixture(scope="session")
def painted(of_cancer: Gathered, of_numbers: Gathered) -> list[list[Painted]]:
    """All figures of the one, and of the other those that its numbers change."""
    some = [response.draw_rate(of_numbers), diagnostics.draw(of_numbers), profile.draw(of_numbers)]
    return [paint_all(of_cancer), some + heat.draw(of_numbers)[:1]]


@pytest.fixture(scope="session")
def of_numbers(numbers: Path) -> Gathered:
    return gather([numbers])
