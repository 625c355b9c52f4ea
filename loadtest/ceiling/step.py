"""Tries one rate on a service: runs it, watches it, judges it, and notices when the service goes away."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import gevent

from loadtest.ceiling.evidence import Event, StepPhase, StepRecord, distribution
from loadtest.ceiling.search import RateTrial, SearchPhase
from loadtest.ceiling.slo import PassLine, StepJudgement, is_hopeless, judge
from loadtest.generator import readiness
from loadtest.generator.arrivals import RateCurve, Spacing, for_seconds
from loadtest.generator.generators import LoadGenerator
from loadtest.generator.sender import LoadPhase, Sender
from loadtest.generator.stats import NOBODY_THERE, LoadStats

AHEAD_S = 0.1  # the first call lies so far ahead that every process knows of it
AHEAD_SEVERAL_S = 0.7
LOOK_EVERY_S = 0.25
HOPELESS_AFTER_S = 1.5
OUTAGE_SHARE = 0.01
TRIES_AFTER_OUTAGE = 3
WELL_AGAIN_WITHIN_S = 30.0


class ServiceLostError(Exception):
    """The service went away and did not come back in time."""


class OutOfTimeError(Exception):
    """The time given for the search is over."""


@dataclass(frozen=True, kw_only=True)
class SearchBudget:
    """How long to look.

    Attributes:
        step_s: seconds of a step; one that is still open is prolonged up to three times.
        soak_s: seconds of a soak, at least.
        longest_soak_s: to which a soak is prolonged so that cut-offs can be judged.
        overload_s: seconds at three times the ceiling; 0 leaves that out.
        return_s: how long to wait for a service that went away.
        search_s: after which no rate is bisected further and the soaks begin.
        limit_s: after which no step or soak is begun.
    """

    step_s: float = 8.0
    soak_s: float = 60.0
    longest_soak_s: float = 100.0
    overload_s: float = 10.0
    return_s: float = 60.0
    search_s: float = 240.0
    limit_s: float = 400.0

    @property
    def longest_s(self) -> float:
        """Of a whole search: a last soak may begin just before the limit, and the overload comes after it."""
        return self.limit_s + self.longest_soak_s + self.overload_s


Progress = Callable[[str, float, float, LoadStats, int], None]
"""Told a few times a second: phase, calls/s, seconds left, the stats and the calls in flight."""


def iso_utc(epoch_s: float) -> str:
    """An instant as evidence has it: UTC, ISO 8601."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")


