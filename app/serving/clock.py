"""The store's clock, kept on this machine: what is in force, due or over is the same instant for every worker."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DRIFT = 200e-6  # seconds a second that two machines' clocks may go apart; clocks of PCs and NTP's slewing stay below


class StoreClock:
    """Now by the store's clock, without asking it: this machine's monotonic clock and what lies between the two.

    A reading says that the store's clock stood at an instant between two of ours. Each narrows down what lies between
    the clocks; one that contradicts the earlier ones (the store's clock was set, or another server took its place)
    takes their place. Before the first reading this machine's own clock is believed.
    """

    def __init__(
        self, *, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._monotonic = monotonic
        between_s = wall() - monotonic()
        self._between_s = between_s
        self._low_s, self._high_s = -float("inf"), float("inf")
        self._read_s = 0.0

    def now(self) -> datetime:
        """The store's clock, to a few milliseconds."""
        return datetime.fromtimestamp(self._monotonic() + self._between_s, UTC)

    def follow(self, read: Callable[[], datetime]) -> datetime:
        """Read the store's clock; returns what it said. Raises what `read` raises, keeping what was known."""
        before_s = self._monotonic()
        said = read()
        after_s = self._monotonic()
        low_s, high_s = said.timestamp() - after_s, said.timestamp() - before_s
        apart_s = DRIFT * (after_s - self._read_s)
        known_low_s, known_high_s = self._low_s - apart_s, self._high_s + apart_s
        if known_low_s <= high_s and low_s <= known_high_s:
            low_s, high_s = max(low_s, known_low_s), min(high_s, known_high_s)
        self._low_s, self._high_s, self._read_s = low_s, high_s, after_s
        self._between_s = (low_s + high_s) / 2
        return said
