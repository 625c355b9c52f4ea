"""What becomes of a send that asks for more than the service gives: Braze's send model, played against the ceiling."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from app.capacity.local_time import MINUTE_S, wall_time
from app.capacity.planner.judgement import SendOutcome
from app.capacity.simulation.limited_service import LimitedService
from app.capacity.simulation.result import Quantity, SimulationResult
from app.capacity.simulation.send import Send, play_through

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.capacity.plan.plan import Plan
    from app.capacity.planner.demand.pacing import Pacing
    from app.capacity.simulation.service import Answer, Service


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

    Work is bounded: after `most_parts` campaign-seconds, counted without retries, the play stops, and the
    outcomes say that they are not complete.
    """
    places = [index for index in sorted(pacing) if pacing[index].started]
    send = Send(
        [plan.campaigns[index] for index in places],
        plan.workspace,
        seed=plan.seed,
        case="high",
        until_minute=_until([pacing[index] for index in places], most_parts),
    )
    monitor = FailureMonitor(LimitedService(ceiling_rps, cut_off_s=plan.workspace.assumptions.cut_off_s))
    played = play_through(send, monitor)
    return {index: _outcome(plan, played, monitor, column) for column, index in enumerate(places)}


def _until(pacing: Sequence[Pacing], most_parts: int) -> int | None:
    """Return the minute to stop before. Retries may take a send to twice its length, so half the work is kept back."""
    minutes = sum(len(one.attempts) for one in pacing)
    first = min((one.first for one in pacing), default=0)
    last = max((one.first + len(one.attempts) for one in pacing), default=0)
    if 2 * minutes * MINUTE_S <= most_parts:
        return last + 2 * minutes + MINUTE_S
    low, high = first, last
    while high - low > 1:
        middle = (low + high) // 2
        played = sum(max(0, min(len(one.attempts), middle - one.first)) for one in pacing)
        low, high = (middle, high) if played * MINUTE_S <= most_parts else (low, middle)
    return max(low, first + 1)


def _outcome(plan: Plan, played: SimulationResult, monitor: FailureMonitor, column: int) -> SendOutcome:
    assumed = plan.workspace.assumptions
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
        finishes_at=wall_time(end, plan.workspace.time_zone) if end is not None and complete else None,
        failures_per_min=failures,
        failure_share=failure_share,
        breaker_failures=assumed.breaker_failures,
        breaker_share=assumed.breaker_share,
        halts=len(played.halts),
        host_failures_per_min=monitor.failures_per_min,
        played_min=len(played.minutes),
        complete=complete,
    )


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
