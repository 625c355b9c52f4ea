"""Reading a plan file into values."""

from dataclasses import fields, replace
from datetime import date, datetime, time, timedelta

import pytest

from app.capacity.assumptions import Assumptions
from app.capacity.campaign import (
    ARRIVING_BURST,
    BURST,
    CALLS_PER_RECIPIENT,
    AllAtOnce,
    Arrivals,
    Campaign,
    IntelligentTiming,
    LocalTimeZones,
    QuietHours,
    Range,
    Workspace,
)
from app.capacity.plan.plan import Judging, Plan, ServiceLines, parse_plan
from app.capacity.plan.table import PlanError
from app.capacity.simulation.service import ScriptedMinutes

SMALLEST = """
time_zone = "Asia/Seoul"
[[campaigns]]
name = "digest"
kind = "at_once"
audience = 1_000
at = 2026-11-23T09:00:00
"""

WHOLE = """
time_zone = "Asia/Seoul"
workspace_limit_per_min = 100_000
seed = 42

[[campaigns]]
name = "주간 추천"
kind = "rate_limited"
audience = {low = 1_000_000, likely = 1_200_000, high = 1_500_000}
at = 2026-11-23T09:00:00
limit_per_min = 50_000
calls_per_recipient = {low = 1, likely = 2, high = 3}
burst = {low = 1.2, likely = 2, high = 4}
retry = true
finish_by = 2026-11-23T10:00:00
priority = 2
host = "jobs.example.com"

[[campaigns]]
name = "at lunch"
kind = "local_time_zones"
audience = 80_000
at = 2026-11-24T12:30:00
launched_at = 2026-11-23T09:00:00
zones = {"Asia/Seoul" = 90, "America/New_York" = 8, unknown = 2}
limit_per_min = 10_000
abort_on_failure = true

[[campaigns]]
name = "best hour"
kind = "intelligent_timing"
audience = 10_000
on = 2026-11-25
users_per_hour = [0, 0, 0, 0, 0, 0, 1, 4, 9, 8, 4, 3, 6, 5, 3, 3, 4, 6, 9, 9, 6, 4, 2, 1]
fallback_share = 0.2
fallback_at = 10:00:00
quiet_hours = {begin = 21:00:00, end = 08:00:00}

[[campaigns]]
name = "new postings"
kind = "triggered"
audience = 5_000
at = 2026-11-23T00:00:00
ends_at = 2026-11-23T02:30:00
hourly = [1, 2, 0.5]

[[campaigns]]
name = "welcome, day 2"
kind = "canvas_step"
audience = 700
at = 2026-11-23T09:00:00
calls_per_recipient = 2.4

[[failures]]
minutes = [1]
counts = {503 = 6_000, cut_off = 10}

[[failures]]
minutes = [3, 5]
shares = {degraded = 0.5, 429 = 0.1}

[service]
ceiling_rps = 1_400
soft_rps = 1_200
hard_rps = 2_500.5

[judging]
usable_share = 0.6
evidence_max_age_days = 14
offered_limits_per_min = [1_000, 10_000]

[assumptions]
at_once_max_per_min = 500_000
minute_shape = "block"
breaker = false
breaker_statuses = [503, 504]
backoff_base_s = 5
"""

NINE = datetime(2026, 11, 23, 9)  # noqa: DTZ001  (wall time)


def test_a_plan_needs_little() -> None:
    expected = Campaign(
        name="digest", kind="at_once", audience=Range(1_000, 1_000, 1_000), timing=AllAtOnce(NINE)
    )
    assert parse_plan(SMALLEST) == Plan(campaigns=(expected,), workspace=Workspace(time_zone="Asia/Seoul"))
    assert (expected.calls_per_recipient, expected.burst) == (CALLS_PER_RECIPIENT, BURST)


