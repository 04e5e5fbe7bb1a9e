"""Where the real data lie that some tests read; nothing of them is part of the project."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("ONELAYER_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no {DATA}; set ONELAYER_DATA to the folder of reference data"
)
