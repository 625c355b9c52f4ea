"""One process's part of a Braze sender: starts calls at their intended instants and never waits for a reply to do so.

Each call has its own greenlet, so a slow service makes calls pile up as a real send does, instead of slowing the
sender down. Latency counts from the intended instant; time in service, from the real start, is kept beside it. A
call that starts late is started all the same, and counted.
"""

import math
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Self

import gevent
from gevent.event import Event
from gevent.pool import Group

from loadtest.generator import arrivals, response_check, target
from loadtest.generator.generator_health import LATE_AFTER_S, GeneratorHealth, GeneratorMonitor
from loadtest.generator.http_client import CutOffError, HttpClient, NoReplyError
from loadtest.generator.stats import LoadStats

FILES_KEPT_FREE = 200  # descriptors for everything that is not a call
LONGEST_SLEEP_S = 0.5
DAY_CHECKED_EVERY_S = 1.0
ARRIVALS_BETWEEN_YIELDS = 100


@dataclass(frozen=True, kw_only=True)
class LoadPhase:
    """One stretch of load, the same for every process that takes part.

    Attributes:
        number: tells load phases apart.
        spacing: of messages.
        seed: of Poisson gaps.
        curve: calls per second over the load phase's seconds.
        starts_at: when second 0 is, in seconds since the epoch.
        send: names this load phase to the service as a send of its own, so that no answer is cached from another.
        first_message: number of the first message, so that load phases do not repeat members.
        inside_s: latency that counts as inside the pass line.
        ends: whether a curve that falls to nothing ends the load phase, or a change is awaited.
    """

    number: int
    spacing: arrivals.Spacing
    seed: int
    curve: arrivals.RateCurve
    starts_at: float
    send: str
    first_message: int = 0
    inside_s: float = 0.5
    ends: bool = True

    def to_message(self) -> dict[str, Any]:
        """As plain values for the wire between master and worker."""
        return vars(self) | {"curve": [self.curve.starts_s, self.curve.rps]}

    @classmethod
    def from_message(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_message`."""
        starts_s, rps = data["curve"]
        return cls(**data | {"curve": arrivals.RateCurve(tuple(starts_s), tuple(rps))})


IDLE = LoadPhase(number=-1, spacing="constant", seed=0, curve=arrivals.constant(0), starts_at=0, send="")


class CallFailedError(Exception):
    """A call was of no use to a mail; Locust groups its failures by this text."""


Report = Callable[..., None]
"""Locust's request event: request_type, name, response_time (ms), response_length, exception, context, start_time."""

Done = Callable[[response_check.CallResult, float], None]


@dataclass
class Sender:
    """Runs load phases, one at a time."""

    client: HttpClient
    members: tuple[str, ...]
    traffic: target.Traffic
    report: Report = lambda **_: None
    most_in_flight: int = field(
        default_factory=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0] - FILES_KEPT_FREE
    )

    def __post_init__(self) -> None:
        self.stats = LoadStats(inside_s=0.5)
        self._monitor = GeneratorMonitor()
        self._calls = Group()
        self._changed = Event()
        self._dispatcher: gevent.Greenlet[..., None] | None = None
        self._load_phase = IDLE
        self._shares: Sequence[arrivals.ArrivalShare] = arrivals.WHOLE
        self._zero = 0.0
        self._day = (0.0, date.min)

    @property
    def in_flight(self) -> int:
        """Calls started and not ended."""
        return len(self._calls)

    @property
    def is_done(self) -> bool:
        """Whether all calls of the load phase were started and ended."""
        return (self._dispatcher is None or self._dispatcher.dead) and not self._calls

    @property
    def health(self) -> GeneratorHealth:
        """The health of the generator in this load phase."""
        return self._monitor.health(started=self.stats.started, late=self.stats.late)

    def stand_by(self, load_phase: LoadPhase) -> None:
        """Make ready for a load phase whose calls someone else starts with `call`; an earlier one must have ended."""
        self.stop()
        self.stats = LoadStats(inside_s=load_phase.inside_s)
        self._load_phase = load_phase
        # From here on the clock that never jumps; the clock of the day only fixes second 0 for all processes.
        self._zero = time.perf_counter() + load_phase.starts_at - time.time()
        self._monitor.start()

    def begin(self, load_phase: LoadPhase, shares: Sequence[arrivals.ArrivalShare] = arrivals.WHOLE) -> None:
        """Start a load phase."""
        self.stand_by(load_phase)
        self._shares = shares
        self._dispatcher = gevent.spawn(self._dispatch, self.stats)

    def amend(self, curve: arrivals.RateCurve, shares: Sequence[arrivals.ArrivalShare]) -> None:
        """Go on with another curve and other shares; both must keep what is already past."""
        self._load_phase = replace(self._load_phase, curve=curve)
        self._shares = shares
        self._changed.set()

    def stop(self) -> None:
        """Start no more calls; those in flight end by themselves within the cut-off."""
        if self._dispatcher is not None:
            self._dispatcher.kill()
            self._dispatcher = None
        self._monitor.stop()

    def abandon(self) -> None:
        """Stop, and drop the calls in flight."""
        self.stop()
        self._calls.kill()
        self.client.close()

    def _dispatch(self, stats: LoadStats) -> None:
        for number, due in enumerate(
            arrivals.unit_arrivals(self._load_phase.spacing, seed=self._load_phase.seed)
        ):
            meant_s = self._wait_for(due)
            if math.isinf(meant_s):
                return
            if number % ARRIVALS_BETWEEN_YIELDS == 0:
                gevent.sleep(0)  # a dispatcher that is behind must let its calls run
            if arrivals.share_at(self._shares, meant_s).takes(number):
                self._start_message(self._load_phase.first_message + number, meant_s, stats)

    def _wait_for(self, due: float) -> float:
        """Sleep until the arrival with operational time `due`; the second of the load phase it came to be."""
        per_message = self.traffic.calls_per_message
        while True:
            load_phase = self._load_phase
            meant_s = load_phase.curve.when(due * per_message)
            wait_s = self._zero + meant_s - time.perf_counter()
            if wait_s <= 0 or (load_phase.ends and math.isinf(meant_s)):
                return meant_s
            self._changed.clear()
            self._changed.wait(min(wait_s, LONGEST_SLEEP_S))

    def _start_message(self, number: int, meant_s: float, stats: LoadStats) -> None:
        message = target.message(number, members=self.members, traffic=self.traffic)
        stats.messages += 1
        stats.next_message = max(stats.next_message, number + 1)
        for call in range(message.calls):
            at_s = meant_s + call * self.traffic.pass_gap_s
            self.start_call(message.member, at_s, stats, after_s=at_s - meant_s)

    def start_call(
        self,
        member: str,
        meant_s: float,
        stats: LoadStats,
        *,
        after_s: float = 0.0,
        done: Done = lambda *_: None,
    ) -> None:
        """Start a call now, or `after_s` from now, that was meant to start at second `meant_s` of the load phase.

        `done` is told its answer and its latency in seconds.
        """
        self._calls.add(gevent.spawn_later(after_s, self._call, member, meant_s, stats, done))

    def _call(self, member: str, meant_s: float, stats: LoadStats, done: Done) -> None:
        load_phase = self._load_phase
        began = time.perf_counter()
        late_s = max(began - self._zero - meant_s, 0.0)
        stats.started += 1
        stats.late += late_s > LATE_AFTER_S or len(self._calls) > self.most_in_flight
        line = stats.second(meant_s)
        line.in_flight = max(line.in_flight, len(self._calls))
        result, size = self._ask(target.path(member, send=load_phase.send, traffic=self.traffic))
        service_s = time.perf_counter() - began
        stats.bytes_read += size
        stats.record(
            meant_s=meant_s,
            latency_s=late_s + service_s,
            service_s=service_s,
            failure=result.failure,
            degraded=result.degraded,
        )
        done(result, late_s + service_s)
        self.report(
            request_type="GET",
            name="recommendations",
            response_time=(late_s + service_s) * 1000,
            response_length=size,
            exception=CallFailedError(result.failure) if result.failure else None,
            context={"service_ms": service_s * 1000, "degraded": result.degraded},
            start_time=load_phase.starts_at + meant_s,
        )

    def _ask(self, path: str) -> tuple[response_check.CallResult, int]:
        if len(self._calls) > self.most_in_flight:
            return response_check.CallResult("not_started"), 0
        try:
            reply = self.client.get(path, within_s=self.traffic.cut_off_s)
        except CutOffError:
            return response_check.CallResult("cut_off"), 0
        except NoReplyError as error:
            return response_check.CallResult(error.kind), 0
        result = response_check.check(reply.status, reply.body, gzipped=reply.gzipped, today=self._today())
        return result, len(reply.body)

    def _today(self) -> date:
        checked, day = self._day
        now = time.monotonic()
        if now - checked > DAY_CHECKED_EVERY_S or day is date.min:
            self._day = (now, response_check.korean_day())
        return self._day[1]
