"""The search for the ceiling, apart from how a rate is tried.

Double, bisect, confirm by a soak, step down. Then the rate that broke is tried again: a service that was still warming
up, or a break that was chance, is found out, and the search goes on from there.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

SearchPhase = Literal["doubling", "bisection", "soak", "recheck"]
ResultKind = Literal["ceiling", "at_least", "unconfirmed", "none"]

SLOWEST_RPS = 1.0
STEPS_DOWN = (0.97, 0.97, 0.96, 0.95, 0.9, 0.85, 0.75)
MOST_ROUNDS = 4
SAME_RATE = 1.01  # rates closer than this are one
FINE = 0.75  # times the precision: a last soak is made in between unless what broke is no further above
CLOSE = 1.5  # times the precision: the lowest rate that surely broke is no further above the one soaked
UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class RateTrial:
    """One rate, tried.

    Attributes:
        rps: calls per second meant.
        achieved_rps: usable answers per second in time.
        held: whether the pass line was kept.
        decided: whether the calls were enough to say so; a soak that they did not decide has not held.
        broken: the lines that were not kept, the worst first; those left open where nothing was decided.
        complaint: why the generator may have been the bottleneck, or None.
    """

    rps: float
    achieved_rps: float
    held: bool
    decided: bool = True
    broken: tuple[str, ...] = ()
    complaint: str | None = None


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What is known: `ceiling` and `at_least` were confirmed by a soak, `unconfirmed` was not.

    Attributes:
        rps: the highest rate that held.
        low_rps: what was really answered at that rate; never more than `rps`.
        high_rps: the lowest rate that surely broke; None if none did.
        bound_by: lines that broke there, or what kept the search from going higher.
    """

    kind: ResultKind
    rps: float
    low_rps: float
    high_rps: float | None
    bound_by: tuple[str, ...]


