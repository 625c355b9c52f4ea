"""Tries one rate on a service: runs it, judges it, and notices when the service goes away."""

from collections.abc import Callable
from dataclasses import dataclass, field

from loadtest.ceiling.evidence import StepPhase, StepRecord
from loadtest.ceiling.phases import PhaseRunner
from loadtest.ceiling.search import RateTrial, SearchPhase
from loadtest.ceiling.slo import PassLine, StepJudgement, is_hopeless, judge
from loadtest.ceiling.step_log import StepLog, is_outage, refused_calls
from loadtest.generator import readiness
from loadtest.generator.arrivals import for_seconds
from loadtest.generator.sender import LoadPhase
from loadtest.generator.stats import LoadStats

HOPELESS_AFTER_S = 1.5
TRIES_AFTER_OUTAGE = 3
WELL_AGAIN_WITHIN_S = 30.0
EARLY_CONFIDENCE = 0.99  # to end a soak before its time: many looks are many chances to be wrong
LONGEST_STEP = 3  # times a step's seconds, to which one that is still open goes on


class ServiceLostError(Exception):
    """The service went away and did not come back in time."""


class OutOfTimeError(Exception):
    """The time given for the search is over."""


@dataclass(frozen=True, kw_only=True)
class SearchBudget:
    """How long to look; what is not said otherwise, the command has, too.

    Attributes:
        step_s: seconds of a step; one that is still open is prolonged up to three times.
        soak_s: seconds of a soak, at least.
        longest_soak_s: to which a soak is prolonged so that cut-offs can be judged.
        open_soak_s: to which a soak is prolonged while a line is open; one that is open then has not held.
        overload_s: seconds at three times the ceiling; 0 leaves that out.
        return_s: how long to wait for a service that went away.
        search_s: of a round, after which no rate is bisected further and the soaks begin.
        limit_s: after which no step or soak is begun, but that which confirms a soak.
    """

    step_s: float = 8.0
    soak_s: float = 60.0
    longest_soak_s: float = 100.0
    open_soak_s: float = 240.0
    overload_s: float = 10.0
    return_s: float = 60.0
    search_s: float = 240.0
    limit_s: float = 900.0

    @property
    def longest_s(self) -> float:
        """Of a whole search: a last soak may begin just before the limit, and the overload comes after it."""
        return self.limit_s + max(self.open_soak_s, self.longest_soak_s) + self.overload_s


