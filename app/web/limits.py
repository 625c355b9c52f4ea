"""Two rate limits: calls above the soft one get a popular list, calls above the hard one get 429."""

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

STORAGE_TIMEOUT_S = 0.05  # then the worker counts by itself, because a slow limiter would delay every call
MOST_KEYS = 1_000  # cached storage keys of a limit
_SHARED_STORAGE = {
    "socket_timeout": STORAGE_TIMEOUT_S,
    "socket_connect_timeout": STORAGE_TIMEOUT_S,
    "wrap_exceptions": True,
}


class RateLimitState(Enum):
    """Which limits a call is over."""

    UNDER = auto()
    OVER_SOFT = auto()
    OVER_HARD = auto()


class CallLimits:
    """Counts calls by credential and campaign, never by address, because all of Braze calls from a few addresses.

    Flask-Limiter is configured once and its strategy is called directly, because its request hooks cost twenty times as
    much. While a shared storage does not answer, each worker counts against its own share of the limits.

    Args:
        hard_rps: Calls/s of one credential, all workers and instances together; above it 429. 0 is off.
        soft_rps: Calls/s of one credential and campaign; above it the answer is a popular list. 0 is off.
        unknown_rps: Wrong credentials/s of all callers together.
        workers: How many workers share the limits where the storage is not shared.
        storage_uri: `valkey://host:port` for limits shared by all instances; None lets each worker keep its share.
        on_fallback: Called each time the shared storage fails.
        on_over: Called with "hard" or "unknown" for each call that is refused.
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
        """Count a call and return which limits it is over."""
        if self._hard.on and not self._hit(self._hard, "hard", credential):
            self._on_over("hard")
            return RateLimitState.OVER_HARD
        if self._soft.on and not self._hit(self._soft, credential, campaign):
            return RateLimitState.OVER_SOFT
        return RateLimitState.UNDER

    def count_wrong_credential(self) -> bool:
        """Count a wrong credential; returns false where too many were tried, which makes guessing slow."""
        if not self._unknown.on or self._hit(self._unknown, "unknown", ""):
            return True
        self._on_over("unknown")
        return False

    def _hit(self, limit: _RateLimit, *key: str) -> bool:
        if self._shared is not None and self._breaker.allows_call():
            try:
                within = self._shared.hit(limit.whole, *key)
            except StorageError:
                self._breaker.record_failure()
                self._on_fallback()
            else:
                self._breaker.record_success()
                return within
        return self._own.hit(limit.share, *key)


class _RateLimit:
    """A limit for all workers together, and the share of one worker; 0 is off."""

    def __init__(self, rps: int, workers: int) -> None:
        self.on = rps > 0
        self.whole = _PerSecond(max(rps, 1))
        self.share = _PerSecond(max(-(-rps // workers), 1))


class _PerSecond(RateLimitItemPerSecond):
    """A limit a second that caches its storage keys, because making a key costs more than the count."""

    __slots__ = ("_made",)

    def __init__(self, amount: int) -> None:
        super().__init__(amount)
        self._made = lru_cache(MOST_KEYS)(super().key_for)

    def key_for(self, *identifiers: bytes | str | float) -> str:
        """The storage key of these identifiers."""
        return self._made(*identifiers)


def _strategy(storage_uri: str, **options: float | bool) -> RateLimiter:
    """The strategy that Flask-Limiter sets up on a storage.

    Flask-Limiter gets an application of its own; on the serving one its hooks would run at every request.
    """
    limiter = Limiter(
        lambda: "",
        storage_uri=storage_uri,
        storage_options=cast("dict[str, str | int]", options),
        strategy="fixed-window",
    )
    limiter.init_app(Flask("app.web.limits"))
    return limiter.limiter
