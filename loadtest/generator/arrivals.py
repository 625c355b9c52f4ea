"""When messages are meant to start: arrival processes, deterministic for a seed, shared exactly by several processes.

An arrival process is a *unit* process (one arrival per unit of operational time, evenly spaced or Poisson) seen
through a rate curve: arrival number i of the unit process, at operational time u(i), happens when the integral of
the rate reaches u(i) (the time-change theorem for point processes; Daley & Vere-Jones, ch. 7). So a change of rate
while a test runs, by the web page or a ramp, keeps one process, and every worker that knows the seed, the curve and
its share computes the same instants without talking to the others. Rejected: one Poisson process for each worker,
which superposes to a Poisson process but cannot give evenly spaced arrivals or repeat a trace.
"""

import bisect
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count
from typing import Literal, Self

from app.capacity.local_time import MINUTE_S
from app.capacity.simulation.within_minute import minute_curve

Spacing = Literal["constant", "poisson"]


def unit_arrivals(spacing: Spacing, *, seed: int) -> Iterator[float]:
    """Operational times of the arrivals 0, 1, 2…: each whole unit, or exponential gaps of mean 1."""
    if spacing == "constant":
        return (float(number) for number in count())
    chance = random.Random(seed)
    return accumulate(chance.expovariate(1.0) for _ in count())


@dataclass(frozen=True)
class RateCurve:
    """A rate that is constant between the given instants; the last one lasts for ever.

    Attributes:
        starts_s: seconds after the start of the process, ascending, the first 0.
        rps: arrivals per second from each of them on.
        passed: arrivals until each of them; derived.
    """

    starts_s: tuple[float, ...]
    rps: tuple[float, ...]
    passed: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.starts_s) != len(self.rps) or not self.starts_s or self.starts_s[0] != 0:
            raise ValueError("a rate curve needs one rate for each start, and its first start must be 0 s")
        if any(rate < 0 for rate in self.rps) or list(self.starts_s) != sorted(self.starts_s):
            raise ValueError("the starts of a rate curve must ascend, and its rates may not be negative")
        passed = [0.0]
        for start, end, rate in zip(self.starts_s, self.starts_s[1:], self.rps, strict=False):
            passed.append(passed[-1] + (end - start) * rate)
        object.__setattr__(self, "passed", tuple(passed))

    def when(self, operational: float) -> float:
        """The second at which the integral of the rate reaches `operational`; infinity if it never does."""
        # A boundary belongs to the segment that follows it, so that a silent second's arrivals come after it.
        piece = max(bisect.bisect_right(self.passed, operational) - 1, 0)
        rate = self.rps[piece]
        if rate == 0:
            return math.inf
        return self.starts_s[piece] + (operational - self.passed[piece]) / rate

    def changed(self, *, from_s: float, rps: float) -> Self:
        """This curve until `from_s`, then `rps`."""
        keep = bisect.bisect_left(self.starts_s, from_s)
        return type(self)((*self.starts_s[:keep], from_s if keep else 0.0), (*self.rps[:keep], rps))


def constant(rps: float) -> RateCurve:
    """The same rate for ever."""
    return RateCurve((0.0,), (rps,))


def for_seconds(rps: float, seconds: float) -> RateCurve:
    """A rate that ends."""
    return RateCurve((0.0, seconds), (rps, 0.0))


def trace(per_second: Sequence[float]) -> RateCurve:
    """As many arrivals in each second as the list says, then none."""
    if not per_second:
        raise ValueError("an empty trace has no arrivals")
    return RateCurve(tuple(float(second) for second in range(len(per_second) + 1)), (*per_second, 0.0))


def front_loaded(rps: float, *, burst: float, minutes: int) -> RateCurve:
    """Minutes whose first second runs at `burst` times the mean rate, and which decay as the send model's minutes do.

    Braze spreads a minute's messages without promise and may send more of them in its first part. The mean rate stays
    `rps`.

    Raises:
        ValueError: `burst` is not between 1 (even) and 60 (everything in the first second).
    """
    if not 1 <= burst <= MINUTE_S:
        raise ValueError(f"a burst factor is peak over mean, from 1 to {MINUTE_S}; it was {burst:g}")
    started = minute_curve(burst, "decay")
    shares = (started[1:] - started[:-1]) / started[-1]
    return trace([MINUTE_S * rps * float(share) for share in shares] * minutes)


@dataclass(frozen=True)
class ArrivalShare:
    """Which arrivals a process takes from `from_s` on: those whose number leaves `part` when divided by `parts`."""

    from_s: float
    part: int
    parts: int

    def takes(self, number: int) -> bool:
        """Whether arrival `number` is this process's."""
        return number % self.parts == self.part


WHOLE = (ArrivalShare(0.0, 0, 1),)


def share_at(shares: Sequence[ArrivalShare], second: float) -> ArrivalShare:
    """The share in force at `second`; `shares` ascend by `from_s`, the first starting at 0."""
    place = bisect.bisect_right([share.from_s for share in shares], second) - 1
    return shares[max(place, 0)]