def test_a_plan_may_say_everything() -> None:
    hours = (0, 0, 0, 0, 0, 0, 1, 4, 9, 8, 4, 3, 6, 5, 3, 3, 4, 6, 9, 9, 6, 4, 2, 1)
    assert parse_plan(WHOLE) == Plan(
        campaigns=(
            Campaign(
                name="주간 추천",
                kind="rate_limited",
                audience=Range(1_000_000, 1_200_000, 1_500_000),
                timing=AllAtOnce(NINE),
                limit_per_min=50_000,
                calls_per_recipient=Range(1, 2, 3),
                burst=Range(1.2, 2, 4),
                retry=True,
                finish_by=NINE.replace(hour=10),
                priority=2,
                host="jobs.example.com",
            ),
            Campaign(
                name="at lunch",
                kind="local_time_zones",
                audience=Range.exactly(80_000),
                timing=LocalTimeZones(datetime(2026, 11, 24, 12, 30), NINE),  # noqa: DTZ001  (wall time)
                limit_per_min=10_000,
                abort_on_failure=True,
                zones=(("Asia/Seoul", 90), ("America/New_York", 8), ("unknown", 2)),
            ),
            Campaign(
                name="best hour",
                kind="intelligent_timing",
                audience=Range.exactly(10_000),
                timing=IntelligentTiming(date(2026, 11, 25), hours, 0.2, time(10)),
                quiet_hours=QuietHours(time(21), time(8)),
            ),
            Campaign(
                name="new postings",
                kind="triggered",
                audience=Range.exactly(5_000),
                timing=Arrivals(NINE.replace(hour=0), NINE.replace(hour=2, minute=30), (1, 2, 0.5)),
                burst=ARRIVING_BURST,
            ),
            Campaign(
                name="welcome, day 2",
                kind="canvas_step",
                audience=Range.exactly(700),
                timing=AllAtOnce(NINE),
                calls_per_recipient=Range.exactly(2.4),
            ),
        ),
        workspace=Workspace(
            time_zone="Asia/Seoul",
            limit_per_min=100_000,
            assumptions=replace(
                Assumptions(),
                at_once_max_per_min=500_000,
                minute_shape="block",
                breaker=False,
                breaker_statuses=(503, 504),
                backoff_base_s=5.0,
            ),
        ),
        seed=42,
        failures=(
            ScriptedMinutes(1, 1, counts={"503": 6_000, "cut_off": 10}),
            ScriptedMinutes(3, 5, shares={"degraded": 0.5, "429": 0.1}),
        ),
        service=ServiceLines(ceiling_rps=1_400, soft_rps=1_200, hard_rps=2_500.5),
        judging=Judging(usable_share=0.6, evidence_max_age_days=14, offered_limits_per_min=(1_000, 10_000)),
    )


def test_a_canvas_step_may_be_entered_over_time() -> None:
    step = SMALLEST.replace('"at_once"', '"canvas_step"') + "ends_at = 2026-11-23T11:00:00\n"
    (campaign,) = parse_plan(step).campaigns
    assert campaign.timing == Arrivals(NINE, NINE.replace(hour=11))


def test_every_assumption_can_be_overridden_by_its_own_default() -> None:
    values = {one.name: one.default for one in fields(Assumptions)}
    lines = [f"{name} = {_toml(value)}" for name, value in values.items()]
    text = SMALLEST + "[assumptions]\n" + "\n".join(lines)
    assert parse_plan(text).workspace.assumptions == Assumptions()


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(list(value) if isinstance(value, tuple) else value)


def test_a_campaign_that_repeats_is_so_many_campaigns_in_a_row() -> None:
    plan = parse_plan(SMALLEST + "repeat_weekly_until = 2026-12-08\n")
    assert [(one.name, one.timing) for one in plan.campaigns] == [
        ("digest", AllAtOnce(NINE)),
        ("digest 2026-11-30", AllAtOnce(NINE + timedelta(days=7))),
        ("digest 2026-12-07", AllAtOnce(NINE + timedelta(days=14))),
    ]


def test_campaigns_with_the_weeks_they_repeat_are_no_more_than_a_plan_may_have() -> None:
    second = SMALLEST.partition("[[campaigns]]")[2].replace("digest", "other")
    year = "repeat_weekly_until = 2027-11-22\n"
    with pytest.raises(PlanError, match="campaigns come to 106 with the weeks they repeat; plan 100 at most"):
        parse_plan(f"{SMALLEST}{year}[[campaigns]]{second}{year}")


def test_the_night_is_a_setting_of_the_judging_table() -> None:
    late = parse_plan(SMALLEST + "[judging]\nnight = {begin = 22:00:00, end = 06:30:00}\n")
    assert late.judging.night == QuietHours(time(22), time(6, 30))
    with pytest.raises(PlanError, match="judging night: end is missing; write a time of day"):
        parse_plan(SMALLEST + "[judging]\nnight = {begin = 22:00:00}\n")
