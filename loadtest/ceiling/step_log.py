"""What a search puts on record while it runs: each step, and what happened beside."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from loadtest.ceiling.evidence import Event, Outcome, StepPhase, StepRecord, distribution
from loadtest.ceiling.slo import StepJudgement
from loadtest.generator.generator_health import GeneratorHealth
from loadtest.generator.stats import NOBODY_THERE, LoadStats

OUTAGE_SHARE = 0.01
FEWEST_REFUSED = 3  # calls that found nobody; one or two are no outage


def iso_utc(epoch_s: float) -> str:
    """An instant as evidence has it: UTC, ISO 8601."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")


def refused_calls(stats: LoadStats) -> int:
    """Calls that found nobody there."""
    return sum(stats.failures[kind] for kind in NOBODY_THERE)


def is_outage(stats: LoadStats) -> bool:
    """Whether calls found nobody there: no rate does that to a service that lives."""
    refused = refused_calls(stats)
    return refused >= FEWEST_REFUSED and refused >= OUTAGE_SHARE * stats.calls


@dataclass
class StepLog:
    """The steps and events so far, in their order; `clock` tells seconds since the epoch."""

    clock: Callable[[], float]
    steps: list[StepRecord] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Add something that happened."""
        self.events.append(Event(at=iso_utc(self.clock()), what=what))

    def add(
        self,
        phase: StepPhase,
        rps: float,
        *,
        began_s: float,
        seconds: float,
        stats: LoadStats,
        health: GeneratorHealth,
        judgement: StepJudgement | None,
    ) -> StepRecord:
        """Add what came of a load phase; without a judgement it was only observed."""
        outcome = _outcome(phase, stats, judgement)
        step = StepRecord(
            phase=phase,
            rps=rps,
            offered_rps=stats.started / seconds,
            achieved_rps=stats.answered_rps(seconds),
            began_at=iso_utc(began_s),
            seconds=seconds,
            calls=stats.calls,
            messages=stats.messages,
            outcome=outcome,
            broken=judgement.broken if judgement else (),
            findings=judgement.findings if judgement else (),
            latency=distribution(stats),
            service_time=distribution(stats, service=True),
            failures=dict(stats.failures),
            degraded=dict(stats.degraded),
            most_in_flight=max((line.in_flight for line in stats.seconds.values()), default=0),
            generator=health,
            complaint=health.complaint,
        )
        self.steps.append(step)
        return step


def _outcome(phase: StepPhase, stats: LoadStats, judgement: StepJudgement | None) -> Outcome:
    """What came of it; a soak must be decided, a step goes by what its calls say at last."""
    if judgement is None:
        return "observed"
    if is_outage(stats):
        return "interrupted"
    return judgement.decision if phase == "soak" else judgement.at_last
