"""From counts to calls per recipient, burst and the error of a forecast: worked by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.capacity.calibration import (
    Calibration,
    Counted,
    ForecastErrors,
    MeasuredSend,
    calibrate,
    forecast_errors,
    measure,
    measured_burst,
    with_sent,
)
from app.capacity.campaign import AllAtOnce, Campaign, Range

BEGIN = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


def seconds(*calls: int, at: datetime = BEGIN) -> list[tuple[datetime, int, int]]:
    """Each second's calls, none degraded; a second without calls has no row."""
    return [(at + timedelta(seconds=second), count, 0) for second, count in enumerate(calls) if count]


def minute(peak: int, rest: int) -> list[int]:
    return [peak] + [rest] * 59


def counted(calls: list[int], members: float, error: float = 0.0) -> Counted:
    return Counted(
        key="weekly",
        send="s",
        seconds=seconds(*calls),
        members=Range(members * (1 - error), members, members * (1 + error)),
    )


def send(
    *, calls: int = 2_000, members: int = 1_000, burst: float = 2.0, name: str = "s", days: int = 0
) -> MeasuredSend:
    at = BEGIN + timedelta(days=days)
    return MeasuredSend(
        key="weekly",
        send=name,
        first_at=at,
        last_at=at,
        calls=calls,
        degraded=0,
        peak_rps=1,
        peak_at=at,
        members=Range.exactly(members),
        calls_per_recipient=Range.exactly(calls / members),
        burst=Range(burst / 2, burst, burst * 2),
    )


def test_a_send_is_measured_whole() -> None:
    """Two calls for each of 1,000 members in ten seconds, 150 of the calls degraded."""
    calls = [300, 200, 200, 200, 200, 200, 200, 200, 200, 100]
    rows = [(at, count, 15) for at, count, _ in seconds(*calls)]
    measured = measure(Counted(key="weekly", send="s", seconds=rows, members=Range(980, 1_000, 1_020)))
    assert (
        measured
        == MeasuredSend(
            key="weekly",
            send="s",
            first_at=BEGIN,
            last_at=BEGIN + timedelta(seconds=9),
            calls=2_000,
            degraded=150,
            peak_rps=300,
            peak_at=BEGIN,
            members=Range(980, 1_000, 1_020),
            calls_per_recipient=Range(2_000 / 1_020, 2.0, 2_000 / 980),
            burst=None,  # it ended within its first minute: nothing tells how much more that minute would have held
        )
    )


def test_nothing_counted_is_no_send() -> None:
    assert measure(counted([], 0)) is None


def test_a_handful_of_test_calls_says_nothing_of_a_recipient() -> None:
    measured = measure(counted([50, 50], 99))
    assert measured is not None
    assert (measured.calls_per_recipient, measured.burst) == (None, None)


def test_brazes_own_count_is_exact_and_takes_the_sketchs_place() -> None:
    measured = measure(counted([1_000, 1_000], 1_000, 0.02))
    assert measured is not None
    entered = with_sent(measured, 1_250, by="kim", at=BEGIN)
    assert entered.calls_per_recipient == Range.exactly(1.6)
    assert (entered.sent, entered.sent_by, entered.sent_at) == (1_250, "kim", BEGIN)
    assert entered.members == measured.members


