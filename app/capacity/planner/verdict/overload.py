"""What becomes of a send that asks for more than the service gives: Braze's send model, played against the ceiling."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from app.capacity.local_time import MINUTE_S, wall_time
from app.capacity.planner.judgement import Outcome
from app.capacity.simulation.limited_service import CapacityBound
from app.capacity.simulation.result import Count, Played
from app.capacity.simulation.send import Send, play_through

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.capacity.plan.plan import Plan
    from app.capacity.planner.demand.pacing import Paced
    from app.capacity.simulation.service import Answer, Service


class Watched:
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


def play_beyond(
    plan: Plan, paced: Mapping[int, Paced], *, ceiling_rps: float, most_parts: int
) -> Mapping[int, Outcome]:
    """Play the campaigns of `paced` (by place in the plan) as planned, in the high case, against `ceiling_rps`.

    Work is bounded: after `most_parts` campaign-seconds, counted without retries, the play stops, and the
    outcomes say that they are not complete.
    """
    places = [index for index in sorted(paced) if paced[index].started]
    send = Send(
        [plan.campaigns[index] for index in places],
        plan.workspace,
        seed=plan.seed,
        case="high",
        until_minute=_until([paced[index] for index in places], most_parts),
    )
    watched = Watched(CapacityBound(ceiling_rps, cut_off_s=plan.workspace.assumptions.cut_off_s))
    played = play_through(send, watched)
    return {index: _outcome(plan, played, watched, column) for column, index in enumerate(places)}


def _until(paced: Sequence[Paced], most_parts: int) -> int | None:
    """Return the minute to stop before. Retries may take a send to twice its length, so half the work is kept back."""
    minutes = sum(len(one.attempts) for one in paced)
    first = min((one.first for one in paced), default=0)
    last = max((one.first + len(one.attempts) for one in paced), default=0)
    if 2 * minutes * MINUTE_S <= most_parts:
        return last + 2 * minutes + MINUTE_S
    low, high = first, last
    while high - low > 1:
        middle = (low + high) // 2
        played = sum(max(0, min(len(one.attempts), middle - one.first)) for one in paced)
        low, high = (middle, high) if played * MINUTE_S <= most_parts else (low, middle)
    return max(low, first + 1)


def _outcome(plan: Plan, played: Played, watched: Watched, column: int) -> Outcome:
    assumed = plan.workspace.assumptions
    counts = {what: int(played.count(what)[:, column].sum()) for what in Count}
    made = counts[Count.CALLS] + counts[Count.WITHHELD]
    done = max(1, counts[Count.SENT] + counts[Count.ABORTED])
    failures, failure_share = _worst_minute(played, column)
    end = played.end_minute(column)
    complete = not played.pending[column]
    return Outcome(
        personalised_share=(counts[Count.SENT] - counts[Count.BLANK] - counts[Count.DEGRADED]) / done,
        degraded_share=counts[Count.DEGRADED] / done,
        blank_share=counts[Count.BLANK] / done,
        cut_off_share=counts[Count.FAILED] / max(1, made),
        withheld_share=counts[Count.WITHHELD] / max(1, made),
        retries=counts[Count.RETRIES],
        blank=counts[Count.BLANK],
        aborted=counts[Count.ABORTED],
        finishes_at=wall_time(end, plan.workspace.time_zone) if end is not None and complete else None,
        failures_per_min=failures,
        failure_share=failure_share,
        breaker_failures=assumed.breaker_failures,
        breaker_share=assumed.breaker_share,
        halts=len(played.halts),
        host_failures_per_min=watched.failures_per_min,
        played_min=len(played.minutes),
        complete=complete,
    )


def _worst_minute(played: Played, column: int) -> tuple[int, float]:
    """The most calls of one campaign that failed in a minute, and their share of the minute's."""
    failed, calls = (played.count(what)[:, column] for what in (Count.FAILED, Count.CALLS))
    if not failed.any():
        return 0, 0.0
    worst = int(failed.argmax())
    return int(failed[worst]), float(failed[worst] / calls[worst])


def unhurt(plan: Plan, paced: Paced) -> Outcome:
    """Return the outcome while every call is answered: only messages delayed too long are lost."""
    assumed = plan.workspace.assumptions
    return Outcome(
        personalised_share=1.0,
        degraded_share=0.0,
        blank_share=0.0,
        cut_off_share=0.0,
        withheld_share=0.0,
        retries=0,
        blank=0,
        aborted=paced.aborted,
        finishes_at=None if paced.end is None else wall_time(paced.end, plan.workspace.time_zone),
        failures_per_min=0,
        failure_share=0.0,
        breaker_failures=assumed.breaker_failures,
        breaker_share=assumed.breaker_share,
        halts=0,
        host_failures_per_min=0,
        played_min=len(paced.attempts),
        complete=True,
    )
