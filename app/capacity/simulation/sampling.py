"""Which messages a second's failing calls hit: seeded draws without replacement, on counts."""

from collections.abc import Sequence
from itertools import pairwise
from operator import sub
from typing import Final, NamedTuple

import numpy as np

from app.capacity.apportion import apportion

MOST_DRAWABLE: Final = 1_000_000_000  # numpy draws from fewer than this; beyond it chance evens out anyway


class Failures(NamedTuple):
    """Messages by what befell their calls.

    `failed`: at least one call failed; `warm`: of these, at least one other call succeeded; `degraded`:
    none failed and at least one was degraded.
    """

    failed: int
    warm: int
    degraded: int


def allocate_at_random(rng: np.random.Generator, sizes: Sequence[int], marked: int) -> list[int]:
    """Mark `marked` of the `sum(sizes)` things at random; return how many were marked in each bin."""
    if marked == 0:
        return [0] * len(sizes)
    if len(sizes) == 1:
        return [marked]
    total = sum(sizes)
    if marked == total:
        return list(sizes)
    if total >= MOST_DRAWABLE:
        return [int(part) for part in apportion(marked, sizes)]
    return [int(part) for part in rng.multivariate_hypergeometric(sizes, marked)]


def draw_failures(rng: np.random.Generator, passes: Sequence[int], failed: int, degraded: int) -> Failures:
    """Let `failed` and `degraded` of the calls hit messages; `passes[j]` messages make at least j+1 calls.

    Calls fail independently of each other (assumed): parts of one message are no likelier to fail together.
    """
    groups = [
        (more - fewer, calls_each)
        for calls_each, (more, fewer) in enumerate(pairwise((*passes, 0)), start=1)
        if more > fewer
    ]
    calls = [messages * calls_each for messages, calls_each in groups]
    failed_in = allocate_at_random(rng, calls, failed)
    degraded_in = allocate_at_random(rng, list(map(sub, calls, failed_in)), degraded)
    drawn = [
        _draw_failures_alike(rng, *group, *calls)
        for group, *calls in zip(groups, failed_in, degraded_in, strict=True)
    ]
    return Failures(*map(sum, zip(*drawn, strict=True)))


def _draw_failures_alike(
    rng: np.random.Generator, messages: int, calls_each: int, failed: int, degraded: int
) -> Failures:
    """Strike messages that make equally many calls."""
    hit, hit_fully = _union(rng, messages, calls_each, failed)
    intact_calls = ((messages - hit) * calls_each, hit * calls_each - failed)
    in_intact, _ = allocate_at_random(rng, intact_calls, degraded)
    return Failures(hit, hit - hit_fully, _union(rng, messages - hit, calls_each, in_intact)[0])


def _union(rng: np.random.Generator, messages: int, calls_each: int, marked: int) -> tuple[int, int]:
    """Mark calls at random; return the messages with a marked call, and those with no other."""
    if marked in {0, messages * calls_each}:
        return (messages, messages) if marked else (0, 0)
    first, *later = allocate_at_random(rng, [messages] * calls_each, marked)
    some, every = first, first
    for hits in later:
        in_every, _, fresh = allocate_at_random(rng, (every, some - every, messages - some), hits)
        some, every = some + fresh, in_every
    return some, every
