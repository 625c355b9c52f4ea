"""How many calls may wait for a connection: as many as will have one soon, the others are told at once."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WEIGHT = 0.1  # of the newest turn in the typical one


class WaitingLine:
    """Lets a call in while the wait before it is expected to end within `longest_s`, and keeps a thread free.

    By Little's law a call that finds n others waiting for `places` connections waits (n + 1) / places turns. A
    turn is taken to last as long as those before it (an exponentially weighted mean) or, where every place is
    taken, as long as none of them has ended. So a store that answers quickly makes hardly any call turn away, and
    a slow one holds few threads. A fixed bound would do one of these badly, and a gradient limit (Vegas) would
    find the same bound by trial: here the number of places is known.

    Calls for which there is no thread wait where nobody sees them. So unless turns are quick, at most `quick_s`, the
    last of `threads` is not let in: it answers whoever comes from memory.
    """

    def __init__(
        self,
        places: int,
        *,
        longest_s: float,
        threads: int | None = None,
        quick_s: float = 0.0,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._longest_s = longest_s
        # With one thread there would be nobody left to find out that turns are quick again.
        self._most_slow = threads - 1 if threads and threads > 1 else None
        self._timer = timer
        self._lock = Lock()
        self._quick_s = quick_s
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
            if self._most_slow is not None and self._inside >= self._most_slow and turn_s > self._quick_s:
                return False
            self._inside += 1
            return True

    def took(self, turn_s: float) -> None:
        """A turn ended after so many seconds."""
        with self._lock:
            self._moved_s = self._timer()
            self._turn_s += (turn_s - self._turn_s) * _WEIGHT

    def leave(self) -> None:
        """Give the place up."""
        with self._lock:
            self._inside -= 1
