"""Fixed windows in memory, in which a worker counts calls against its share of the limits."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

from limits.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable

_FEW = 64  # windows; with fewer, ended ones are not looked for


class FixedWindowStorage(Storage):
    """Counts by key, each until its window ends.

    The `limits` package's own memory storage starts a thread every 10 ms to remove ended windows. Those threads hold the
    interpreter lock, which made up most of the slowest calls' time. Here ended windows are removed when there are twice
    as many windows as were alive after the last removal.
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
        self._windows: dict[str, tuple[float, int]] = {}  # its end on the timer, and its count
        self._most = _FEW

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add `amount` to a key's window, which begins with its first call; returns its count."""
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
        """The count of a key's window; 0 where it has ended."""
        ends_s, count = self._windows.get(key, (0.0, 0))
        return count if ends_s > self._timer() else 0

    def get_expiry(self, key: str) -> float:
        """When a key's window ends, in Unix time; now where it has."""
        now_s = self._timer()
        ends_s, _ = self._windows.get(key, (now_s, 0))
        return time.time() + max(0.0, ends_s - now_s)

    def clear(self, key: str) -> None:
        """Remove a key's window."""
        with self._lock:
            self._windows.pop(key, None)

    def reset(self) -> int:
        """Remove all windows; returns how many there were."""
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
