"""What a campaign starts by itself is bounded work, whatever its zones, quiet hours and limit."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from app.capacity.campaign import Arrivals, Campaign, IntelligentTiming, QuietHours, Range, Workspace
from app.capacity.plan.plan import Plan
from app.capacity.planner.demand import paced_campaign, pacing
from app.capacity.planner.demand.forecast import Forecaster
from app.capacity.planner.demand.work import WorkBudget, WorkLimitExceededError
from app.capacity.planner.verdict.judge import MOST_STEPS

AT = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001 - wall time
ZONES = (
    "Asia/Seoul",
    "Europe/London",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Sydney",
    "Pacific/Apia",
)


@pytest.mark.parametrize("zones", [(), tuple((zone, 1.0) for zone in ZONES)])
@pytest.mark.parametrize(
    ("limit", "recipients"), [(None, 1_000_000), (10, 1_000_000), (100, 5_000), (1_000, 10**8)]
)
def test_a_week_of_triggered_messages_held_at_night_takes_a_part_of_the_work_of_a_verdict(
    zones: tuple[tuple[str, float], ...], limit: int | None, recipients: int
) -> None:
    one = Campaign(
        name="t",
        kind="triggered",
        audience=Range.exactly(recipients),
        timing=Arrivals(AT, AT + timedelta(days=7)),
        quiet_hours=QuietHours(time(21), time(8)),
        zones=zones,
        limit_per_min=limit,
    )
    high = Forecaster(
        Plan(campaigns=(one,), workspace=Workspace(time_zone="Asia/Seoul")),
        "high",
        work=WorkBudget(MOST_STEPS),
    )
    started = high.forecast({0: limit}).pacing[0]
    assert started.started + started.aborted == recipients
    assert bool(started.aborted) == (limit is not None and recipients > limit * 60 * 24 * 7)


def test_best_hours_in_many_zones_are_paid_for_before_they_are_laid_out() -> None:
    """Six days of minutes, each looked up on a clock of its zone, whatever few messages they hold."""
    one = Campaign(
        name="best",
        kind="intelligent_timing",
        audience=Range.exactly(9_000),
        timing=IntelligentTiming(AT.date(), (1.0,) * 24, 0.0, time(10)),
        quiet_hours=QuietHours(time(21), time(8)),
        zones=tuple((zone, 1.0) for zone in ZONES),
    )
    plan, minutes = Plan(campaigns=(one,), workspace=Workspace(time_zone="Asia/Seoul")), 6 * 1_440
    with pytest.raises(WorkLimitExceededError):
        Forecaster(plan, "high", work=WorkBudget(minutes))
    assert Forecaster(plan, "high", work=WorkBudget(4 * minutes)).demands[0].arrivals.recipients() == 9_000


def test_what_is_tried_in_vain_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many wait from one night to the next that who is given up takes more to play than may be spent on that."""
    spent = []
    real = pacing.pace_together

    def counting(*args: Any, work: WorkBudget, **more: Any) -> Any:
        before = work.left
        try:
            return real(*args, work=work, **more)
        finally:
            spent.append(before - max(0, work.left))

    monkeypatch.setattr(paced_campaign, "pace_together", counting)
    one = Campaign(
        name="t",
        kind="triggered",
        audience=Range.exactly(10_000_000),
        timing=Arrivals(AT, AT + timedelta(days=7)),
        quiet_hours=QuietHours(time(21), time(8)),
        limit_per_min=1_000,
    )
    work = WorkBudget(MOST_STEPS)
    high = Forecaster(Plan(campaigns=(one,), workspace=Workspace(time_zone="Asia/Seoul")), "high", work=work)
    before = work.left
    assert high.forecast({0: 1_000}).pacing[0].aborted
    assert set(spent) == {paced_campaign.PLAYED_FOR_ABORTS}
    assert before - work.left > sum(spent)
