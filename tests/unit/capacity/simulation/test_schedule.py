"""When messages fall due: zones, best hours, arrivals, late launches."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from app.capacity.apportion import apportion
from app.capacity.campaign import (
    AllAtOnce,
    Arrivals,
    Campaign,
    IntelligentTiming,
    LocalTimeZones,
    QuietHours,
    Timing,
    Workspace,
)
from app.capacity.local_time import unix_minute
from app.capacity.simulation.result import Quantity
from app.capacity.simulation.schedule import DueMinute, Schedule, schedule_of
from app.capacity.simulation.send import play
from app.capacity.simulation.service import Perfect

Build = Callable[..., Campaign]
AT = datetime(2026, 11, 23, 9)  # noqa: DTZ001  (wall time)
SEOUL, LONDON, NEW_YORK = "Asia/Seoul", "Europe/London", "America/New_York"
ZONES = ((SEOUL, 80.0), (LONDON, 15.0), ("unknown", 5.0))


def due(one: Campaign, workspace: Workspace) -> Schedule:
    """Place a campaign's messages with a fixed seed."""
    return schedule_of(one, workspace, "likely", np.random.default_rng(1))


def test_everybody_is_due_at_one_moment_in_the_company_s_zone(campaign: Build, seoul: Workspace) -> None:
    at_nine = unix_minute(AT, SEOUL)
    one = campaign(1_000, timing=AllAtOnce(AT), zones=ZONES)
    assert due(one, seoul) == Schedule(
        {DueMinute(at_nine, SEOUL): 850, DueMinute(at_nine, LONDON): 150},
        skipped=0,
    )


def test_local_time_makes_one_spike_per_zone_and_unknown_zones_follow_the_company(
    campaign: Build, seoul: Workspace
) -> None:
    one = campaign(1_000, timing=LocalTimeZones(AT), zones=ZONES)
    assert due(one, seoul) == Schedule(
        {DueMinute(unix_minute(AT, SEOUL), SEOUL): 850, DueMinute(unix_minute(AT, LONDON), LONDON): 150},
        skipped=0,
    )


def test_local_time_keeps_the_wall_clock_across_a_change_of_clocks(campaign: Build, seoul: Workspace) -> None:
    def wait(day: date) -> int:
        at = datetime.combine(day, time(9))
        one = campaign(100, timing=LocalTimeZones(at), zones=((SEOUL, 1), (NEW_YORK, 1)))
        first, second = (moment.minute for moment in due(one, seoul).messages)
        return second - first

    assert (wait(date(2026, 10, 30)), wait(date(2026, 11, 2))) == (13 * 60, 14 * 60)


@pytest.mark.parametrize(
    ("launched", "expected", "skipped"),
    [
        # Seoul's nine o'clock is 9 h before London's.
        (AT - timedelta(hours=1), {SEOUL: AT, LONDON: AT + timedelta(hours=9)}, 0),
        (AT + timedelta(minutes=59), {SEOUL: AT + timedelta(minutes=59), LONDON: AT + timedelta(hours=9)}, 0),
        (AT + timedelta(minutes=60), {SEOUL: AT + timedelta(minutes=60), LONDON: AT + timedelta(hours=9)}, 0),
        (AT + timedelta(minutes=61), {LONDON: AT + timedelta(hours=9)}, 850),
        (AT + timedelta(days=2), {}, 1_000),
    ],
)
def test_at_launch_an_hour_late_is_sent_at_once_and_later_is_skipped(
    campaign: Build, seoul: Workspace, launched: datetime, expected: dict[str, datetime], skipped: int
) -> None:
    one = campaign(1_000, timing=LocalTimeZones(AT, launched), zones=ZONES)
    counts = {SEOUL: 850, LONDON: 150}
    messages = {DueMinute(unix_minute(at, SEOUL), zone): counts[zone] for zone, at in expected.items()}
    assert due(one, seoul) == Schedule(messages, skipped)


