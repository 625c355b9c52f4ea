"""The search for the ceiling, apart from how a rate is tried: double, bisect, confirm by a soak, step down."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

SearchPhase = Literal["doubling", "bisection", "soak"]
ResultKind = Literal["ceiling", "at_least", "unconfirmed", "none"]

SLOWEST_RPS = 1.0
STEPS_DOWN = (0.95, 0.95, 0.95, 0.9, 0.9, 0.8, 0.7)


@dataclass(frozen=True, kw_only=True)
class RateTrial:
    """One rate, tried.

    Attributes:
        rps: calls per second meant.
        achieved_rps: usable answers per second in time.
        held: whether the pass line was kept.
        broken: the lines that were not, the worst first.
        complaint: why the generator may have been the bottleneck, or None.
    """

    rps: float
    achieved_rps: float
    held: bool
    broken: tuple[str, ...] = ()
    complaint: str | None = None


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What is known: `ceiling` and `at_least` were confirmed by a soak, `unconfirmed` was not.

    Attributes:
        rps: the highest rate that held.
        low_rps: what was really answered at that rate; never more than `rps`.
        high_rps: the lowest rate that broke; None if none did.
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
    is then a lower bound. When it was `enough`, bisection ends early and the soaks begin. What was learned stays
    readable when `measure` raises.
    """

    measure: Callable[[SearchPhase, float], RateTrial]
    start_rps: float
    highest_rps: float
    precision: float = 0.05
    enough: Callable[[], bool] = lambda: False
    held: RateTrial | None = None
    broke: RateTrial | None = None
    soaked: RateTrial | None = None
    trials: list[RateTrial] = field(default_factory=list)

    def run(self) -> SearchResult:
        """Search; at most a few minutes' worth of trials."""
        self._double()
        self._bisect()
        self._soak()
        return self.result

    @property
    def result(self) -> SearchResult:
        """What is known so far."""
        best = self.soaked or self.held
        if best is None:
            bound = self.broke.broken if self.broke else ()
            high_rps = self.broke.rps if self.broke else None
            return SearchResult(kind="none", rps=0.0, low_rps=0.0, high_rps=high_rps, bound_by=bound)
        low_rps = min(best.achieved_rps, best.rps)
        kind: ResultKind = "at_least" if self.soaked else "unconfirmed"
        if self.broke is None:
            reason = f"the search was told not to go beyond {self.highest_rps:g} calls/s"
            return SearchResult(kind=kind, rps=best.rps, low_rps=low_rps, high_rps=None, bound_by=(reason,))
        if self.broke.complaint:
            return SearchResult(
                kind=kind, rps=best.rps, low_rps=low_rps, high_rps=None, bound_by=(self.broke.complaint,)
            )
        kind = "ceiling" if self.soaked else "unconfirmed"
        return SearchResult(
            kind=kind, rps=best.rps, low_rps=low_rps, high_rps=self.broke.rps, bound_by=self.broke.broken
        )

    def _double(self) -> None:
        rps = min(self.start_rps, self.highest_rps)
        while self._try("doubling", rps):
            if rps >= self.highest_rps:
                return
            rps = min(2 * rps, self.highest_rps)
        while self.held is None and rps / 2 >= SLOWEST_RPS:
            rps /= 2
            self._try("doubling", rps)

    def _bisect(self) -> None:
        while self.held and self.broke and self.broke.rps > self.held.rps * (1 + self.precision):
            if self.enough():
                return
            self._try("bisection", (self.held.rps + self.broke.rps) / 2)

    def _soak(self) -> None:
        if self.held is None:
            return
        rps = self.held.rps
        for down in STEPS_DOWN:
            trial = self._measure("soak", rps)
            if trial.complaint and not trial.held:  # says nothing of the service: once more
                trial = self._measure("soak", rps)
            if trial.held:
                self.soaked = trial
                return
            self.broke = trial
            rps *= down

    def _try(self, phase: SearchPhase, rps: float) -> bool:
        trial = self._measure(phase, rps)
        if not trial.held:
            again = self._measure(phase, rps)
            # Of two breaks the one with the healthy generator tells more.
            trial = again if again.held or trial.complaint else trial
        if trial.held:
            self.held = trial
        else:
            self.broke = trial
        return trial.held

    def _measure(self, phase: SearchPhase, rps: float) -> RateTrial:
        trial = self.measure(phase, rps)
        self.trials.append(trial)
        return trial
