"""A question in one line, as people say it."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.pages.forms.spoken import understand

NOW = datetime(2026, 11, 20, 10, 30)  # noqa: DTZ001 - wall time; a Friday


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("120만, 월요일 9시", ("1,200,000", "2026-11-23T09:00", None)),
        ("월요일 오전 9시 30분에 120만 명", ("1,200,000", "2026-11-23T09:30", None)),
        ("1.2m on monday at 9", ("1,200,000", "2026-11-23T09:00", None)),
        ("1,200,000 members tomorrow 14:05", ("1,200,000", "2026-11-21T14:05", None)),
        ("80만명 내일 오후 2시 반 5시까지", ("800,000", "2026-11-21T14:30", "2026-11-21T17:00")),
        ("월요일 9시, 10시까지", (None, "2026-11-23T09:00", "2026-11-23T10:00")),
        ("tue 9am until noon", (None, "2026-11-24T09:00", "2026-11-24T12:00")),
        ("20만 오늘 11시", ("200,000", "2026-11-20T11:00", None)),
        ("20만 9시", ("200,000", "2026-11-21T09:00", None)),
        ("금요일 9시 3만", ("30,000", "2026-11-27T09:00", None)),
        ("다음 주 금요일 15만", ("150,000", "2026-11-27T09:00", None)),
        ("12월 7일 9시 300만", ("3,000,000", "2026-12-07T09:00", None)),
        ("1/5 9시 300만", ("3,000,000", "2027-01-05T09:00", None)),
        ("2026-12-07 19:00 5000", ("5,000", "2026-12-07T19:00", None)),
        ("50만", ("500,000", None, None)),
        ("", (None, None, None)),
        ("언제 보내면 되나요", (None, None, None)),
        ("월요일 22시 10만, 2시까지", ("100,000", "2026-11-23T22:00", "2026-11-24T02:00")),
    ],
)
def test_a_line_is_understood_as_it_is_meant(line: str, fields: tuple[str | None, ...]) -> None:
    told = understand(line, NOW).fields()
    assert (told.get("audience"), told.get("at"), told.get("finish_by")) == fields


@given(
    line=st.text(max_size=60)
    | st.text(alphabet="0123456789만천월화요일시분반오전후까지 ,:./-amp", max_size=40)
)
def test_whatever_the_line_says_it_is_read(line: str) -> None:
    told = understand(line, NOW)
    assert told.at is None or told.at > NOW