@dataclass
class CeilingSearch:
    """Tries rates with `measure` until the ceiling is known within `precision`.

    A rate that broke is tried once more before it counts, because on a shared machine a neighbour's second can break
    any step. Where the generator complains of itself in a break, that break says nothing of the service: the result
    is then a lower bound. Each round doubles and bisects for `round_s` seconds of `clock` at most before its soaks. What
    was learned stays readable when `measure` raises.

    Attributes:
        held: the highest rate that held a step, below every one that broke in the same round.
        broke: the lowest rate of the round that did not hold.
        soaked: the highest rate that held a soak.
        is_confirmed: whether a rate above the soaked one broke after its soak, too.
    """

    measure: Callable[[SearchPhase, float], RateTrial]
    start_rps: float
    highest_rps: float
    precision: float = 0.05
    round_s: float = math.inf
    clock: Callable[[], float] = time.monotonic
    held: RateTrial | None = None
    broke: RateTrial | None = None
    soaked: RateTrial | None = None
    is_confirmed: bool = False
    trials: list[tuple[SearchPhase, RateTrial]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._until = math.inf
        self._breaks: list[tuple[SearchPhase, RateTrial]] = []  # of this round
        self._warmed_at: float | None = None

    def run(self) -> SearchResult:
        """Search; at most some minutes' worth of trials."""
        self._begin_round()
        self._double()
        for number in range(MOST_ROUNDS):
            self._bisect()
            self._soak()
            self._refine()
            if self.broke is None or self.broke.complaint:
                break
            # Where no soak held, one retry tells a service that was still warming up from an uneven one.
            if self.soaked is None and (number or self._lowest_soak() is None):
                break
            if self._breaks_again():
                break
            self._begin_round()
            self._climb()
        self._refine_once()
        return self.result

    @property
    def result(self) -> SearchResult:
        """What is known so far."""
        if self.soaked is None:
            return self._unconfirmed()
        surely = self._lowest_break()
        reason = self._why_open(surely)
        if reason is not None or surely is None:
            bound = () if reason is None else (reason,)
            return _found("at_least", self.soaked, high_rps=None, bound_by=bound)
        return _found("ceiling", self.soaked, high_rps=surely.rps, bound_by=surely.broken)

    def _unconfirmed(self) -> SearchResult:
        """What steps say where no soak held: a rate below every soak that was tried."""
        soaks = [trial for phase, trial in self.trials if phase == "soak"]
        lowest = self._lowest_soak() or self.broke
        held = [
            trial for phase, trial in self.trials if trial.held and (not soaks or trial.rps < soaks[-1].rps)
        ]
        high_rps = lowest.rps if lowest and not lowest.complaint else None
        bound = _reasons(lowest) if lowest else (self._told_not_to_go_beyond,)
        if self.held is None or not held:
            return SearchResult(kind="none", rps=0.0, low_rps=0.0, high_rps=high_rps, bound_by=bound)
        best = max(held, key=lambda trial: trial.rps) if soaks else self.held
        return _found("unconfirmed", best, high_rps=high_rps, bound_by=bound)

    def _lowest_soak(self) -> RateTrial | None:
        soaks = (trial for phase, trial in self.trials if phase == "soak")
        return min(soaks, key=lambda trial: trial.rps, default=None)

    def _why_open(self, surely: RateTrial | None) -> str | None:
        """Why the ceiling may lie higher than what was soaked, or None."""
        assert self.soaked is not None  # noqa: S101 - for the type checker
        if self.broke is None and self._warmed_at and self.soaked.rps < self.highest_rps:
            return (
                f"{self._warmed_at:g} calls/s broke at first and held after the soak, and the time was over"
            )
        if self.broke is None:
            return self._told_not_to_go_beyond
        if self.broke.complaint:
            return self.broke.complaint
        if surely is None or surely.rps > self._close_to(self.soaked):
            return f"a soak at {self.broke.rps:g} calls/s did not decide, or the time was over"
        if not self.is_confirmed:
            return f"{surely.rps:g} calls/s broke, and the time was over before it was tried again"
        return None

    @property
    def _told_not_to_go_beyond(self) -> str:
        return f"the search was told not to go beyond {self.highest_rps:g} calls/s"

    def _close_to(self, soaked: RateTrial) -> float:
        """The highest rate by which a ceiling is bounded well enough."""
        return soaked.rps * (1 + CLOSE * self.precision)

    def _lowest_break(self) -> RateTrial | None:
        """The lowest rate above the soaked one that surely broke, in this round."""
        floor = self.soaked.rps if self.soaked else 0.0
        broken = [
            trial for _, trial in self._breaks if trial.decided and not trial.complaint and trial.rps > floor
        ]
        return min(broken, key=lambda trial: trial.rps, default=None)

    def _begin_round(self) -> None:
        self._until = self.clock() + self.round_s
        self._breaks, self.broke = [], None

    def _double(self) -> None:
        rps = min(self.start_rps, self.highest_rps)
        while self._try("doubling", rps):
            if rps >= self.highest_rps:
                return
            rps = min(2 * rps, self.highest_rps)
        while self.held is None and rps / 2 >= SLOWEST_RPS:
            rps /= 2
            self._try("doubling", rps)

    def _climb(self) -> None:
        """Go up from a rate that holds now, by little at first."""
        growth = self.precision
        while self.held and self.held.rps < self.highest_rps:
            if not self._try("doubling", min(self.held.rps * (1 + growth), self.highest_rps)):
                return
            growth = min(2 * growth, 1.0)

    def _bisect(self) -> None:
        while self.held and self.broke and self.broke.rps > self.held.rps * (1 + self.precision):
            if self.clock() > self._until:
                return
            self._try("bisection", (self.held.rps + self.broke.rps) / 2)

    def _soak(self) -> None:
        if self.held is None:
            return
        rps = self.held.rps
        for down in STEPS_DOWN:
            if rps < SLOWEST_RPS or (self.soaked and rps < SAME_RATE * self.soaked.rps):
                return
            trial = self._measure("soak", rps)
            if trial.complaint and not trial.held:  # says nothing of the service: once more
                trial = self._measure("soak", rps)
            if trial.held:
                self.soaked = trial
                return
            self._break("soak", trial)
            rps *= down

    def _refine(self) -> None:
        """Soak between the rate that was soaked and the lowest that did not hold, while they are too far apart."""
        while self.soaked and self.broke and self.broke.rps > self._close_to(self.soaked):
            if not self._soak_between(self.soaked, self.broke):
                return

    def _refine_once(self) -> None:
        """Soak once more in between where what broke is a little further above than the precision asked for."""
        soaked, surely = self.soaked, self._lowest_break()
        if soaked and surely and self.is_confirmed and surely.rps > soaked.rps * (1 + FINE * self.precision):
            self._soak_between(soaked, surely)

    def _soak_between(self, soaked: RateTrial, broke: RateTrial) -> bool:
        """Soak half way, and say whether that told something of the service."""
        trial = self._measure("soak", (soaked.rps + broke.rps) / 2)
        if trial.held:
            self.soaked = trial
        elif trial.decided or not trial.complaint:
            self._break("soak", trial)
        else:
            return False
        return True

    def _breaks_again(self) -> bool:
        """Try the lowest rate that broke a step again after the soak; where it holds now, begin again from it."""
        floor = self.soaked.rps if self.soaked else 0.0
        rates = [trial.rps for phase, trial in self._breaks if phase != "soak" and trial.rps > floor]
        before = self.broke
        self.is_confirmed = not rates or not self._try("recheck", min(rates))
        if self.is_confirmed:
            self.broke = before
        else:
            self._warmed_at = min(rates)
        return self.is_confirmed

    def _try(self, phase: SearchPhase, rps: float) -> bool:
        trial = self._measure(phase, rps)
        if not trial.held:
            again = self._measure(phase, rps)
            # Of two breaks the one with the healthy generator tells more.
            trial = again if again.held or trial.complaint else trial
        if trial.held:
            self.held = trial
        else:
            self._break(phase, trial)
        return trial.held

    def _break(self, phase: SearchPhase, trial: RateTrial) -> None:
        self.broke = trial
        self._breaks.append((phase, trial))

    def _measure(self, phase: SearchPhase, rps: float) -> RateTrial:
        trial = self.measure(phase, rps)
        self.trials.append((phase, trial))
        return trial


def _found(
    kind: ResultKind, best: RateTrial, *, high_rps: float | None, bound_by: tuple[str, ...]
) -> SearchResult:
    return SearchResult(
        kind=kind,
        rps=best.rps,
        low_rps=min(best.achieved_rps, best.rps),
        high_rps=high_rps,
        bound_by=bound_by,
    )


def _reasons(trial: RateTrial) -> tuple[str, ...]:
    if trial.complaint:
        return (trial.complaint,)
    return trial.broken if trial.decided else (UNDECIDED, *trial.broken)


def unconfirmed(result: SearchResult, *, bound_by: tuple[str, ...]) -> SearchResult:
    """The same rates, confirmed by nothing."""
    kind: ResultKind = "none" if result.kind == "none" else "unconfirmed"
    return replace(result, kind=kind, bound_by=bound_by)


def as_lower_bound(result: SearchResult, *, bound_by: tuple[str, ...]) -> SearchResult:
    """The same rate, with nothing known above it."""
    return replace(result, kind="at_least", high_rps=None, bound_by=bound_by)