def test_intelligent_timing_spreads_best_hours_and_spikes_at_the_fallback(
    campaign: Build, seoul: Workspace
) -> None:
    hours = tuple(1.0 if hour in {9, 18} else 0.0 for hour in range(24))
    timing = IntelligentTiming(AT.date(), hours, fallback_share=0.4, fallback_at=time(10))
    placed = due(campaign(2_000, timing=timing), seoul).messages

    expected = {DueMinute(unix_minute(datetime.combine(AT.date(), time(10)), SEOUL), SEOUL): 800}
    for hour in (9, 18):
        first = unix_minute(datetime.combine(AT.date(), time(hour)), SEOUL)
        expected |= {DueMinute(first + minute, SEOUL): 10 for minute in range(60)}
    assert {moment: count for moment, count in placed.items() if count} == expected


def test_arrivals_follow_their_hourly_weights_and_stay_inside_their_time(
    campaign: Build, seoul: Workspace
) -> None:
    timing = Arrivals(AT, AT + timedelta(minutes=90), hourly=(1.0, 6.0))
    placed = due(campaign(100_000, timing=timing), seoul).messages
    first = unix_minute(AT, SEOUL)

    assert sum(placed.values()) == 100_000
    assert {moment.minute for moment in placed} <= set(range(first, first + 90))
    # 60 minutes of weight 1 and 30 of weight 6: a quarter comes in the first hour.
    early = sum(count for moment, count in placed.items() if moment.minute < first + 60)
    assert abs(early - 25_000) < 700  # 5 standard deviations


def test_quiet_hours_release_every_held_message_at_their_end_and_then_meet_the_limit(
    campaign: Build, seoul: Workspace
) -> None:
    evening = AT.replace(hour=20, minute=58)
    one = campaign(
        5_000, timing=AllAtOnce(evening), limit_per_min=1_000, quiet_hours=QuietHours(time(21), time(8))
    )
    played = play([one], seoul, Perfect())

    morning = unix_minute(datetime.combine(AT.date() + timedelta(days=1), time(8)), SEOUL)
    started = {
        int(minute): int(count)
        for minute, count in zip(played.minutes, played.count(Quantity.ATTEMPTS)[:, 0], strict=True)
        if count
    }
    before = unix_minute(evening, SEOUL)
    assert started == dict.fromkeys((before, before + 1, morning, morning + 1, morning + 2), 1000)


def test_quiet_hours_are_each_member_s_own(campaign: Build, seoul: Workspace) -> None:
    """At nine in Seoul it is midnight in London."""
    quiet = QuietHours(time(21), time(8))
    played = play([campaign(1_000, zones=ZONES, quiet_hours=quiet)], seoul, Perfect())
    released = unix_minute(AT.replace(hour=8), LONDON)
    started = zip(played.minutes.tolist(), played.count(Quantity.ATTEMPTS)[:, 0].tolist(), strict=True)
    assert [pair for pair in started if pair[1]] == [(unix_minute(AT, SEOUL), 850), (released, 150)]


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [(10, [1, 1, 1], [4, 3, 3]), (0, [1, 2], [0, 0]), (7, [0, 1], [0, 7]), (2, [1, 1, 1, 1], [1, 1, 0, 0])],
)
def test_a_whole_number_is_cut_into_parts_that_add_up(
    total: int, weights: list[float], parts: list[int]
) -> None:
    assert apportion(total, weights).tolist() == parts


def test_every_timing_places_the_whole_audience(campaign: Build, seoul: Workspace) -> None:
    timings: list[Timing] = [
        AllAtOnce(AT),
        LocalTimeZones(AT),
        IntelligentTiming(AT.date(), (1.0,) * 24, 0.1, time(9)),
        Arrivals(AT, AT + timedelta(days=1)),
    ]
    placed = [
        sum(due(campaign(9_999, timing=timing, zones=ZONES), seoul).messages.values()) for timing in timings
    ]
    assert placed == [9_999] * 4


