"""Services whose capacity is known: queues, pauses, a cliff, a leak, a limiter and a slow start.

Each answers calls in the order in which they arrive, by numbers alone, and says when the answer would come.
"""

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

INSIDE_S = 0.5
CUT_OFF_S = 2.0
MOST_SLOW, MOST_FAILED = 0.01, 0.001


class Service(Protocol):
    """Answers one call after another."""

    def answer(self, at_s: float) -> tuple[float, str | None]:
        """When the answer to a call that arrives at `at_s` is there, and its failure or None; both in seconds."""


@dataclass
class Queue:
    """`servers` behind one line, first come first served.

    Attributes:
        servers: how many calls are worked on at once.
        work_s: seconds of work of a call, given when it arrives and how many calls are inside then.
        pause_s: seconds at the start of each `pause_every_s` in which nobody works.
    """

    servers: int
    work_s: Callable[[float, int], float]
    pause_s: float = 0.0
    pause_every_s: float = 10.0
    _free_at: list[float] = field(init=False)
    _inside: list[float] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._free_at = [0.0] * self.servers

    def answer(self, at_s: float) -> tuple[float, str | None]:
        """The end of its work; nothing fails."""
        while self._inside and self._inside[0] <= at_s:
            heapq.heappop(self._inside)
        begins_s = max(at_s, heapq.heappop(self._free_at))
        ends_s = self._worked(begins_s, self.work_s(at_s, len(self._inside)))
        heapq.heappush(self._free_at, ends_s)
        heapq.heappush(self._inside, ends_s)
        return ends_s, None

    def _worked(self, begins_s: float, work_s: float) -> float:
        """When so much work is done that pauses interrupt."""
        if not self.pause_s:
            return begins_s + work_s
        now_s = begins_s
        while True:
            cycle_s = math.floor(now_s / self.pause_every_s) * self.pause_every_s
            now_s = max(now_s, cycle_s + self.pause_s)
            until_s = cycle_s + self.pause_every_s
            if now_s + work_s <= until_s:
                return now_s + work_s
            work_s -= until_s - now_s
            now_s = until_s


@dataclass
class Limited:
    """Answers in 5 ms, but no more than `most` calls that arrive within one second of the clock: 429 beyond."""

    most: int
    _second: int = -1
    _calls: int = 0

    def answer(self, at_s: float) -> tuple[float, str | None]:
        """Soon, or refused at once."""
        if int(at_s) != self._second:
            self._second, self._calls = int(at_s), 0
        self._calls += 1
        return (at_s + 0.001, "status_429") if self._calls > self.most else (at_s + 0.005, None)


@dataclass
class Grows:
    """Work that grows by `share` of itself with each thousand calls, and with time not at all."""

    work_s: float
    share: float
    _calls: int = 0

    def __call__(self, at_s: float, inside: int) -> float:
        """Seconds of work of the next call."""
        del at_s, inside
        self._calls += 1
        return self.work_s * (1 + self.share * self._calls / 1000)


@dataclass(frozen=True)
class Known:
    """A service of known capacity: how it is made for a seed, and its ceiling in calls/s.

    `ceiling_rps` None says that it has none. `described` is for the table.
    """

    described: str
    made: Callable[[int], Service]
    ceiling_rps: float | None


def exponential(mean_s: float, seed: int) -> Callable[[float, int], float]:
    """Work drawn from an exponential distribution."""
    chance = random.Random(seed)
    return lambda _at_s, _inside: chance.expovariate(1 / mean_s)


def always(work_s: float) -> Callable[[float, int], float]:
    """The same work for each call."""
    return lambda _at_s, _inside: work_s


KNOWN: dict[str, Known] = {
    "md4": Known("M/D/4, 40 ms", lambda _: Queue(4, always(0.04)), 95.3),
    "mm4": Known("M/M/4, 40 ms", lambda seed: Queue(4, exponential(0.04, seed)), 90.6),
    "mm20": Known(
        "M/M/20, 150 ms: 3.6 % slow by itself", lambda seed: Queue(20, exponential(0.15, seed)), None
    ),
    "pause_half": Known("all stop 0.5 s each 10 s", lambda _: Queue(4, always(0.04), pause_s=0.5), 41.0),
    "pause_one": Known("all stop 1 s each 10 s", lambda _: Queue(4, always(0.04), pause_s=1.0), None),
    "cliff": Known(
        "cliff: above 30 inside, 5x slower",
        lambda _: Queue(4, lambda _at_s, inside: 0.1 if inside > 30 else 0.02),
        178.0,
    ),
    "leak": Known("leak: 10 % slower each 1,000 calls", lambda _: Queue(4, Grows(0.02, 0.1)), None),
    "limited": Known("429 above 120 in a clock second", lambda _: Limited(120), 100.6),
    "warm_up": Known(
        "30 s of warm-up, 5x slower",
        lambda _: Queue(4, lambda at_s, _inside: 0.1 if at_s < 30 else 0.02),
        195.0,
    ),
}


def long_run(known: Known, rps: float, *, seconds: float, seed: int = 1) -> tuple[float, float]:
    """Shares of slow and of failed calls in a long run at a rate, Poisson arrivals; the truth that a search looks for."""
    service, chance, now_s = known.made(seed), random.Random(seed + 1), 0.0
    calls = slow = failed = 0
    while now_s < seconds:
        now_s += chance.expovariate(rps)
        ends_s, failure = service.answer(now_s)
        calls += 1
        slow += failure is not None or ends_s - now_s > INSIDE_S
        failed += failure is not None or ends_s - now_s > CUT_OFF_S
    return slow / calls, failed / calls
