"""Where a worker counts calls against its share of the lines: fixed windows in memory, for Flask-Limiter's strategy."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

from limits.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable

_FEW = 64  # windows that are not worth looking through


class FixedWindowStorage(Storage):
    """Counts by key, each until its window ends.

    The `limits` package's own storage in memory starts a thread every 10 ms while it is used, to let go of what
    has ended; beside calls that share one interpreter lock with those threads, that is most of the slowest calls'
    time. Here what has ended goes when there are twice as many windows as were found alive last time.
    """

    STORAGE_SCHEME = ["windows"]  # noqa: RUF012 - `limits` reads it off the class as it stands

    def __init__(
        self,
        uri: str | None = None,
        wrap_exceptions: bool = False,  # noqa: FBT001, FBT002 - as `limits` calls it
        timer: Callable[[], float] = time.monotonic,
        **_options: str,
    ) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._timer = timer
        self._lock = Lock()
        self._windows: dict[str, tuple[float, int]] = {}  # when it ends, how many it has
        self._most = _FEW

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count so many; a window begins with its first call. Returns how many it has now."""
        now_s = self._timer()
        with self._lock:
            ends_s, count = self._windows.get(key, (now_s, 0))
            if ends_s <= now_s:
                ends_s, count = now_s + expiry, 0
                if len(self._windows) >= self._most:
                    self._evict(now_s)
            count += amount
            self._windows[key] = (ends_s, count)
        return count

    def _evict(self, now_s: float) -> None:
        self._windows = {key: window for key, window in self._windows.items() if window[0] > now_s}
        self._most = max(_FEW, 2 * len(self._windows))

    def get(self, key: str) -> int:
        """How many a key's window has; 0 where it has ended."""
        ends_s, count = self._windows.get(key, (0.0, 0))
        return count if ends_s > self._timer() else 0

    def get_expiry(self, key: str) -> float:
        """When a key's window ends, in Unix time; now where it has."""
        now_s = self._timer()
        ends_s, _ = self._windows.get(key, (now_s, 0))
        return time.time() + max(0.0, ends_s - now_s)

    def clear(self, key: str) -> None:
        """Begin a key anew."""
        with self._lock:
            self._windows.pop(key, None)

    def reset(self) -> int:
        """Begin all anew; returns how many there were."""
        with self._lock:
            count = len(self._windows)
            self._windows = {}
        return count

    def check(self) -> bool:
        """Memory is always there."""
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may go wrong here: nothing that is expected."""
        return ValueError