def test_burst_is_the_peak_second_over_the_mean_second_of_each_full_minute() -> None:
    """Minutes of mean 100 with peaks of 200, 300 and 400."""
    rows = seconds(*[count for peak in (200, 400, 300) for count in minute(peak, (6_000 - peak) // 59)])
    found = measured_burst(rows)
    assert found is not None
    assert (found.low, found.likely, found.high) == pytest.approx((2.0, 3.0, 4.0), rel=0.01)


def test_the_minute_in_which_a_send_ends_shows_no_burst() -> None:
    """Its one second of 200 calls would be 60 times its mean."""
    full = minute(200, 100)
    assert measured_burst(seconds(*full, *full, 200)) == measured_burst(seconds(*full, *full))


def test_a_minute_of_few_calls_is_chance_and_no_burst() -> None:
    assert measured_burst(seconds(*minute(19, 19))) is None
    assert measured_burst(seconds(*minute(20, 20), *minute(20, 20))) == Range.exactly(1.0)


def test_a_part_of_a_minute_is_compared_with_a_full_one() -> None:
    """Two full minutes of mean 100, and 36 seconds more at the same peak: a burst of 2 in each."""
    full = minute(200, 98)
    found = measured_burst(seconds(*full, *full, *full[:36]))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((2.0, 2.0), rel=0.02)


def test_a_send_smaller_than_a_minutes_limit_shows_no_burst() -> None:
    assert measured_burst(seconds(4_000, 4_000, 2_000)) is None


CAMPAIGN = Campaign(
    name="weekly",
    kind="at_once",
    audience=Range(900, 1_000, 1_100),
    timing=AllAtOnce(datetime.fromisoformat("2026-11-23T09:00")),
    calls_per_recipient=Range(1, 2, 3),
    burst=Range(1, 2.5, 4),
)


def test_the_error_of_a_forecast_is_measured_over_likely_less_one() -> None:
    errors = forecast_errors(send(calls=2_400, members=1_100, burst=2.0), CAMPAIGN)
    assert errors.calls == pytest.approx(2_400 / 2_000 - 1)
    assert errors.recipients == pytest.approx(0.1)
    assert errors.calls_per_recipient == pytest.approx(2_400 / 1_100 / 2 - 1)
    assert errors.burst == pytest.approx(-0.2)


def test_recipients_are_those_braze_counted_where_somebody_entered_them() -> None:
    entered = with_sent(send(), 1_200, by="kim", at=BEGIN)
    assert forecast_errors(entered, CAMPAIGN).recipients == pytest.approx(0.2)


def test_nobody_expected_is_no_error_to_divide_by() -> None:
    nobody = Campaign(
        name="n", kind="at_once", audience=Range.exactly(0), timing=CAMPAIGN.timing, burst=Range.exactly(1)
    )
    assert forecast_errors(send(), nobody).recipients is None


def test_the_last_send_is_the_likely_value_between_the_extremes_of_the_last_three() -> None:
    newest_first = [
        send(name="d", calls=2_000, burst=2.0, days=3),
        send(name="c", calls=1_800, burst=3.0, days=2),
        send(name="b", calls=2_500, burst=1.0, days=1),
        send(name="a", calls=9_000, burst=9.0, days=0),
    ]
    found = calibrate([(one, CAMPAIGN) for one in newest_first])
    assert found == Calibration(
        calls_per_recipient=Range(1.8, 2.0, 2.5),
        burst=Range(1.0, 2.0, 6.0),
        send="d",
        measured_at=BEGIN + timedelta(days=3),
        errors=forecast_errors(newest_first[0], CAMPAIGN),
    )


def test_what_was_measured_stays_within_what_a_plan_may_say() -> None:
    found = calibrate([(send(calls=500, members=1_000, burst=100), None)])
    assert found is not None
    assert (found.calls_per_recipient, found.burst) == (Range.exactly(1.0), Range(50.0, 60.0, 60.0))
    assert found.errors is None


def test_sends_that_say_nothing_are_passed_over() -> None:
    small = measure(counted([10], 10))
    assert small is not None
    assert calibrate([(small, None)]) is None
    found = calibrate([(small, None), (send(name="large"), None)])
    assert found is not None
    assert found.send == "large"


def test_no_error_is_made_up_for_what_was_not_measured() -> None:
    small = measure(counted([100], 150))
    assert small is not None
    assert forecast_errors(small, CAMPAIGN) == ForecastErrors(
        calls=100 / 2_000 - 1, recipients=-0.85, calls_per_recipient=100 / 150 / 2 - 1, burst=None
    )
