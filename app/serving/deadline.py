"""One deadline a call, carried down to every wait."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """The monotonic instant after which nothing more is begun for a call."""

    at_s: float

    @classmethod
    def after(cls, seconds: float, *, start_s: float | None = None) -> Deadline:
        """A deadline `seconds` after `start_s` on the monotonic clock (default: now)."""
        return cls((time.monotonic() if start_s is None else start_s) + seconds)

    def remaining_s(self) -> float:
        """Seconds left; negative once it has passed."""
        return self.at_s - time.monotonic()

    def passed(self) -> bool:
        """Whether nothing more may be begun."""
        return self.remaining_s() <= 0
