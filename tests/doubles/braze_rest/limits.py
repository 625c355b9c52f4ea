"""How many requests a workspace takes, and what its answers say of that.

Pages: braze.com/docs/api/api_limits and …/post_user_track: 3,000 requests in 3 s on data-point contracts; on MAU contracts
an hourly limit, which starts anew with the clock hour, beside the 3-s burst. `X-RateLimit-Reset` is UTC epoch seconds in
the one, seconds that are left in the other, whose 429 has `X-Ratelimit-Retry-After` in place of the three.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Dialect = Literal["data_points", "mau"]


@dataclass
class RequestLimits:
    """Windows of 3 s and of the clock hour.

    Args:
        burst: Requests of 3 s.
        hourly: Requests of a clock hour; None is no such limit.
        dialect: Of the headers.
        clock: UTC seconds.
    """

    burst: int = 3_000
    hourly: int | None = None
    dialect: Dialect = "data_points"
    clock: Callable[[], float] = time.time
    refused: int = 0
    _windows: dict[int, tuple[float, int]] = field(default_factory=dict)

    def take(self, *, forced: bool = False) -> tuple[bool, dict[str, str]]:
        """Count a request: whether it is taken, and its headers.

        Args:
            forced: Others used the window up just now.
        """
        now = self.clock()
        spans = [(3, self.burst), *([(3600, self.hourly)] if self.hourly else [])]
        fits, headers = True, {}
        for span, most in spans:
            begin, used = self._windows.get(span, (0.0, 0))
            if now >= begin + span:
                begin, used = now // span * span, 0
            over = used >= most or (forced and span == spans[-1][0])
            self._windows[span] = (begin, used + (not over))
            if fits:
                headers = self._headers(most, 0 if over else most - used - 1, begin + span, now, over=over)
            fits = fits and not over
        self.refused += not fits
        return fits, headers

    def _headers(self, most: int, left: int, end: float, now: float, *, over: bool) -> dict[str, str]:
        seconds = max(1, round(end - now + 0.5))
        if self.dialect == "mau" and over:
            return {"X-Ratelimit-Retry-After": str(seconds)}
        reset = str(seconds) if self.dialect == "mau" else str(int(end + 0.999))
        return {
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": reset,
        }
