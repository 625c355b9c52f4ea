"""Where a run leaves its files: in the data folder, which Git does not see, under a name of its own."""

import os
from datetime import datetime
from pathlib import Path


def dated(kind: str, *, now: datetime | None = None) -> Path:
    """A new file's path, `.data/loadtest/<kind>-<date>-<time>.json`; its folder is made."""
    folder = Path(os.environ.get("CJ_DATA_DIR") or ".data") / "loadtest"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{kind}-{(now or datetime.now().astimezone()):%Y%m%d-%H%M%S}.json"
