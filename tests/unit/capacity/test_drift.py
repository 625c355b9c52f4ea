"""What to do when a send drifts from its forecast."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.capacity.campaign import AllAtOnce, Campaign, Range
from app.capacity.drift import Advice, Minute, Progress, advise, progress_of

NINE = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001 - wall time, as in a plan

LIMITS = (10_000, 25_000, 50_000, 100_000)


def _send(kind: str = "rate_limited", limit: int | None = 50_000) -> Campaign:
    return Campaign(
        name="a",
        kind=kind,  # type: ignore[arg-type] # the test's own kinds
        audience=Range.exactly(1),
        timing=AllAtOnce(NINE),
        limit_per_min=limit,
    )


def _advice(
    received: float, *, kind: str = "rate_limited", limit: int | None = 50_000, usable: float | None = 6_000
) -> Advice | None:
    minutes = [Minute(received, 1_000.0, 4_000.0)] * 3
    return advise(
        minutes, _send(kind, limit), usable_rps=usable, ceiling_rps=usable, offered_limits_per_min=LIMITS
    )


def test_a_send_within_its_band_is_as_forecast() -> None:
    for received in (500.0, 1_000.0, 4_000.0, 4_400.0):
        advice = _advice(received)
        assert advice is not None
        assert advice.state == "as_forecast"


def test_a_send_over_the_usable_rate_is_above_whatever_was_forecast() -> None:
    advice = advise(
        [Minute(6_500.0, 1_000.0, 9_000.0)],
        _send(),
        usable_rps=6_000,
        ceiling_rps=8_000,
        offered_limits_per_min=LIMITS,
    )
    assert advice is not None
    assert (advice.state, advice.over_usable, advice.popular_share) == ("above", True, 0.0)


def test_the_new_limit_would_have_kept_the_calls_under_the_usable_rate() -> None:
    advice = _advice(9_000.0, kind="canvas_step")
    assert advice is not None
    assert (advice.is_canvas, advice.new_limit_per_min) == (True, 25_000)  # 50,000 x 6,000 / 9,000 = 33,333
    assert advice.popular_share == pytest.approx(1 / 3)
    unlimited = _advice(9_000.0, kind="at_once", limit=None)
    assert unlimited is not None
    assert unlimited.new_limit_per_min == 25_000  # 6,000 x 60 / (3 x 4) = 30,000


def test_where_no_offered_limit_is_low_enough_none_is_named() -> None:
    advice = _advice(60_000.0)
    assert advice is not None
    assert advice.new_limit_per_min is None
    without = _advice(60_000.0, usable=None)
    assert without is not None
    assert (without.new_limit_per_min, without.over_usable, without.state) == (None, False, "above")


def test_before_the_first_full_minute_nothing_is_said() -> None:
    assert advise([], _send(), usable_rps=1, ceiling_rps=1, offered_limits_per_min=LIMITS) is None


def test_only_the_last_minutes_count() -> None:
    minutes = [Minute(50_000.0, 1_000.0, 4_000.0), *[Minute(2_000.0, 1_000.0, 4_000.0)] * 3]
    advice = advise(minutes, _send(), usable_rps=6_000, ceiling_rps=6_000, offered_limits_per_min=LIMITS)
    assert advice is not None
    assert advice.state == "as_forecast"


def _progress(members: float, calls: int, *, recent: int, now_s: int = 610) -> Progress | None:
    """A send of 1,000 recipients from nine on, so many of its calls in the last five full minutes."""
    at = NINE.replace(tzinfo=UTC)
    campaign = replace(_send(), audience=Range.exactly(1_000), calls_per_recipient=Range(1, 2, 3))
    seconds = [(at, calls - recent, 0), (at + timedelta(minutes=8), recent, 0)]
    return progress_of(seconds, members, campaign, at + timedelta(seconds=now_s))


def test_a_send_ends_when_the_calls_that_are_left_have_come_at_the_pace_of_late() -> None:
    at = NINE.replace(tzinfo=UTC)
    assert _progress(250, 500, recent=250) == Progress(0.25, at + timedelta(minutes=10 + 30))
    assert _progress(0, 500, recent=250) == Progress(
        0.25, at + timedelta(minutes=40)
    )  # calls stand for members
    assert _progress(250, 500, recent=0) == Progress(0.25, None)
    assert _progress(1_200, 2_400, recent=100) == Progress(1.0, None)
    assert _progress(0, 0, recent=0) is None
