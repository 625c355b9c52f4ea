"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real data for local tests; a test that needs it skips where it is absent."""
    folder = Path(os.environ.get("CONNECTED_JOBS_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data folder {folder} is not here; set CONNECTED_JOBS_DATA to where it is")
    return folder