@pytest.mark.parametrize(
    ("at", "ends_at", "hourly", "minutes"),
    [
        ("2026-10-25T00:30", "2026-10-25T03:30", (1.0, 1.0, 1.0), 240),  # clocks go back
        ("2026-03-29T00:30", "2026-03-29T03:30", (1.0, 1.0, 1.0), 120),  # clocks go forward
        ("2026-03-29T00:30", "2026-03-29T02:30", (0.0, 1.0), 60),  # and take away the hour with weight
        ("2026-03-29T01:45", "2026-03-29T02:15", (1.0,), 1),  # and all of the time
    ],
)
def test_arrivals_across_a_change_of_clocks_stay_inside_their_time(
    campaign: Build, at: str, ends_at: str, hourly: tuple[float, ...], minutes: int
) -> None:
    timing = Arrivals(datetime.fromisoformat(at), datetime.fromisoformat(ends_at), hourly)
    placed = due(campaign(100_000, timing=timing), Workspace(time_zone=LONDON)).messages
    first = unix_minute(timing.at, LONDON)
    assert sum(placed.values()) == 100_000
    assert {moment.minute for moment, count in placed.items() if count} == set(range(first, first + minutes))


def test_quiet_hours_do_not_count_towards_the_hours_after_which_messages_are_aborted(
    campaign: Build, seoul: Workspace
) -> None:
    """Half an hour before the night and half an hour after it are the hour."""
    evening = AT.replace(hour=20, minute=30)
    quiet = QuietHours(time(21), time(8))
    one = campaign(1_000, timing=AllAtOnce(evening), limit_per_min=10, quiet_hours=quiet)
    hour = replace(seoul, assumptions=replace(seoul.assumptions, delay_abort_h=1))
    played = play([one], hour, Perfect())
    assert (played.total(Quantity.SENT), played.total(Quantity.EXPIRED)) == (600, 400)


def test_best_hours_in_quiet_hours_go_to_their_nearest_edge_before_or_after(
    campaign: Build, seoul: Workspace
) -> None:
    """240,000 evenly over a day: midnight to three goes before 22:00 of the evening before, three to eight after 08:00."""
    timing = IntelligentTiming(AT.date(), (1.0,) * 24, 0.0, time(10))
    one = campaign(240_000, timing=timing, quiet_hours=QuietHours(time(22), time(8)))
    messages = due(one, seoul).messages

    def at(day: int, hour: int, minute: int) -> int:
        return messages[DueMinute(unix_minute(datetime(2026, 11, day, hour, minute), SEOUL), SEOUL)]  # noqa: DTZ001

    own = 10_000 / 60
    assert at(22, 21, 59) == pytest.approx(30_000, abs=1)
    assert at(23, 8, 0) == pytest.approx(50_000 + own, abs=1)
    assert at(23, 21, 59) == pytest.approx(20_000 + own, abs=1)
    assert sum(messages.values()) == 240_000
    minutes = [minute for minute, _ in messages]
    assert max(minutes) == unix_minute(datetime(2026, 11, 23, 21, 59), SEOUL)  # noqa: DTZ001


def test_an_edge_that_has_passed_at_launch_is_none(campaign: Build, seoul: Workspace) -> None:
    launched_at = AT.replace(day=22, hour=23)
    timing = IntelligentTiming(AT.date(), (1.0, *(0.0,) * 23), 0.0, time(10), launched_at)
    placed = due(campaign(6_000, timing=timing, quiet_hours=QuietHours(time(22), time(8))), seoul)
    assert placed.skipped == 0
    assert {key: count for key, count in placed.messages.items() if count} == {
        DueMinute(unix_minute(AT.replace(hour=8), SEOUL), SEOUL): 6_000
    }


def test_few_members_are_spread_over_their_hour_and_on_the_hour_is_the_stress_case(
    campaign: Build, seoul: Workspace
) -> None:
    timing = IntelligentTiming(AT.date(), tuple(float(hour == 9) for hour in range(24)), 0.0, time(10))
    nine = unix_minute(AT, SEOUL)
    spread = due(campaign(4, timing=timing), seoul).messages
    assert [
        minute - nine for (minute, _), count in sorted(spread.items()) if count and minute < nine + 60
    ] == [14, 29, 44, 59]
    stressed = replace(seoul, assumptions=replace(seoul.assumptions, hour_shape="on_the_hour"))
    assert due(campaign(400, timing=timing), stressed).messages[DueMinute(nine, SEOUL)] == 400