@dataclass
class StepRunner:
    """Tries rates, and keeps a record of each try in `log`; `soaked` are the stats of the soak that held."""

    phases: PhaseRunner
    line: PassLine
    budget: SearchBudget
    log: StepLog = field(init=False)
    soaked: LoadStats | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.log = StepLog(self.phases.clock)
        self._began = self.phases.clock()

    @property
    def elapsed_s(self) -> float:
        """Since the runner was made."""
        return self.phases.clock() - self._began

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
            self.log.note(
                f"the service went away {TRIES_AFTER_OUTAGE} times at {rps:.0f} calls/s: counted as broken"
            )
        held = step.outcome == "held"
        if phase == "soak" and held:
            self.soaked = stats
        if not held:
            self._await_well()
        undecided = step.outcome == "open"
        broken = judgement.undecided if undecided else judgement.broken
        return RateTrial(
            rps=rps,
            achieved_rps=step.achieved_rps,
            held=held,
            decided=not undecided,
            broken=broken or (() if held else ("service_went_away",)),
            complaint=step.complaint,
        )

    def observe(self, rps: float, seconds: float, each: Callable[[float], None]) -> StepRecord:
        """Run a rate to its end whatever comes of it, or until Ctrl-C.

        Args:
            rps: calls per second.
            seconds: how long.
            each: told the seconds gone, a few times a second; it must not wait long.
        """
        load_phase = self.phases.begin(for_seconds(rps, seconds))
        try:
            while self.phases.look("soak", load_phase, seconds) is not None:
                each(self.phases.clock() - load_phase.starts_at)
        except KeyboardInterrupt:
            self.log.note("stopped by the operator")
        stats = self.phases.finish()
        return self.record("soak", rps, load_phase, stats, judge(stats, self.line))

    def replay(self, rps: float, seconds: float) -> StepRecord:
        """Run a rate to its end and judge it, however late it is."""
        load_phase = self.phases.begin(for_seconds(rps, seconds))
        while self.phases.look("drift", load_phase, seconds) is not None:
            pass
        stats = self.phases.finish()
        return self.record("drift", rps, load_phase, stats, judge(stats, self.line))

    def _try(self, phase: SearchPhase, rps: float) -> tuple[StepRecord, StepJudgement, LoadStats]:
        if phase != "recheck" and self.elapsed_s > self.budget.limit_s:
            raise OutOfTimeError
        enough_s = self._soak_s(rps) if phase == "soak" else self.budget.step_s
        longest_s = self.budget.open_soak_s if phase == "soak" else LONGEST_STEP * self.budget.step_s
        seconds = max(enough_s, longest_s)
        look_s = self.budget.step_s
        load_phase = self.phases.begin(for_seconds(rps, seconds))
        while (stats := self.phases.look(phase, load_phase, seconds)) is not None:
            elapsed_s = self.phases.clock() - load_phase.starts_at
            if elapsed_s > HOPELESS_AFTER_S and (is_hopeless(stats, self.line) or is_outage(stats)):
                break
            if elapsed_s > look_s:
                look_s += self.budget.step_s
                if self._is_enough(phase, stats, is_early=elapsed_s < enough_s, growth=seconds / elapsed_s):
                    break
        stats = self.phases.finish()
        judgement = judge(stats, self.line)
        return self.record(phase, rps, load_phase, stats, judgement), judgement, stats

    def _is_enough(self, phase: SearchPhase, stats: LoadStats, *, is_early: bool, growth: float) -> bool:
        """Whether a load phase may end at a look; `growth` times as many calls could be made.

        A soak ends when it broke, or was long enough and is decided or will not be. A step ends unless more calls could
        decide it; lines that no call crossed are left to the soak.
        """
        if phase == "soak" and is_early:
            return judge(stats, self.line, confidence=EARLY_CONFIDENCE).decision == "broke"
        judgement = judge(stats, self.line)
        still_open = [finding for finding in judgement.findings if finding.decision == "open"]
        if phase == "soak":
            may_close = (one.may_close(growth, confidence=self.line.confidence) for one in still_open)
            return judgement.decision != "open" or not all(may_close)
        doubtful = any(finding.share > 0 for finding in still_open)
        return judgement.decision == "broke" or not (doubtful or judgement.climbing)

    def _soak_s(self, rps: float) -> float:
        wanted_s = self.line.cut_off_min_calls / rps
        return max(self.budget.soak_s, min(wanted_s, self.budget.longest_soak_s))

    def record(
        self,
        phase: StepPhase,
        rps: float,
        load_phase: LoadPhase,
        stats: LoadStats,
        judgement: StepJudgement | None,
    ) -> StepRecord:
        """Log what came of a load phase; without a judgement it was only observed."""
        return self.log.add(
            phase,
            rps,
            began_s=load_phase.starts_at,
            seconds=self.phases.lasted_s(load_phase),
            stats=stats,
            health=self.phases.generator.health,
            judgement=judgement,
        )

    def _await_well(self) -> None:
        self.phases.generator.stop()
        readiness.await_well(
            self.phases.sender,
            send=f"{self.phases.send}-well",
            inside_s=self.phases.inside_s,
            within_s=WELL_AGAIN_WITHIN_S,
            clock=self.phases.clock,
            sleep=self.phases.sleep,
        )

    def _await_return(self, rps: float, stats: LoadStats) -> None:
        self.log.note(
            f"the service was away in a step of {rps:.0f} calls/s: {refused_calls(stats)} of {stats.calls} calls found nobody"
        )
        sender, began = self.phases.sender, self.phases.clock()
        reason = readiness.await_ready(sender, within_s=self.budget.return_s)
        if reason is not None:
            self.log.note(f"the service did not come back within {self.budget.return_s:.0f} s: {reason}")
            raise ServiceLostError(reason)
        readiness.warm(sender, send=f"{self.phases.send}-warm")
        self.log.note(
            f"the service was ready {self.phases.clock() - began:.1f} s later; the step is done again"
        )
