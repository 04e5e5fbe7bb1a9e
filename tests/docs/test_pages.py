"""Every command and block of README and of the pages does what it says; docs/contribute/docs.md is the contract."""

from pathlib import Path

import pytest

from docs.execute import ROOT, chains, run_page


@pytest.mark.parametrize("chain", chains(), ids=lambda chain: str(chain[0].relative_to(ROOT)))
def test_a_page_does_what_it_says(chain: list[Path], environment: dict[str, str], tmp_path: Path) -> None:
    for page in chain:
        run_page(page, tmp_path, environment)
