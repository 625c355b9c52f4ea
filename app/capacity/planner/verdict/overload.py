"""What becomes of a send that asks for more than the service gives: Braze's send model, played against the ceiling."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Final

from app.capacity.campaign import Range
from app.capacity.local_time import MINUTE_S, wall_time
from app.capacity.plan.plan import ServiceLines
from app.capacity.planner.judgement import SendOutcome
from app.capacity.simulation.limited_service import LimitedService
from app.capacity.simulation.result import Quantity, SimulationResult
from app.capacity.simulation.send import Send, play_through

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.capacity.campaign import Campaign, Workspace
    from app.capacity.plan.plan import Plan
    from app.capacity.planner.demand.pacing import Pacing
    from app.capacity.simulation.service import Answer, Service


MOST_MINUTES_TWICE: Final = (
    10_000  # of all campaigns: laying out the messages of more takes longer than playing them
)
CALLS_A_PART: Final = 4  # of a recipient: of more, drawing which ones fail is most of the work


class FailureMonitor:
    """A service, and the worst moving minute of failures that Braze counts against it, over all campaigns.

    All host names together: they are one service here, and what is said of them is no better than for each.
    """

    def __init__(self, inner: Service) -> None:
        self._inner = inner
        self._recent: deque[tuple[int, int]] = deque()  # (second, failures)
        self._failures = 0
        self.failures_per_min = 0

    def answer(self, second: int, calls: int, /) -> Answer:
        """Answer as the service within does."""
        answer = self._inner.answer(second, calls)
        failures = answer.cut_off + sum(answer.failed.values())
        self._recent.append((second, failures))
        self._failures += failures
        while self._recent[0][0] <= second - MINUTE_S:
            self._failures -= self._recent.popleft()[1]
        self.failures_per_min = max(self.failures_per_min, self._failures)
        return answer


def simulate_overload(
    plan: Plan, pacing: Mapping[int, Pacing], *, ceiling_rps: float, most_parts: int
) -> Mapping[int, SendOutcome]:
    """Play the campaigns of `pacing` (by place in the plan) as planned, in the high case, against `ceiling_rps`.

    Twice: against a service that keeps its ceiling in overload, which is told, and against one whose callers queue no
    longer than its connections reach and which loses time on those who have gone; both are the bounds of what is lost.
    Sends of more than `MOST_MINUTES_TWICE` are played against the first only.
    Work is bounded: after `most_parts` campaign-seconds, counted without retries, a play stops, and the
    outcomes say that they are not complete.
    """
    places = [index for index in sorted(pacing) if pacing[index].started]
    until = _until(
        [pacing[index] for index in places], [_weight(plan.campaigns[index]) for index in places], most_parts
    )
    places = [index for index in places if pacing[index].first < until]
    outcomes = _outcomes(
        tuple(plan.campaigns[index] for index in places),
        plan.workspace,
        seed=plan.seed,
        until_minute=until,
        ceiling_rps=ceiling_rps,
        twice=sum(len(pacing[index].attempts) for index in places) <= MOST_MINUTES_TWICE,
    )
    return dict(zip(places, outcomes, strict=True))


# A report is opened again, shared and printed; each play takes a tenth of a second and more.
@lru_cache(maxsize=64)
def _outcomes(
    campaigns: tuple[Campaign, ...],
    workspace: Workspace,
    *,
    seed: int,
    until_minute: int,
    ceiling_rps: float,
    twice: bool,
) -> tuple[SendOutcome, ...]:
    """Play campaigns until a minute against one service, and where `twice` against a worse one."""

    def send() -> Send:
        return Send(campaigns, workspace, seed=seed, case="high", until_minute=until_minute)

    usual, cut_off_s = ServiceLines(ceiling_rps=ceiling_rps), workspace.assumptions.cut_off_s
    monitor = FailureMonitor(LimitedService(ceiling_rps, cut_off_s=cut_off_s))
    played = play_through(send(), monitor)
    worse = played
    if twice:
        service = LimitedService(
            ceiling_rps,
            cut_off_s=cut_off_s,
            most_waiting=usual.most_waiting,
            overloaded_share=usual.overloaded_share,
        )
        worse = play_through(send(), service)
    return tuple(
        _outcome(campaign, workspace, played, worse, monitor, column)
        for column, campaign in enumerate(campaigns)
    )


def _weight(campaign: Campaign) -> float:
    """Return how much work a second of a campaign is, beside one of few calls a recipient."""
    return max(1.0, campaign.calls_per_recipient.high / CALLS_A_PART)


def _until(pacing: Sequence[Pacing], weights: Sequence[float], most_parts: int) -> int:
    """Return the minute to stop before. Retries may take a send to twice its length, so half the work is kept back."""
    minutes = sum(weight * len(one.attempts) for one, weight in zip(pacing, weights, strict=True))
    first = min((one.first for one in pacing), default=0)
    last = max((one.first + len(one.attempts) for one in pacing), default=0)
    if 2 * minutes * MINUTE_S <= most_parts:
        return last + 2 * ceil(minutes) + MINUTE_S
    low, high = first, last
    while high - low > 1:
        middle = (low + high) // 2
        played = sum(
            weight * max(0, min(len(one.attempts), middle - one.first))
            for one, weight in zip(pacing, weights, strict=True)
        )
        low, high = (middle, high) if played * MINUTE_S <= most_parts else (low, middle)
    return max(low, first + 1)


def _outcome(
    campaign: Campaign,
    workspace: Workspace,
    played: SimulationResult,
    worse: SimulationResult,
    monitor: FailureMonitor,
    column: int,
) -> SendOutcome:
    counts = {what: int(played.count(what)[:, column].sum()) for what in Quantity}
    made = counts[Quantity.CALLS] + counts[Quantity.WITHHELD]
    done = max(1, counts[Quantity.SENT] + counts[Quantity.ABORTED])
    failures, failure_share = _worst_minute(played, column)
    end = played.end_minute(column)
    complete = not played.pending[column]
    return SendOutcome(
        personalised_share=(counts[Quantity.SENT] - counts[Quantity.BLANK] - counts[Quantity.DEGRADED])
        / done,
        degraded_share=counts[Quantity.DEGRADED] / done,
        blank_share=counts[Quantity.BLANK] / done,
        cut_off_share=counts[Quantity.FAILED] / max(1, made),
        withheld_share=counts[Quantity.WITHHELD] / max(1, made),
        retries=counts[Quantity.RETRIES],
        blank=counts[Quantity.BLANK],
        aborted=counts[Quantity.ABORTED],
        lost=_lost(campaign, played, worse, column),
        finishes_at=wall_time(end, workspace.time_zone) if end is not None and complete else None,
        failures_per_min=failures,
        failure_share=failure_share,
        breaker_failures=workspace.assumptions.breaker_failures,
        breaker_share=workspace.assumptions.breaker_share,
        halts=sum(host == campaign.host for host, _ in played.halts),
        host_failures_per_min=monitor.failures_per_min,
        played_min=len(played.minutes),
        complete=complete,
    )


def _lost(campaign: Campaign, played: SimulationResult, worse: SimulationResult, column: int) -> Range:
    """Return the messages that go out without postings or not at all, at the least, as played and at the most."""
    both = [
        sum(int(play.count(what)[:, column].sum()) for what in (Quantity.BLANK, Quantity.ABORTED))
        for play in (played, worse)
    ]
    low, high = min(both), max(both)
    if not campaign.retry:  # a retried message is lost by failing again and again, whichever calls fail
        failed = [
            sum(int(play.count(what)[:, column].sum()) for what in (Quantity.FAILED, Quantity.WITHHELD))
            for play in (played, worse)
        ]
        attempts = max(int(play.count(Quantity.ATTEMPTS)[:, column].sum()) for play in (played, worse))
        low = min(low, ceil(min(failed) / campaign.calls_per_recipient.high))
        high = max(high, min(attempts, max(failed)))
    return Range(low, both[0], high)


def _worst_minute(played: SimulationResult, column: int) -> tuple[int, float]:
    """The most calls of one campaign that failed in a minute, and their share of the minute's."""
    failed, calls = (played.count(what)[:, column] for what in (Quantity.FAILED, Quantity.CALLS))
    if not failed.any():
        return 0, 0.0
    worst = int(failed.argmax())
    return int(failed[worst]), float(failed[worst] / calls[worst])


def without_failures(plan: Plan, pacing: Pacing) -> SendOutcome:
    """Return the outcome while every call is answered: only messages delayed too long are lost."""
    assumed = plan.workspace.assumptions
    return SendOutcome(
        personalised_share=1.0,
        degraded_share=0.0,
        blank_share=0.0,
        cut_off_share=0.0,
        withheld_share=0.0,
        retries=0,
        blank=0,
        aborted=pacing.aborted,
        lost=Range.exactly(pacing.aborted),
        finishes_at=None if pacing.end is None else wall_time(pacing.end, plan.workspace.time_zone),
        failures_per_min=0,
        failure_share=0.0,
        breaker_failures=assumed.breaker_failures,
        breaker_share=assumed.breaker_share,
        halts=0,
        host_failures_per_min=0,
        played_min=len(pacing.attempts),
        complete=True,
    )