@dataclass
class StepRunner:
    """Tries rates, and keeps a record of each try in `steps` and of what happened in `events`.

    `soaked` are the stats of the soak that held; `messages` counts those of all phases that ended.
    """

    generator: LoadGenerator
    sender: Sender
    line: PassLine
    budget: SearchBudget
    send: str
    spacing: Spacing = "poisson"
    seed: int = 1
    processes: int = 1
    progress: Progress = lambda *_: None
    clock: Callable[[], float] = time.time
    steps: list[StepRecord] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    soaked: LoadStats | None = None
    messages: int = 0

    def __post_init__(self) -> None:
        self._began = self.clock()
        self._stopped_at = self._began
        self._load_phases = 0
        self._next_message = 0

    @property
    def elapsed_s(self) -> float:
        """Since the runner was made."""
        return self.clock() - self._began

    @property
    def inside_s(self) -> float:
        """The pass line's latency."""
        return self.line.latency_ms / 1000

    def note(self, what: str) -> None:
        """Keep something that happened."""
        self.events.append(Event(at=iso_utc(self.clock()), what=what))

    def measure(self, phase: SearchPhase, rps: float) -> RateTrial:
        """Try a rate; once more where the service went away, which says nothing of the rate, and came back.

        Raises:
            ServiceLostError: it did not come back.
            OutOfTimeError: no time is left to begin.
        """
        for _ in range(TRIES_AFTER_OUTAGE):
            step, judgement, stats = self._try(phase, rps)
            if step.outcome != "interrupted":
                break
            self._await_return(rps, stats)
        else:
            self.note(
                f"the service went away {TRIES_AFTER_OUTAGE} times at {rps:.0f} calls/s: counted as broken"
            )
        held = step.outcome == "held"
        if phase == "soak" and held:
            self.soaked = stats
        if not held:
            self.generator.stop()
            readiness.await_well(
                self.sender, send=f"{self.send}-well", inside_s=self.inside_s, within_s=WELL_AGAIN_WITHIN_S
            )
        broken = judgement.broken or (() if held else ("service_went_away",))
        return RateTrial(
            rps=rps, achieved_rps=step.achieved_rps, held=held, broken=broken, complaint=step.complaint
        )

    def observe(self, rps: float, seconds: float, each: Callable[[float], None]) -> StepRecord:
        """Run a rate to its end whatever comes of it, or until Ctrl-C.

        Args:
            rps: calls per second.
            seconds: how long.
            each: told the seconds gone, a few times a second; it must not wait long.
        """
        load_phase = self.begin_phase(for_seconds(rps, seconds))
        try:
            while self.look("soak", load_phase, seconds) is not None:
                each(self.clock() - load_phase.starts_at)
        except KeyboardInterrupt:
            self.note("stopped by the operator")
        stats = self.finish()
        return self.record("soak", rps, load_phase, stats, judge(stats, self.line))

    def _try(self, phase: SearchPhase, rps: float) -> tuple[StepRecord, StepJudgement, LoadStats]:
        if self.elapsed_s > self.budget.limit_s:
            raise OutOfTimeError
        seconds = self._soak_s(rps) if phase == "soak" else 3 * self.budget.step_s
        look_s = self.budget.step_s
        load_phase = self.begin_phase(for_seconds(rps, seconds))
        while (stats := self.look(phase, load_phase, seconds)) is not None:
            elapsed_s = self.clock() - load_phase.starts_at
            if elapsed_s > HOPELESS_AFTER_S and (is_hopeless(stats, self.line) or _is_outage(stats)):
                break
            if elapsed_s > look_s:
                look_s += self.budget.step_s
                if _is_enough(phase, judge(stats, self.line)):
                    break
        stats = self.finish()
        judgement = judge(stats, self.line)
        step = self.record(phase, rps, load_phase, stats, judgement)
        return step, judgement, stats

    def _soak_s(self, rps: float) -> float:
        wanted_s = self.line.cut_off_min_calls / rps
        return max(self.budget.soak_s, min(wanted_s, self.budget.longest_soak_s))

    def begin_phase(self, curve: RateCurve) -> LoadPhase:
        """Start a load phase; its calls ask for members that no phase before it asked for."""
        self._load_phases += 1
        load_phase = LoadPhase(
            number=self._load_phases,
            spacing=self.spacing,
            seed=self.seed + self._load_phases,
            curve=curve,
            starts_at=self.clock() + (AHEAD_S if self.processes == 1 else AHEAD_SEVERAL_S),
            send=f"{self.send}-{self._load_phases}",
            first_message=self._next_message,
            inside_s=self.inside_s,
        )
        self.generator.begin(load_phase)
        return load_phase

    def look(self, phase: str, load_phase: LoadPhase, seconds: float) -> LoadStats | None:
        """Wait a little; the stats so far, or None when the load phase is over."""
        gevent.sleep(LOOK_EVERY_S)
        left_s = load_phase.starts_at + seconds - self.clock()
        stats = self.generator.stats
        self.progress(phase, load_phase.curve.rps[0], max(left_s, 0.0), stats, self.generator.in_flight)
        return stats if left_s > 0 else None

    def finish(self) -> LoadStats:
        """End the load phase; the stats with every call that was started."""
        self._stopped_at = self.clock()
        self.generator.stop()
        until = self.clock() + self.sender.traffic.cut_off_s + 2
        gevent.sleep(0)
        while not self.generator.is_done and self.clock() < until:
            gevent.sleep(0.05)
        stats = self.generator.stats
        self.messages += stats.messages
        self._next_message = max(self._next_message, stats.next_message)
        return stats

    def _await_return(self, rps: float, stats: LoadStats) -> None:
        refused = sum(stats.failures[kind] for kind in NOBODY_THERE)
        self.note(
            f"the service was away in a step of {rps:.0f} calls/s: {refused} of {stats.calls} calls found nobody"
        )
        began = self.clock()
        reason = readiness.await_ready(self.sender, within_s=self.budget.return_s)
        if reason is not None:
            self.note(f"the service did not come back within {self.budget.return_s:.0f} s: {reason}")
            raise ServiceLostError(reason)
        readiness.warm(self.sender, send=f"{self.send}-warm")
        self.note(f"the service was ready {self.clock() - began:.1f} s later; the step is done again")

    def record(
        self,
        phase: StepPhase,
        rps: float,
        load_phase: LoadPhase,
        stats: LoadStats,
        judgement: StepJudgement | None,
    ) -> StepRecord:
        """Add what came of a load phase to the steps; without a judgement it was only observed."""
        health = self.generator.health
        seconds = max(self._stopped_at - load_phase.starts_at, LOOK_EVERY_S)
        if load_phase.curve.rps[-1] == 0:
            seconds = min(seconds, load_phase.curve.starts_s[-1])
        interrupted = _is_outage(stats)
        usable = stats.calls - stats.failed
        outcome = "observed" if judgement is None else "interrupted" if interrupted else judgement.at_last
        step = StepRecord(
            phase=phase,
            rps=rps,
            offered_rps=stats.started / seconds,
            achieved_rps=usable / seconds,
            began_at=iso_utc(load_phase.starts_at),
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


def _is_outage(stats: LoadStats) -> bool:
    """Whether calls found nobody there: no rate does that to a service that lives."""
    refused = sum(stats.failures[kind] for kind in NOBODY_THERE)
    return refused >= 3 and refused >= OUTAGE_SHARE * stats.calls  # noqa: PLR2004 - one or two are no outage


def _is_enough(phase: SearchPhase, judgement: StepJudgement) -> bool:
    """Whether a load phase may end at a look: a soak only when it broke; a step unless more calls could decide it.

    Lines that no call crossed are left to the soak.
    """
    if phase == "soak":
        return judgement.decision == "broke"
    doubtful = any(finding.decision == "open" and finding.share > 0 for finding in judgement.findings)
    return judgement.decision == "broke" or not (doubtful or judgement.climbing)
