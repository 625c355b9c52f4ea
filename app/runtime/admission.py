"""Admission control: a call waits for a connection only if it will get one soon; otherwise it is refused at once."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WEIGHT = 0.1  # of the newest turn in the moving average
# While turns are shorter than this, all threads may wait for a connection. Where the backlog is unknown the bound is
# lower: the 512 calls that Granian holds behind eight threads then get a thread within 1.3 s.
QUICK_S, QUICK_WITHOUT_BACKLOG_S = 0.05, 0.02


class AdmissionControl:
    """Admits a call if its expected wait is at most `longest_s`, and keeps one thread free.

    By Little's law a call that finds n others waiting for `places` connections waits (n + 1) / places turns. The length
    of a turn is estimated by an exponentially weighted mean of past turns or, where every place is taken, by the time
    since a turn last ended, if that is longer. So a fast store refuses hardly any call, and a slow one occupies few
    threads. A fixed bound would fail in one of the two cases; a gradient limit (Vegas) would find the same bound by trial,
    but here the number of places is known.

    Calls that wait for a thread are not counted by this class. Where the server reports how many there are (`backlog`),
    no call is admitted while the last of them would wait longer than `longest_s` for a thread; calls are then answered
    from memory. And unless turns are short, the last of `threads` is not admitted, so that it answers from memory.

    Attributes:
        backlog: Returns how many calls wait for a thread; None where the server does not report it.
    """

    def __init__(
        self,
        places: int,
        *,
        longest_s: float,
        threads: int | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._longest_s = longest_s
        self._threads = threads
        self.backlog: Callable[[], int] | None = None
        self._timer = timer
        self._lock = Lock()
        self._inside = 0
        self._turn_s = 0.0
        self._moved_s = timer()

    @property
    def inside(self) -> int:
        """How many calls wait for a connection or have one."""
        return self._inside

    def enter(self) -> bool:
        """Join the queue and return true, or return false where the wait would be too long; `leave` must follow a true."""
        with self._lock:
            now_s = self._timer()
            if self._inside == 0:
                self._moved_s = now_s
            turn_s = max(self._turn_s, now_s - self._moved_s)
            before = self._inside - self._places + 1
            if before > 0 and before * turn_s > self._longest_s * self._places:
                return False
            if self._threads and self._keeps_others_waiting(turn_s, self._threads):
                return False
            self._inside += 1
            return True

    def _keeps_others_waiting(self, turn_s: float, threads: int) -> bool:
        if self._inside == 0:  # one call must find out whether turns are short again
            return False
        last = self._inside >= threads - 1
        if self.backlog is None:
            return last and turn_s > QUICK_WITHOUT_BACKLOG_S
        return (last and turn_s > QUICK_S) or self.backlog() * turn_s > self._longest_s * threads

    def record_turn(self, turn_s: float) -> None:
        """Record that a turn ended after so many seconds."""
        with self._lock:
            self._moved_s = self._timer()
            self._turn_s += (turn_s - self._turn_s) * _WEIGHT

    def leave(self) -> None:
        """Leave the queue, or give the connection up."""
        with self._lock:
            self._inside -= 1
