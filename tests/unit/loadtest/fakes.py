"""A generator and a service that do as told, and a step runner over them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from loadtest.ceiling.phases import PhaseRunner
from loadtest.ceiling.slo import read_pass_line
from loadtest.ceiling.step import SearchBudget, StepRunner
from loadtest.generator.arrivals import RateCurve
from loadtest.generator.generator_health import GeneratorHealth
from loadtest.generator.http_client import NoReplyError, Reply
from loadtest.generator.sender import LoadPhase, Sender
from loadtest.generator.stats import LoadStats
from loadtest.generator.target import Origin, Traffic

LINE = read_pass_line()
QUICK = SearchBudget(step_s=0.3, soak_s=0.3, longest_soak_s=0.3, open_soak_s=0.3, overload_s=1, return_s=0.3)
Outcome = Callable[[int], str | None]


@dataclass
class FakeGenerator:
    """Runs at once: so many calls of 10 ms for each load phase, failing as a rule for the load phase's number says.

    `left_out` of the messages before the last that was started were another process's, which was stopped behind this one.
    """

    outcome: Outcome = lambda _: None
    cpu_share: float = 0.1
    calls: int = 300
    left_out: int = 0
    load_phases: list[LoadPhase] = field(default_factory=list)
    stats: LoadStats = field(default_factory=lambda: LoadStats(inside_s=0.5))
    in_flight: int = 0
    is_done: bool = True

    @property
    def health(self) -> GeneratorHealth:
        """As told."""
        return GeneratorHealth(
            cpu_share=self.cpu_share, loop_lag_p99_ms=1, loop_lag_max_ms=1, late_starts=0, late_share=0
        )

    def begin(self, load_phase: LoadPhase) -> None:
        """Run it whole."""
        self.load_phases.append(load_phase)
        self.stats = LoadStats(inside_s=load_phase.inside_s, messages=self.calls, started=self.calls)
        self.stats.next_message = load_phase.first_message + self.calls + self.left_out
        failure = self.outcome(len(self.load_phases))
        for call in range(self.calls):
            self.stats.record(
                meant_s=call / 100, latency_s=0.01, service_s=0.01, failure=failure, degraded=None
            )

    def amend(self, curve: RateCurve) -> None:
        """Never needed."""

    def stop(self) -> None:
        """Always done."""


@dataclass
class FakeClient:
    """A service that is ready or not there."""

    there: bool = True
    origin: ClassVar = Origin("http", "127.0.0.1", 8080)

    def get(self, path: str, *, within_s: float) -> Reply:
        """Ready, or refused."""
        del path, within_s
        if not self.there:
            raise NoReplyError("refused")
        return Reply(200, b'{"postings": []}', gzipped=False)


def step_runner(generator: FakeGenerator, *, there: bool = True, budget: SearchBudget = QUICK) -> StepRunner:
    """A runner over fakes."""
    client = FakeClient(there)
    sender = Sender(client=client, members=("m",), traffic=Traffic(cut_off_s=0.1))  # type: ignore[arg-type]  # a fake
    phases = PhaseRunner(generator=generator, sender=sender, send="s", inside_s=LINE.latency_ms / 1000)
    return StepRunner(phases, LINE, budget)
