"""One deadline a call, carried down to every wait."""

from __future__ import annotations

import time
from typing import NamedTuple


class Deadline(NamedTuple):
    """The monotonic instant after which nothing more is begun for a call."""

    at_s: float

    def remaining_s(self) -> float:
        """Seconds left; negative once it has passed."""
        return self.at_s - time.monotonic()
