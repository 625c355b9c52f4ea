"""Two lines of rate limit: above the soft one an answer is cheap, above the hard one there is none."""

from __future__ import annotations

from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from flask import Flask
from flask_limiter import Limiter
from limits import RateLimitItemPerSecond
from limits.errors import StorageError

from app.runtime.circuit_breaker import CircuitBreaker
from app.web.limit_storage import FixedWindowStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from limits.strategies import RateLimiter

STORAGE_TIMEOUT_S = 0.05  # a limiter that is slow is worse than one that counts for itself
MOST_KEYS = 1_000  # of a limit, kept
_SHARED_STORAGE = {
    "socket_timeout": STORAGE_TIMEOUT_S,
    "socket_connect_timeout": STORAGE_TIMEOUT_S,
    "wrap_exceptions": True,
}


class RateLimitState(Enum):
    """Where a call stands."""

    UNDER = auto()
    OVER_SOFT = auto()
    OVER_HARD = auto()


class CallLimits:
    """Counts calls by credential and campaign, never by address: all of Braze comes from a handful of those.

    Flask-Limiter is configured once and its strategy is asked directly: its request hooks cost twenty times the
    count itself. Where a shared storage does not answer, each worker counts its own share until it does.

    Args:
        hard_rps: Calls/s of one credential, all workers and instances together; above it 429. 0 is off.
        soft_rps: Calls/s of one credential and campaign; above it the answer comes from the shelves. 0 is off.
        unknown_rps: Wrong credentials/s, whoever sends them.
        workers: How many share the lines where the storage is not shared.
        storage_uri: `valkey://host:port` for lines shared by instances; else each worker keeps its share.
        on_fallback: Told each time the shared storage fails.
        on_over: Told each call that is refused: over the line "hard" or "unknown".
    """

    def __init__(
        self,
        *,
        hard_rps: int,
        soft_rps: int,
        unknown_rps: int,
        workers: int,
        storage_uri: str | None = None,
        on_fallback: Callable[[], None] = lambda: None,
        on_over: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._own = _strategy(f"{FixedWindowStorage.STORAGE_SCHEME[0]}://")
        self._shared = _strategy(storage_uri, **_SHARED_STORAGE) if storage_uri else None
        self._breaker = CircuitBreaker(failures=1)
        self._on_fallback = on_fallback
        self._on_over = on_over
        self._hard = _RateLimit(hard_rps, workers)
        self._soft = _RateLimit(soft_rps, workers)
        self._unknown = _RateLimit(unknown_rps, workers)

    def count_call(self, credential: str, campaign: str) -> RateLimitState:
        """Count a call and say where it stands."""
        if self._hard.on and not self._hit(self._hard, "hard", credential):
            self._on_over("hard")
            return RateLimitState.OVER_HARD
        if self._soft.on and not self._hit(self._soft, credential, campaign):
            return RateLimitState.OVER_SOFT
        return RateLimitState.UNDER

    def count_wrong_credential(self) -> bool:
        """Count a wrong credential; false where too many were tried, so that guessing is slow."""
        if not self._unknown.on or self._hit(self._unknown, "unknown", ""):
            return True
        self._on_over("unknown")
        return False

    def _hit(self, limit: _RateLimit, *key: str) -> bool:
        if self._shared is not None and self._breaker.lets_through():
            try:
                within = self._shared.hit(limit.whole, *key)
            except StorageError:
                self._breaker.failed()
                self._on_fallback()
            else:
                self._breaker.succeeded()
                return within
        return self._own.hit(limit.share, *key)


class _RateLimit:
    """A limit for all, and what one worker may take of it; 0 is off."""

    def __init__(self, rps: int, workers: int) -> None:
        self.on = rps > 0
        self.whole = _PerSecond(max(rps, 1))
        self.share = _PerSecond(max(-(-rps // workers), 1))


class _PerSecond(RateLimitItemPerSecond):
    """So many a second; the keys of those who call now are kept, for making one costs more than the count."""

    __slots__ = ("_made",)

    def __init__(self, amount: int) -> None:
        super().__init__(amount)
        self._made = lru_cache(MOST_KEYS)(super().key_for)

    def key_for(self, *identifiers: bytes | str | float) -> str:
        """Where whoever these name is counted."""
        return self._made(*identifiers)


def _strategy(storage_uri: str, **options: float | bool) -> RateLimiter:
    """The strategy that Flask-Limiter sets up on a storage.

    It is given an application of its own, because on the one that serves it would look at every request.
    """
    limiter = Limiter(
        lambda: "",
        storage_uri=storage_uri,
        storage_options=cast("dict[str, str | int]", options),
        strategy="fixed-window",
    )
    limiter.init_app(Flask("app.web.limits"))
    return limiter.limiter
