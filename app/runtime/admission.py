"""Admission control: as many calls wait for a connection as will have one soon; the others are refused at once."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WEIGHT = 0.1  # of the newest turn in the typical one
# While turns are quicker all threads may wait for one. Where nobody tells how many calls wait for a thread they must be
# quicker still: the 512 that Granian holds behind eight of them are then in hand within 1.3 s.
QUICK_S, QUICK_UNTOLD_S = 0.05, 0.02


class AdmissionControl:
    """Lets a call in while the wait before it is expected to end within `longest_s`, and keeps a thread free.

    By Little's law a call that finds n others waiting for `places` connections waits (n + 1) / places turns. A
    turn is taken to last as long as those before it (an exponentially weighted mean) or, where every place is
    taken, as long as none of them has ended. So a store that answers quickly makes hardly any call turn away, and
    a slow one holds few threads. A fixed bound would do one of these badly, and a gradient limit (Vegas) would
    find the same bound by trial: here the number of places is known.

    Calls for which there is no thread wait unseen. Where the server tells how many these are, nobody joins whom it
    let in while the last of them would wait longer than `longest_s` for a thread: all others are answered from memory,
    until there are fewer. And unless turns are quick the last of `threads` is not let in, and answers whoever comes.

    Attributes:
        backlog: How many calls wait for a thread, where that can be told.
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
        """How many wait or have a place."""
        return self._inside

    def enter(self) -> bool:
        """Take a place in the line, false where it is too long; who entered must call `leave`."""
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
        if self._inside == 0:  # somebody must find out that turns are quick again
            return False
        last = self._inside >= threads - 1
        if self.backlog is None:
            return last and turn_s > QUICK_UNTOLD_S
        return (last and turn_s > QUICK_S) or self.backlog() * turn_s > self._longest_s * threads

    def took(self, turn_s: float) -> None:
        """A turn ended after so many seconds."""
        with self._lock:
            self._moved_s = self._timer()
            self._turn_s += (turn_s - self._turn_s) * _WEIGHT

    def leave(self) -> None:
        """Give the place up."""
        with self._lock:
            self._inside -= 1
