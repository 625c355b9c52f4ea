"""A generator of load in virtual time: the real arrivals, sent to a service that answers by numbers."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from loadtest.ceiling.phases import PhaseRunner
from loadtest.ceiling.slo import read_pass_line
from loadtest.ceiling.step import SearchBudget, StepRunner
from loadtest.generator.arrivals import RateCurve, unit_arrivals
from loadtest.generator.generator_health import GeneratorHealth
from loadtest.generator.http_client import CutOffError, Reply
from loadtest.generator.sender import IDLE, LoadPhase, Sender
from loadtest.generator.stats import LoadStats
from loadtest.generator.target import Origin, Traffic
from tests.load.virtual.services import CUT_OFF_S, Service

LINE = read_pass_line()
HEALTHY = GeneratorHealth(cpu_share=0.1, loop_lag_p99_ms=1, loop_lag_max_ms=1, late_starts=0, late_share=0)


@dataclass
class VirtualClock:
    """Time that passes when somebody sleeps."""

    now_s: float = 0.0

    def __call__(self) -> float:
        """Seconds since the service started."""
        return self.now_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds


@dataclass(order=True)
class _Call:
    """A call under way: when it ends, and what will be recorded of it."""

    ends_s: float
    meant_s: float
    latency_s: float
    failure: str | None


@dataclass
class VirtualGenerator:
    """Sends each call at its intended instant and counts it when its answer is there, or at the cut-off."""

    service: Service
    clock: VirtualClock
    health: ClassVar[GeneratorHealth] = HEALTHY
    _stats: LoadStats = field(default_factory=lambda: LoadStats(inside_s=0.5))
    _under_way: list[_Call] = field(default_factory=list)
    _load_phase: LoadPhase = IDLE
    _arrivals: Iterator[float] = field(default_factory=lambda: iter(()))
    _next_s: float = math.inf

    def begin(self, load_phase: LoadPhase) -> None:
        """Start a load phase."""
        self._load_phase = load_phase
        self._stats = LoadStats(inside_s=load_phase.inside_s)
        self._under_way = []
        self._arrivals = unit_arrivals(load_phase.spacing, seed=load_phase.seed)
        self._next_s = load_phase.curve.when(next(self._arrivals))

    def amend(self, curve: RateCurve) -> None:
        """Never needed."""
        raise NotImplementedError

    def stop(self) -> None:
        """Start no more calls."""
        self._advance()
        self._next_s = math.inf

    @property
    def stats(self) -> LoadStats:
        """What has ended by now."""
        self._advance()
        return self._stats

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        self._advance()
        return len(self._under_way)

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be sent or under way."""
        return not self.in_flight and math.isinf(self._next_s)

    def _advance(self) -> None:
        """Send and count what falls due until now."""
        phase, stats = self._load_phase, self._stats
        until_s = self.clock.now_s - phase.starts_at
        while self._next_s <= until_s:
            self._send(self._next_s)
            self._next_s = phase.curve.when(next(self._arrivals))
        while self._under_way and self._under_way[0].ends_s <= until_s:
            call = heapq.heappop(self._under_way)
            stats.record(
                meant_s=call.meant_s,
                latency_s=call.latency_s,
                service_s=call.latency_s,
                failure=call.failure,
                degraded=None,
            )

    def _send(self, meant_s: float) -> None:
        ends_s, failure = self.service.answer(self._load_phase.starts_at + meant_s)
        latency_s = ends_s - self._load_phase.starts_at - meant_s
        if latency_s > CUT_OFF_S:
            latency_s, failure = CUT_OFF_S, "cut_off"
        heapq.heappush(self._under_way, _Call(meant_s + latency_s, meant_s, latency_s, failure))
        self._stats.started += 1
        self._stats.messages += 1
        self._stats.next_message = self._load_phase.first_message + self._stats.messages


@dataclass
class VirtualClient:
    """Asks for one answer and waits for it."""

    service: Service
    clock: VirtualClock
    origin: ClassVar = Origin("http", "127.0.0.1", 8080)

    def get(self, path: str, *, within_s: float) -> Reply:
        """The answer, when it is there.

        Raises:
            CutOffError: it is not there in time.
        """
        del path
        began_s = self.clock.now_s
        ends_s, failure = self.service.answer(began_s)
        self.clock.now_s = min(ends_s, began_s + within_s)
        if ends_s > began_s + within_s:
            raise CutOffError
        return Reply(
            200 if failure is None else int(failure.removeprefix("status_")),
            b'{"postings": []}',
            gzipped=False,
        )


def virtual_runner(service: Service, budget: SearchBudget, *, seed: int) -> StepRunner:
    """The real runner of steps over a service in virtual time."""
    clock = VirtualClock()
    client = VirtualClient(service, clock)
    sender = Sender(client=client, members=("m",), traffic=Traffic(cut_off_s=CUT_OFF_S))  # type: ignore[arg-type]  # a fake
    phases = PhaseRunner(
        generator=VirtualGenerator(service, clock),
        sender=sender,
        send="s",
        inside_s=LINE.latency_ms / 1000,
        seed=1000 * seed,
        clock=clock,
        sleep=clock.sleep,
    )
    return StepRunner(phases, LINE, budget)
