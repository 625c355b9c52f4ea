"""Numbers, shares and times are written in one way, whoever writes them."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.formats import count, days_ago, duration, moment, number, off_by, percent, time_in_sentence

AT = datetime.fromisoformat("2026-11-23T09:04")


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (7, "7"), (7.25, "7.2"), (833.3, "833"), (1_234_567, "1,234,567"), (10.0, "10")],
)
def test_counts_have_separators(value: float, written: str) -> None:
    assert count(value) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.5, "50%"),
        (0.97, "97%"),
        (0.00001, "<0.1%"),
        (0.99999, ">99.9%"),
        (0.034, "3.4%"),
    ],
)
def test_a_share_that_is_nearly_all_is_not_called_all(share: float, written: str) -> None:
    assert percent(share) == written


@pytest.mark.parametrize(
    ("day", "korean", "english"),
    [
        (date(2026, 11, 23), "09:04", "09:04"),
        (date(2026, 11, 22), "11월 23일 09:04", "09:04 on 23 Nov"),
        (date(2025, 12, 31), "2026년 11월 23일 09:04", "09:04 on 23 Nov 2026"),
        (None, "11월 23일 09:04", "09:04 on 23 Nov"),
    ],
)
def test_a_time_has_its_date_on_another_day(day: date | None, korean: str, english: str) -> None:
    assert (time_in_sentence(AT, day, "ko"), time_in_sentence(AT, day, "en")) == (korean, english)


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (None, 0, "–"),
        (1_234_567.89, 0, "1,234,568"),
        (1_234.5, 10, "1,234.5"),
        (2.0, 1, "2"),
        (-0.001, 1, "0"),
        (120, 0, "120"),
        (1e18, 0, "1e+18"),
    ],
)
def test_a_number_has_no_more_decimals_than_it_needs(value: float | None, digits: int, written: str) -> None:
    assert number(value, digits) == written


@given(st.floats(0, 1), st.integers(0, 3) | st.none())
def test_only_nothing_is_called_nothing_and_only_all_is_called_all(share: float, digits: int | None) -> None:
    written = percent(share, digits)
    assert (written == "0%", written == "100%") == (share == 0, share == 1)


def test_labels_are_in_the_readers_language() -> None:
    assert (moment(AT, "ko"), moment(AT, "en")) == ("11월 23일 (월) 09:04", "Mon 23 Nov 09:04")
    assert (off_by(0.031), off_by(-0.2), off_by(None)) == ("+3.1%", "-20%", "–")


@pytest.mark.parametrize(
    ("minutes", "korean", "english"),
    [
        (0, "0분", "0 minutes"),
        (1, "1분", "1 minute"),
        (59, "59분", "59 minutes"),
        (60, "1시간", "1 hour"),
        (110, "1시간 50분", "1 hour 50 minutes"),
        (1_200, "20시간", "20 hours"),
        (1_440, "1일", "1 day"),
        (3_061, "2일 3시간 1분", "2 days 3 hours 1 minute"),
    ],
)
def test_minutes_are_said_as_people_say_them(minutes: int, korean: str, english: str) -> None:
    assert (duration(minutes, "ko"), duration(minutes, "en")) == (korean, english)


@pytest.mark.parametrize(
    ("age_days", "korean", "english"),
    [
        (0.0, "오늘", "today"),
        (0.9, "오늘", "today"),
        (1.2, "어제", "yesterday"),
        (8.0, "8일 전", "8 days ago"),
    ],
)
def test_an_age_is_said_in_days(age_days: float, korean: str, english: str) -> None:
    assert (days_ago(age_days, "ko"), days_ago(age_days, "en")) == (korean, english)
