"""A call's deadline, which every wait of it respects."""

from __future__ import annotations

import time
from typing import NamedTuple


class Deadline(NamedTuple):
    """The instant after which a call begins no further work; `at_s` is by the monotonic clock."""

    at_s: float

    def remaining_s(self) -> float:
        """Seconds left; negative after the deadline."""
        return self.at_s - time.monotonic()
