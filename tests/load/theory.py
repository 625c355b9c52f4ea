"""What queueing theory says of the stub: k servers, fixed service time, Poisson arrivals, one queue (M/D/k).

The waiting times are computed by the recursion of Kiefer and Wolfowitz (1955) over many arrivals, which is exact for
the arrivals drawn; there is no closed form for the percentile of M/D/k that would be shorter.
"""

import heapq
import random

ARRIVALS = 60_000


def share_inside(rps: float, *, servers: int, service_s: float, inside_s: float, seed: int = 1) -> float:
    """Share of calls that leave within `inside_s` of their arrival."""
    chance = random.Random(seed)
    free_at = [0.0] * servers
    now, inside = 0.0, 0
    for _ in range(ARRIVALS):
        now += chance.expovariate(rps)
        done = max(now, heapq.heappop(free_at)) + service_s
        heapq.heappush(free_at, done)
        inside += done - now <= inside_s
    return inside / ARRIVALS


def ceiling_rps(*, servers: int, service_s: float, inside_s: float, share: float = 0.99) -> float:
    """The highest rate at which that share is inside, within 0.5 %."""
    low, high = 0.0, servers / service_s
    while high - low > 0.005 * high:
        middle = (low + high) / 2
        held = share_inside(middle, servers=servers, service_s=service_s, inside_s=inside_s) >= share
        low, high = (middle, high) if held else (low, middle)
    return low
