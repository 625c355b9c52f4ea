"""A service with a ceiling and a limiter: what it begins, in which order, and how that ends."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, inf
from typing import TYPE_CHECKING, Final, NamedTuple

from app.capacity.apportion import ALMOST
from app.capacity.simulation.service import NO_FAILURES, Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

TOO_MANY_REQUESTS: Final = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """A limiter's limits on the calls begun in one of its windows of `window_s` seconds, and the work that each call is.

    The first `soft` are answered in full, which is 1 of work, those up to `hard` degraded, the others refused.
    """

    soft: float = inf
    hard: float = inf
    degraded_cost: float = 0.0
    refused_cost: float = 0.0
    window_s: int = 1

    @classmethod
    def of_rates(
        cls,
        *,
        soft_rps: float | None = None,
        hard_rps: float | None = None,
        degraded_cost: float = 0.0,
        refused_cost: float = 0.0,
        window_s: int = 1,
    ) -> RateLimits:
        """Make the limits of rates in calls/s, None for one that is off; a window counts whole calls."""
        hard = inf if hard_rps is None else floor(hard_rps * window_s)
        soft = inf if soft_rps is None else floor(soft_rps * window_s)
        return cls(
            soft=min(soft, hard),
            hard=hard,
            degraded_cost=degraded_cost,
            refused_cost=refused_cost,
            window_s=window_s,
        )

    def work(self, calls: float) -> float:
        """Return the work of a window's first `calls`."""
        degraded = max(0.0, min(calls, self.hard) - self.soft)
        refused = max(0.0, calls - self.hard)
        return min(calls, self.soft) + degraded * self.degraded_cost + refused * self.refused_cost

    def calls(self, work: float) -> float:
        """Return how many of a window's first calls come to `work`; infinity where the last cost nothing."""
        if work < self.soft:
            return work
        work -= self.soft
        most = (self.hard - self.soft) * self.degraded_cost if self.degraded_cost else 0.0
        if work < most:
            return self.soft + work / self.degraded_cost
        work -= most
        return self.hard + (work / self.refused_cost if self.refused_cost else inf)


NO_LIMITS: Final = RateLimits()


class _Span(NamedTuple):
    """Calls that are begun in one window if there are enough: `begun` before them, at `most` so many, in `seconds`."""

    begun: float
    most: float
    seconds: float


class LimitedService:
    """A service that does `ceiling_rps` of work a second, a full answer being 1.

    Calls wait in one queue, first in, first out: at most `most_waiting`, and none longer than `cut_off_s`; the others
    are cut off. From then on until nobody waits, only `overloaded_share` of the ceiling goes to calls that are answered
    in time: the rest is spent on callers who have gone, and on turning calls away. The limiter counts calls as they are
    begun, by its `limits`; what it refuses gets 429. So a service that has its hands full with the first of a window
    never comes to the lines above them.

    Rejected: shedding all calls above a line as they arrive and for nothing. Taking a call in and handing an answer
    out is the larger part of a call's work, so that promises degraded answers where there are cut-offs.
    """

    def __init__(
        self,
        ceiling_rps: float,
        *,
        limits: RateLimits = NO_LIMITS,
        cut_off_s: float = 2.0,
        most_waiting: float = inf,
        overloaded_share: float = 1.0,
    ) -> None:
        self._limits = limits
        self._ceiling_rps = ceiling_rps
        self._cut_off_s = cut_off_s
        self._most_waiting = most_waiting
        self._overloaded_rps = ceiling_rps * overloaded_share
        self._overloaded = False
        self._waiting = 0.0
        self._begun = 0.0  # in the window of `_second`
        self._second = 0

    def answer(self, second: int, calls: int, /) -> Answer:
        """Take in what will be begun in time, tell by the lines how it ends, cut off the rest."""
        self._advance(second)
        in_time = min(self._begun_within(1 + self._cut_off_s), self._begun_within(1.0) + self._most_waiting)
        room = in_time - self._waiting
        accepted = calls if calls <= room else max(0, floor(room + ALMOST))
        full, refused = self._ends(self._waiting, self._waiting + accepted)
        self._overloaded = self._overloaded or accepted < calls
        self._waiting += accepted
        self._work_a_second()
        return Answer(
            ok=full,
            degraded=accepted - full - refused,
            cut_off=calls - accepted,
            failed={TOO_MANY_REQUESTS: refused} if refused else NO_FAILURES,
        )

    def _advance(self, second: int) -> None:
        while self._waiting > 0 and self._second < second:
            self._work_a_second()
        if second // self._limits.window_s != self._second // self._limits.window_s:
            self._begun = 0.0
        self._second = second

    def _work_a_second(self) -> None:
        begun = min(self._waiting, self._begun_within(1.0))
        self._waiting -= begun
        self._overloaded = self._overloaded and self._waiting > 0
        self._begun += begun
        self._second += 1
        if self._second % self._limits.window_s == 0:
            self._begun = 0.0

    def _spans(self) -> Iterator[_Span]:
        """Yield what is left of this window, then whole ones without end."""
        begun, seconds = self._begun, float(self._limits.window_s - self._second % self._limits.window_s)
        while True:
            yield _Span(begun, self._count(begun, seconds), seconds)
            begun, seconds = 0.0, float(self._limits.window_s)

    def _count(self, begun: float, seconds: float) -> float:
        """Count the calls that can be begun in `seconds` of a window after its first `begun`."""
        rps = self._overloaded_rps if self._overloaded else self._ceiling_rps
        return self._limits.calls(self._limits.work(begun) + rps * seconds) - begun

    def _begun_within(self, seconds: float) -> float:
        """Count the calls that will be begun from now on if enough are there."""
        total = 0.0
        for span in self._spans():
            if seconds <= span.seconds:
                break
            total += span.most
            seconds -= span.seconds
        return total + self._count(span.begun, seconds)

    def _ends(self, first: float, end: float) -> tuple[int, int]:
        """Count, of the calls at places `first` to `end` of the queue, those answered in full and those refused."""
        full = refused = place = 0.0
        for span in self._spans():
            low, high = max(first, place) - place, min(end, place + span.most) - place
            if high > low:
                full += max(0.0, min(span.begun + high, self._limits.soft) - span.begun - low)
                refused += max(0.0, span.begun + high - max(span.begun + low, self._limits.hard))
            place += span.most
            if place >= end:
                break
        return floor(full + ALMOST), floor(refused + ALMOST)
