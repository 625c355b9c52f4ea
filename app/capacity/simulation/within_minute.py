"""How a campaign's messages lie inside one minute, and which calls each second of it makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, expm1
from typing import Final

import numpy as np

from app.capacity.apportion import Counts
from app.capacity.assumptions import MinuteShape
from app.capacity.local_time import MINUTE_S
from app.capacity.simulation.queue import Cohort

WHOLE: Final = MINUTE_S * 10**9  # a curve's 1.0: whole parts, so that sixtieths of decimal bursts are exact
ALMOST: Final = 1e-9  # a float product that should be whole may fall this short of it
STEEPEST: Final = 60 * 40.0  # all but e^-40 of a minute's messages in its first second


def minute_curve(burst: float, shape: MinuteShape) -> Counts:
    """Return how much of a full minute's messages has started before each second: 61 values from 0 to WHOLE.

    A full minute has as many messages as the limit lets start. `burst` is its peak second over its mean second,
    1 (even) to 60 (all in one second).
    "decay" falls exponentially from the first second: rate(s) ~ exp(-a s/60), a found from burst.
    "block" is the stress case: an even rate for 60/burst seconds, then nothing.
    """
    seconds = np.arange(MINUTE_S + 1) / MINUTE_S
    if shape == "block" or burst <= 1:
        curve = np.minimum(1.0, seconds * max(burst, 1.0))
    else:
        steepness = _steepness(burst)
        curve = np.expm1(-steepness * seconds) / expm1(-steepness)
    whole: Counts = np.rint(curve * WHOLE).astype(np.int64)
    return whole


def _steepness(burst: float) -> float:
    """Solve 60 (1 - e^(-a/60)) / (1 - e^-a) = burst for a by bisection; the left side rises with a."""
    low, high = 1e-9, STEEPEST
    for _ in range(100):
        middle = (low + high) / 2
        peak = MINUTE_S * expm1(-middle / MINUTE_S) / expm1(-middle)
        low, high = (middle, high) if peak < burst else (low, middle)
    return low


def pass_shares(calls_per_recipient: float, cache_hit_share: float) -> tuple[float, ...]:
    """Return, for each render pass after the first, the share of the previous pass's callers that call.

    A repeat within one message is answered by Braze's URL cache with `cache_hit_share`; a message whose
    second pass hits is taken to hit with every later one.
    """
    later = [min(1.0, calls_per_recipient - done) for done in range(1, ceil(calls_per_recipient))]
    return tuple(share * (1 - cache_hit_share if done == 0 else 1) for done, share in enumerate(later))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one campaign starts in one minute: `taken` messages by cohort, in the order of starting.

    By second s: `started[s]` messages in all, those answered by the URL cache included; `callers[s][k]` of
    cohort k that call the service; `passes[s][j]` calls of render pass j (every message of pass j is one of
    pass j-1); `calls[s]` all of them.
    """

    minute: int
    taken: Mapping[Cohort, int]
    started: list[int]
    callers: list[list[int]]
    passes: list[list[int]]
    calls: list[int]

    def retries(self) -> int:
        """Count the messages that were attempted before."""
        return sum(count for cohort, count in self.taken.items() if cohort.attempt)


def lay_out(taken: Mapping[Cohort, int], minute: int, curve: Counts, cap: int) -> Counts:
    """Place the messages of each cohort, first come first, into the seconds of `minute`: an array (cohorts, 60).

    The curve belongs to `cap`, what the minute could start at most: fewer messages start as early as the first ones
    of a full minute do. Messages that join as members act cannot start before: they come over the whole minute.

    The cumulated count is rounded up, which keeps any moving minute of one campaign at or below its limit: with N
    messages in one minute and M in the next, and x = ceil(cap F) of the curve's share F, it holds
    N - min(N, x) + min(M, x) <= max(N, M).
    """
    bounds: Counts = np.concatenate(([0], np.cumsum(list(taken.values()), dtype=np.int64)))
    arriving = sum(
        count for cohort, count in taken.items() if cohort.arriving and cohort.joined_minute == minute
    )
    edges = started_before(int(bounds[-1]), arriving, curve, cap)
    within: Counts = np.clip(edges, bounds[:-1, None], bounds[1:, None])
    started: Counts = np.diff(within, axis=1)
    return started


def started_before(count: int, arriving: int, curve: Counts, cap: int) -> Counts:
    """Return how many of a minute's `count` messages, `arriving` of them within it, start before each second."""
    edges: Counts = np.minimum(-(-cap * curve // WHOLE), count)
    if not arriving:
        return edges
    joined: Counts = count - arriving - (-arriving * curve // WHOLE)
    return np.minimum(edges, joined)


def call_passes(callers: Counts, before: int, shares: tuple[float, ...]) -> Counts:
    """Return calls by render pass and second, (passes, 60), for `callers` messages a second.

    Cumulated since the campaign's first caller (`before` of them in earlier minutes), so that broken
    calls per recipient add up to within one call over the whole send.
    """
    reached = np.concatenate(([before], before + np.cumsum(callers)))
    rows = [reached]
    for share in shares:
        rows.append(np.floor(rows[-1] * share + ALMOST).astype(np.int64))
    passes: Counts = np.diff(np.stack(rows), axis=1)
    return passes
