"""Trying a rate: outages are told from breaks, and overload goes on record. The generator and the service are fakes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from loadtest.ceiling.slo import read_pass_line
from loadtest.ceiling.step import OutOfTimeError, SearchBudget, ServiceLostError, StepRunner
from loadtest.generator.arrivals import RateCurve
from loadtest.generator.generator_health import GeneratorHealth
from loadtest.generator.http_client import NoReplyError, Reply
from loadtest.generator.sender import LoadPhase, Sender
from loadtest.generator.stats import LoadStats
from loadtest.generator.target import Origin, Traffic

LINE = read_pass_line()
QUICK = SearchBudget(step_s=0.3, soak_s=0.3, longest_soak_s=0.3, overload_s=1, return_s=0.3)
Outcome = Callable[[int], str | None]


@dataclass
class FakeGenerator:
    """Runs at once: 300 calls of 10 ms for each load phase, failing as a rule for the load phase's number says."""

    outcome: Outcome = lambda _: None
    cpu_share: float = 0.1
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
        self.stats = LoadStats(inside_s=load_phase.inside_s, messages=300, started=300)
        failure = self.outcome(len(self.load_phases))
        for call in range(300):
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
    return StepRunner(generator=generator, sender=sender, line=LINE, budget=budget, send="s")


def test_a_rate_that_is_kept_is_held_and_each_step_is_a_send_of_its_own() -> None:
    generator = FakeGenerator()
    runner = step_runner(generator)
    assert runner.measure("doubling", 100).held
    assert runner.measure("soak", 100).held
    assert [load_phase.send for load_phase in generator.load_phases] == ["s-1", "s-2"]
    assert [load_phase.first_message for load_phase in generator.load_phases] == [0, 300]
    assert runner.soaked is not None
    assert [step.outcome for step in runner.steps] == ["held", "held"]


def test_failures_break_a_rate_and_the_trial_carries_the_generators_complaint() -> None:
    trial = step_runner(FakeGenerator(outcome=lambda _: "status_503", cpu_share=0.97)).measure(
        "doubling", 100
    )
    assert (trial.held, trial.complaint) == (False, "the generator used 97% of a core")
    assert set(trial.broken) == {"failures", "latency"}


def test_a_service_that_was_away_once_gets_another_try() -> None:
    runner = step_runner(FakeGenerator(outcome=lambda number: "refused" if number == 1 else None))
    assert runner.measure("doubling", 100).held
    assert [step.outcome for step in runner.steps] == ["interrupted", "held"]
    assert runner.events[0].what.startswith("the service was away in a step of 100 calls/s: 300 of 300")


def test_a_service_that_goes_away_each_time_has_broken() -> None:
    runner = step_runner(FakeGenerator(outcome=lambda _: "refused"))
    trial = runner.measure("doubling", 100)
    assert not trial.held
    assert [step.outcome for step in runner.steps] == ["interrupted"] * 3
    assert runner.events[-1].what == "the service went away 3 times at 100 calls/s: counted as broken"


def test_a_service_that_does_not_come_back_is_lost() -> None:
    runner = step_runner(FakeGenerator(outcome=lambda _: "refused"), there=False)
    with pytest.raises(ServiceLostError):
        runner.measure("doubling", 100)
    assert runner.events[-1].what == (
        "the service did not come back within 0 s: Nothing listens at 127.0.0.1:8080: start the service, or mend the port "
        "in --host."
    )


def test_nothing_is_begun_when_the_time_is_over() -> None:
    with pytest.raises(OutOfTimeError):
        step_runner(FakeGenerator(), budget=SearchBudget(limit_s=-1)).measure("doubling", 100)
