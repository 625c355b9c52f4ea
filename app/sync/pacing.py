"""How fast: a share of a destination's budget, in a short window and by the clock hour, as its headers tell it.

Two dialects of headers are read: `X-RateLimit-Limit`, `-Remaining`, `-Reset` (UTC epoch seconds, or seconds that are left
where the value is small), and `X-RateLimit-Retry-After` or `Retry-After` (seconds, or a date of HTTP). Sources: braze.com/docs/api/api_limits
and braze.com/docs/api/endpoints/user_data/post_user_track (the hourly limit of MAU contracts starts anew with the clock hour).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.runtime.outgoing import retry_after_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sync.definition import PaceLimits

HOUR_S: Final = 3600.0
LONG_WAIT_S: Final = 65.0  # above it a wait is a pause, which is told
EPOCH_FROM: Final = 10**6  # a reset below it is seconds from now
_SLOWER: Final = 0.8  # after a 429
_RECOVERY: Final = 0.01  # of the pace, regained by each request that was taken
_LEAST_PACE: Final = 0.02  # of the pace
_FIRST_WAIT_S: Final = 1.0  # after a 429 that says nothing, doubled each time


class Pacer:
    """Says when the next request may go.

    All times are seconds of one clock that is near UTC's epoch, for the headers speak of it.

    Args:
        limits: The budget; `requests` of it is known.
        requests: Of the short window, from everybody, where the limits say nothing.
        used: Requests of this clock hour that went before.
        not_before: Until when an earlier run was told to pause.
    """

    def __init__(self, limits: PaceLimits, *, requests: int, used: int = 0, not_before: float = 0.0) -> None:
        self._limits = limits
        self._window = self._most_window = limits.requests or requests
        self._hourly = limits.requests_per_hour
        self._used = used
        self._hour: float | None = None
        self._pace = 1.0
        self._tokens = 1.0
        self._filled_at: float | None = None
        self._not_before = not_before
        self._silent_429s = 0

    @property
    def per_s(self) -> float:
        """Requests a second that are ours, now."""
        return self.full_per_s * self._pace

    @property
    def full_per_s(self) -> float:
        """Requests a second that are ours while nobody asks us to slow down."""
        return self._window * self._limits.share / self._limits.window_s

    @property
    def hourly(self) -> int | None:
        """Requests of a clock hour that are ours; None is no such limit."""
        return None if self._hourly is None else max(1, int(self._hourly * self._limits.share))

    def reserve(self, now: float) -> float:
        """Take the next place; gives when its request may go, now or later."""
        if self._filled_at is None:
            self._filled_at = now
        begin = max(now, self._filled_at)
        at = max(begin, self._not_before)
        others = (
            (1 - self._limits.share) * self._window / 2
        )  # what may be caught up after a wait, and stays theirs
        most = max(1.0, min(self.full_per_s * self._limits.window_s, others))
        # A wait that the destination asked for is caught up whole: being asked is no reason to go slower during it.
        gained = (begin - self._filled_at) * self.per_s + (at - begin) * self.full_per_s
        self._tokens = min(most, self._tokens + gained)
        if self._tokens < 1:
            at += (1 - self._tokens) / self.per_s
            self._tokens = 1.0
        hour = self._in_hour(at)
        if hour > at:
            at, self._tokens = hour, 1.0
        self._tokens -= 1
        self._filled_at = at
        self._used += 1
        return at

    def seconds_left(self, requests: int, now: float) -> float:
        """How long so many requests will take from now on, this hour's rest and hourly pauses included."""
        begin = max(now, self._not_before)
        hourly = self.hourly
        if hourly is None:
            return begin - now + requests / self.full_per_s
        hour = max(begin // HOUR_S * HOUR_S, self._hour or 0.0)  # places may be taken in an hour to come
        begin = max(begin, hour)
        rest = hourly if self._hour is not None and self._hour != hour else max(0, hourly - self._used)
        if requests <= rest:
            return begin - now + requests / self.full_per_s
        hours, within = divmod(requests - rest - 1, hourly)
        return hour + HOUR_S * (hours + 1) - now + (within + 1) / self.full_per_s

    def _in_hour(self, at: float) -> float:
        """The same moment, or the next clock hour where this one's share is used up."""
        hour = at // HOUR_S * HOUR_S
        if self._hour is None:
            self._hour = hour
        if hour > self._hour:
            self._hour, self._used = hour, 0
        if self.hourly is not None and self._used >= self.hourly:
            self._hour, self._used = self._hour + HOUR_S, 0
            return max(at, self._hour)
        return at

    def learn(self, headers: Mapping[str, str], now: float, *, too_fast: bool) -> float:
        """Read an answer's headers; gives the moment before which nothing goes, 0 where that is now.

        Args:
            headers: Their names in lower case.
            now: When the answer came.
            too_fast: Whether it was a 429.
        """
        reset = _reset(headers.get("x-ratelimit-reset"), now)
        self._learn_limit(_number(headers.get("x-ratelimit-limit")), reset, now)
        if not too_fast:
            self._silent_429s = 0
            self._pace = min(1.0, self._pace + _RECOVERY)
            spent = _number(headers.get("x-ratelimit-remaining")) == 0 and reset is not None
            if spent and reset is not None:
                self._not_before = max(self._not_before, reset)
            return self._not_before
        if now >= self._not_before:  # one slowing for all that were under way
            self._pace = max(_LEAST_PACE, self._pace * _SLOWER)
        waits = (headers.get("x-ratelimit-retry-after"), headers.get("retry-after"))
        wait_s = next((found for one in waits if (found := retry_after_s(one, now)) is not None), None)
        if wait_s is not None:
            reset = now + wait_s
        if reset is None:
            reset = now + min(_FIRST_WAIT_S * 2**self._silent_429s, LONG_WAIT_S)
            self._silent_429s += 1
        self._not_before = max(self._not_before, min(reset, now + HOUR_S))
        return self._not_before

    def _learn_limit(self, limit: float | None, reset: float | None, now: float) -> None:
        """Keep to the smaller of what the file and the headers say of a window."""
        if limit is None or limit < 1 or reset is None:
            return
        if reset - now > 2 * self._limits.window_s:
            self._hourly = int(limit if self._hourly is None else min(limit, self._hourly))
        else:  # or an hourly one that is about to end, which is no smaller
            self._window = int(min(limit, self._most_window))


def _number(text: str | None) -> float | None:
    if text is None or not text.isascii() or not text.strip().replace(".", "", 1).isdigit():
        return None
    return float(text)


def _reset(text: str | None, now: float) -> float | None:
    found = _number(text)
    if found is None:
        return None
    return now + found if found < EPOCH_FROM else found
