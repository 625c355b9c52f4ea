"""A send that runs into the night, or into the next day, says so, and is refused for neither."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import UTC, date, datetime, time
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.capacity.campaign import (
    AllAtOnce,
    Arrivals,
    Campaign,
    IntelligentTiming,
    LocalTimeZones,
    QuietHours,
    Range,
    Workspace,
)
from app.capacity.plan.plan import Judging, Plan
from app.capacity.planner import ReasonCode, sentence
from app.capacity.planner.demand.expected_arrivals import ArrivalCurve
from app.capacity.planner.demand.pacing import Pacing
from app.capacity.planner.verdict.late_hours import late_hours

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.capacity.planner import Judgement
    from app.capacity.planner.reasons import Reason

SEOUL = ZoneInfo("Asia/Seoul")
wall = datetime.fromisoformat
EVENING = Campaign(
    name="evening",
    kind="rate_limited",
    audience=Range.exactly(60_000),
    timing=AllAtOnce(wall("2026-11-23T20:00")),
    limit_per_min=500,
)


def codes(reasons: tuple[Reason, ...]) -> list[ReasonCode]:
    return [one.code for one in reasons]


def test_a_send_until_22_says_how_many_go_out_after_21_and_may_go(
    judged: Callable[..., Judgement],
) -> None:
    only = judged(EVENING).campaigns[0]
    assert only.verdict == "GO"
    (night,) = only.late_hours
    assert night.code is ReasonCode.NIGHT
    assert night.numbers["messages"] == 30_000
    assert night.numbers["first_at"] == datetime(2026, 11, 23, 21, 0, tzinfo=SEOUL)
    assert "30,000" in sentence(night, "ko")
    assert "이메일은 예외" in sentence(night, "ko")
    assert "exempts e-mail" in sentence(night, "en")


@pytest.mark.parametrize(
    ("at", "minutes", "expected"),
    [
        ("20:00", 60, []),
        ("20:00", 61, [ReasonCode.NIGHT]),
        ("08:00", 60, []),
        ("07:59", 60, [ReasonCode.NIGHT]),
        ("22:00", 120, [ReasonCode.NIGHT]),
        ("22:00", 121, [ReasonCode.NIGHT, ReasonCode.NEXT_DAY]),
    ],
)
def test_the_edges_of_the_night_and_of_the_day_are_minutes(
    judged: Callable[..., Judgement], at: str, minutes: int, expected: list[ReasonCode]
) -> None:
    one = replace(
        EVENING,
        timing=AllAtOnce(datetime.combine(date(2026, 11, 24), time.fromisoformat(at))),
        audience=Range.exactly(500 * minutes),
    )
    assert codes(judged(one).campaigns[0].late_hours) == expected


def test_it_is_the_advised_send_that_is_looked_at_and_not_the_planned_one(
    judged: Callable[..., Judgement],
) -> None:
    fast = replace(EVENING, limit_per_min=50_000, timing=AllAtOnce(wall("2026-11-23T18:00")))
    (only,) = judged(fast, low_rps=60).campaigns
    assert only.verdict == "GO_IF"
    assert only.advised_limit_per_min == 100
    assert codes(only.late_hours) == [ReasonCode.NIGHT, ReasonCode.NEXT_DAY]
    ends = only.late_hours[1].numbers["finishes_at"]
    assert only.finishes_at is not None
    assert ends == only.finishes_at.high
    assert judged(fast).campaigns[0].late_hours == ()


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        (QuietHours(time(22), time(6)), []),
        (QuietHours(time(20, 30), time(21)), [ReasonCode.NIGHT]),
        (QuietHours(time(21), time(21)), []),
    ],
)
def test_when_night_is_is_a_setting_and_one_of_no_length_is_none(
    judged: Callable[..., Judgement], night: QuietHours, expected: list[ReasonCode]
) -> None:
    (only,) = judged(EVENING, judging=Judging(night=night)).campaigns
    assert codes(only.late_hours) == expected


def test_what_quiet_hours_hold_back_goes_out_on_the_next_day_and_not_at_night(
    judged: Callable[..., Judgement],
) -> None:
    held = replace(EVENING, quiet_hours=QuietHours(time(21), time(8)))
    assert codes(judged(held).campaigns[0].late_hours) == [ReasonCode.NEXT_DAY]


def test_night_is_each_members_own(judged: Callable[..., Judgement]) -> None:
    local = Campaign(
        name="local",
        kind="local_time_zones",
        audience=Range.exactly(1_000),
        timing=LocalTimeZones(wall("2026-11-24T20:00")),
        zones=(("Asia/Seoul", 1.0), ("America/New_York", 1.0)),
    )
    assert judged(local).campaigns[0].late_hours == ()
    late = replace(local, timing=LocalTimeZones(wall("2026-11-24T21:00")))
    assert judged(late).campaigns[0].late_hours[0].numbers["messages"] == 1_000
    nine_in_seoul = replace(
        local,
        kind="at_once",
        timing=AllAtOnce(wall("2026-11-24T09:00")),
        zones=(("Asia/Seoul", 3.0), ("Europe/Madrid", 1.0)),  # one o'clock there
    )
    assert judged(nine_in_seoul).campaigns[0].late_hours[0].numbers["messages"] == 250


def test_what_members_trigger_at_night_is_counted_and_its_days_are_not_noted(
    judged: Callable[..., Judgement],
) -> None:
    triggered = Campaign(
        name="triggered",
        kind="triggered",
        audience=Range.exactly(28_800),
        timing=Arrivals(wall("2026-11-24T08:00"), wall("2026-11-26T08:00")),
    )
    (night,) = judged(triggered).campaigns[0].late_hours
    assert night.code is ReasonCode.NIGHT
    assert night.numbers["messages"] == 28_800 * 11 / 24
    timed = Campaign(
        name="timed",
        kind="intelligent_timing",
        audience=Range.exactly(2_400),
        timing=IntelligentTiming(date(2026, 11, 24), (1.0,) * 24, 0.0, time(9)),
    )
    assert judged(timed).campaigns[0].late_hours[0].numbers["messages"] == 1_100


@pytest.mark.parametrize("seed", range(60))
def test_as_many_are_counted_at_night_as_a_line_of_messages_played_one_by_one_has(seed: int) -> None:
    rng = Random(seed)
    zones = rng.sample(
        ["Asia/Seoul", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"],
        rng.randint(1, 3),
    )
    night = QuietHours(time(rng.randint(0, 23), rng.choice([0, 30])), time(rng.randint(0, 23)))
    base = 29_923_200 - rng.choice([0, 40_000, 180_000])
    minutes = sorted(base + rng.randint(0, 3_000) for _ in range(rng.randint(1, 6)))
    due = [(minute, rng.randint(1, 40), rng.choice(zones)) for minute in minutes]
    cap = rng.choice([1, 3, 50])
    line, attempts, played = deque[str](), [], 0
    coming = deque(due)
    minute = first = due[0][0]
    while coming or line:
        while coming and coming[0][0] <= minute:
            _, count, zone = coming.popleft()
            line.extend([zone] * count)
        started = [line.popleft() for _ in range(min(cap, len(line)))]
        attempts.append(len(started))
        for zone in started:
            clock = datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(zone)).time()
            inside = (
                night.begin <= clock < night.end
                if night.begin <= night.end
                else clock >= night.begin or clock < night.end
            )
            played += inside
        minute += 1
    plan = Plan(
        campaigns=(EVENING,), workspace=Workspace(time_zone="Asia/Seoul"), judging=Judging(night=night)
    )
    arrivals = ArrivalCurve(
        np.array([one[0] for one in due]), np.array([one[1] for one in due]), tuple(one[2] for one in due)
    )
    found = late_hours(
        plan, replace(EVENING, timing=_arriving()), arrivals, Pacing(first, np.array(attempts))
    )
    assert [one.numbers["messages"] for one in found] == ([played] if played else [])


def _arriving() -> Arrivals:
    return Arrivals(wall("2026-11-24T00:00"), wall("2026-12-01T00:00"))
