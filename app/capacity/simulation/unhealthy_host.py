"""Braze's unhealthy-host detection, host name by host name.

Source: braze.com/docs/user_guide/messaging/design_and_edit/personalize/connected_content/
troubleshooting_webhooks_and_connected_content: more than 3,000 failures and more than 90 % errors in any
moving minute halt the host for a minute, whose calls get a simulated 598.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from app.capacity.assumptions import Assumptions
from app.capacity.local_time import MINUTE_S
from app.capacity.simulation.sampling import allocate_at_random

HALTED_STATUS: Final = 598


class HostBreaker:
    """One host: counts calls and listed failures over 60 whole seconds, trips at the end of a second."""

    def __init__(self, assumptions: Assumptions) -> None:
        self._assumed = assumptions
        self._recent: deque[tuple[int, int, int]] = deque()  # (second, calls, failures)
        self._calls = 0
        self._failures = 0
        self._halted_until = 0
        self._probing = False
        self.trips: list[int] = []

    def healthy(self) -> bool:
        """Say whether every call reaches the host, now and until it trips."""
        return not self._halted_until

    def admits(self, second: int, calls: int) -> int:
        """Return how many of `calls` reach the host in `second`; the others get 598."""
        if second < self._halted_until:
            return 0
        return min(calls, self._assumed.breaker_probes) if self._probing else calls

    def observe(self, second: int, calls: int, failures: int) -> None:
        """Take note of how `calls` that reached the host in `second` ended."""
        if not self._assumed.breaker or not calls or second < self._halted_until:
            return
        if self._probing:
            self._judge_probes(second, calls, failures)
            return
        self._recent.append((second, calls, failures))
        self._calls += calls
        self._failures += failures
        self._forget(second - MINUTE_S)
        if self._failures > max(self._assumed.breaker_failures, self._calls * self._assumed.breaker_share):
            self._halt(second)

    def _judge_probes(self, second: int, calls: int, failures: int) -> None:
        if failures > calls * self._assumed.breaker_share:
            self._halt(second)
        else:
            self._probing = False
            self._halted_until = 0

    def _forget(self, last: int) -> None:
        while self._recent[0][0] <= last:
            _, calls, failures = self._recent.popleft()
            self._calls -= calls
            self._failures -= failures

    def _halt(self, second: int) -> None:
        self.trips.append(second)
        self._halted_until = second + 1 + self._assumed.breaker_halt_s
        self._probing = self._assumed.breaker_resume == "probing"
        self._recent.clear()
        self._calls = self._failures = 0


class HostBreakers:
    """The breakers of all hosts; `hosts` names each campaign's, in the campaigns' order."""

    def __init__(self, hosts: Sequence[str], assumptions: Assumptions) -> None:
        self._hosts = hosts
        self._breakers = {host: HostBreaker(assumptions) for host in hosts}

    def admit(
        self, rng: np.random.Generator, second: int, campaigns: Sequence[int], calls: Sequence[int]
    ) -> list[int]:
        """Return how many of each campaign's `calls` reach their host; probes are drawn at random."""
        reaching = list(calls)
        if all(breaker.healthy() for breaker in self._breakers.values()):
            return reaching
        for host, places in self._by_host(campaigns).items():
            offered = [calls[place] for place in places]
            admitted = self._breakers[host].admits(second, sum(offered))
            for place, through in zip(places, allocate_at_random(rng, offered, admitted), strict=True):
                reaching[place] = through
        return reaching

    def observe(
        self, second: int, campaigns: Sequence[int], calls: Sequence[int], failures: Sequence[int]
    ) -> None:
        """Take note of the calls that reached their hosts in `second`, and of the listed failures."""
        for host, places in self._by_host(campaigns).items():
            made = sum(calls[place] for place in places)
            self._breakers[host].observe(second, made, sum(failures[place] for place in places))

    def halts(self) -> tuple[tuple[str, int], ...]:
        """Return (host, unix second after which it was halted), host by host."""
        return tuple((host, second) for host, breaker in self._breakers.items() for second in breaker.trips)

    def _by_host(self, campaigns: Sequence[int]) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, campaign in enumerate(campaigns):
            places.setdefault(self._hosts[campaign], []).append(place)
        return places
