"""Wall time, clock changes and quiet hours."""

from datetime import UTC, datetime, time

import pytest

from app.capacity.campaign import QuietHours
from app.capacity.local_time import MINUTE_S, QuietClock, held_until, unix_minute, wall_time

NIGHT = QuietHours(time(21), time(8))


def utc(text: str) -> int:
    """Minutes since 1970 of an ISO time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // MINUTE_S


@pytest.mark.parametrize(
    ("wall", "zone", "expected"),
    [
        ("2026-11-23T09:00", "Asia/Seoul", "2026-11-23T00:00"),
        ("2026-07-01T09:00", "America/New_York", "2026-07-01T13:00"),
        ("2026-12-01T09:00", "America/New_York", "2026-12-01T14:00"),
        ("2026-11-23T09:00", "Pacific/Apia", "2026-11-22T20:00"),
        ("2026-11-23T09:00", "Asia/Kathmandu", "2026-11-23T03:15"),
        # 02:30 does not exist that night: read with the offset before the change.
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T07:30"),
        # 01:30 comes twice that night: the first.
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30"),
    ],
)
def test_wall_time_follows_the_zone_and_its_clock_changes(wall: str, zone: str, expected: str) -> None:
    assert unix_minute(datetime.fromisoformat(wall), zone) == utc(expected)


def test_a_skipped_wall_time_reads_as_an_hour_later() -> None:
    minute = unix_minute(datetime.fromisoformat("2026-03-08T02:30"), "America/New_York")
    assert wall_time(minute, "America/New_York").isoformat() == "2026-03-08T03:30:00-04:00"


@pytest.mark.parametrize(
    ("now", "released"),
    [
        ("2026-11-23T20:59", None),
        ("2026-11-23T21:00", "2026-11-24T08:00"),
        ("2026-11-24T03:00", "2026-11-24T08:00"),
        ("2026-11-24T07:59", "2026-11-24T08:00"),
        ("2026-11-24T08:00", None),
    ],
)
def test_quiet_hours_past_midnight_hold_until_their_end(now: str, released: str | None) -> None:
    seoul = "Asia/Seoul"
    expected = None if released is None else unix_minute(datetime.fromisoformat(released), seoul)
    assert held_until(NIGHT, seoul, unix_minute(datetime.fromisoformat(now), seoul)) == expected


def test_quiet_hours_of_one_day_hold_until_their_end_that_day() -> None:
    noon = QuietHours(time(12), time(13, 30))
    assert held_until(noon, "UTC", utc("2026-11-23T12:45")) == utc("2026-11-23T13:30")
    assert held_until(noon, "UTC", utc("2026-11-23T13:30")) is None


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Seoul"])
@pytest.mark.parametrize("end", [time(1, 15), time(1, 30), time(2, 15), time(2, 45)])
def test_a_release_always_lies_ahead_even_while_clocks_change(zone: str, end: time) -> None:
    quiet = QuietHours(time(22), end)
    clock = QuietClock(quiet, zone)
    for night in ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"):
        start = utc(f"{night}T00:00") - 14 * 60
        for minute in range(start, start + 28 * 60):
            released = held_until(quiet, zone, minute)
            assert released is None or minute < released <= minute + 20 * 60
            assert clock.held_until(minute) == released
