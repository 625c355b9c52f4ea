"""The store's clock, estimated on this machine, so that all workers agree on what is in force."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DRIFT = 200e-6  # seconds a second by which two clocks may diverge; PC clocks and NTP slewing stay below


class StoreClock:
    """The store's time without a read: this machine's monotonic clock plus an estimated offset.

    A reading shows that the store's clock stood at an instant between two of ours, which bounds the offset. Each reading
    narrows the bounds; one that contradicts them (the store's clock was set, or another server took over) replaces them.
    Before the first reading the offset is that of this machine's wall clock.
    """

    def __init__(
        self, *, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._monotonic = monotonic
        offset_s = wall() - monotonic()
        self._offset_s = offset_s
        self._low_s, self._high_s = -float("inf"), float("inf")
        self._read_s = 0.0

    def now(self) -> datetime:
        """The store's clock, to a few milliseconds."""
        return datetime.fromtimestamp(self._monotonic() + self._offset_s, UTC)

    def follow(self, read: Callable[[], datetime]) -> datetime:
        """Read the store's clock and update the offset; returns the reading. Raises what `read` raises."""
        before_s = self._monotonic()
        reading = read()
        after_s = self._monotonic()
        low_s, high_s = reading.timestamp() - after_s, reading.timestamp() - before_s
        apart_s = DRIFT * (after_s - self._read_s)
        known_low_s, known_high_s = self._low_s - apart_s, self._high_s + apart_s
        if known_low_s <= high_s and low_s <= known_high_s:
            low_s, high_s = max(low_s, known_low_s), min(high_s, known_high_s)
        self._low_s, self._high_s, self._read_s = low_s, high_s, after_s
        self._offset_s = (low_s + high_s) / 2
        return reading
