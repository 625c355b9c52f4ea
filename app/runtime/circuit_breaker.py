"""A circuit breaker: while the store is down, calls do not wait for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES = 3
PROBE_S = 0.5


class CircuitBreaker:
    """Opens after `failures` in a row; then one call every `probe_s` is allowed, and a success closes it.

    It takes no lock: a race allows a call or two more, which costs only the wait of those calls.
    """

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        probe_s: float = PROBE_S,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._probe_s = probe_s
        self._timer = timer
        self._in_a_row = 0
        self._next_probe_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return self._in_a_row >= self._limit

    def allows_call(self) -> bool:
        """Whether this call may ask the store."""
        if not self.is_open:
            return True
        now_s = self._timer()
        if now_s < self._next_probe_s:
            return False
        self._next_probe_s = now_s + self._probe_s
        return True

    def record_success(self) -> None:
        """The store answered."""
        self._in_a_row = 0

    def record_failure(self) -> None:
        """The store did not answer, and not for want of our own patience."""
        self._in_a_row += 1
        if self._in_a_row == self._limit:
            self._next_probe_s = self._timer() + self._probe_s
