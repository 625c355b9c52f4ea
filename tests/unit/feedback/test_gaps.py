"""What is missing of what Braze tells is named, and what is not due yet is not missed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.feedback.gaps import AFTER, DURING, Gap, SendSeen, find_gaps, with_sent

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEND = SendSeen(
    "weekly",
    "d1",
    NINE + HOUR / 6,
    NINE + 2.5 * HOUR,
    {NINE: 5000, NINE + HOUR: 9000, NINE + 2 * HOUR: 40},
    None,
    0,
)
ALL = {event_type: {NINE, NINE + HOUR, NINE + 2 * HOUR} for event_type in (*DURING, *AFTER)}
LATER = NINE + 30 * HOUR


def test_what_braze_says_counts_in_place_of_what_was_entered() -> None:
    day, night = NINE.date(), NINE.replace(hour=23)
    one = replace(SEND, sent=40, campaign_ids=("a", "b"))
    over_midnight = replace(SEND, campaign="other", first_at=night, last_at=night + HOUR, campaign_ids=("c",))
    told = {"a": {day: 5_000}, "b": {day: 30}, "c": {day: 7, day + 24 * HOUR: 2}}
    assert [send.sent for send in with_sent([one, over_midnight], told, UTC)] == [5_030, 9]
    assert with_sent([one], {}, UTC) == [one]
    twice = replace(one, send="d2")
    assert [send.sent for send in with_sent([one, twice], told, UTC)] == [40, 40]


def test_nothing_is_missing_where_there_are_files_of_each_hour() -> None:
    assert find_gaps([SEND], ALL, ALL, LATER) == []
    assert find_gaps([], {}, {}, LATER) == []


def test_an_hour_without_a_file_is_named_and_one_with_few_mails_is_not() -> None:
    lost = ALL | {DURING[0]: {NINE - HOUR}}
    assert find_gaps([SEND], lost, ALL, LATER) == [
        Gap("hours", DURING[0], "weekly", "d1", (NINE, NINE + HOUR))
    ]


def test_events_may_be_queued_in_the_next_hour_and_files_may_come_late() -> None:
    queued_later = ALL | {DURING[0]: {NINE + HOUR, NINE + 2 * HOUR}}
    assert find_gaps([SEND], queued_later, ALL, LATER) == []
    none = ALL | {DURING[0]: set()}
    assert find_gaps([SEND], none, ALL, NINE + 2.5 * HOUR) == []
    assert find_gaps([SEND], none, ALL, NINE + 3 * HOUR)[0].hours == (NINE,)


def test_a_type_that_never_came_is_named_once() -> None:
    known = {DURING[0]: ALL[DURING[0]]}
    assert find_gaps([SEND, SEND], known, known, LATER) == [
        Gap("never", event_type) for event_type in (DURING[1], *AFTER)
    ]


def test_clicks_are_due_within_a_day() -> None:
    none = ALL | {AFTER[1]: {NINE - 3 * HOUR, NINE + 60 * HOUR}}
    assert find_gaps([SEND], none, ALL, SEND.last_at + 5 * HOUR) == []
    assert find_gaps([SEND], none, ALL, LATER) == [Gap("none", AFTER[1], "weekly", "d1")]


def test_other_than_as_many_sends_as_braze_says_is_named_beyond_a_hundredth() -> None:
    def of(read: int, sent: int | None = 10_000) -> list[Gap]:
        return find_gaps([replace(SEND, sent=sent, read=read)], ALL, ALL, LATER)

    assert of(9_901) == of(10_100) == of(0, None) == of(0, 0) == []
    assert of(9_800) == [Gap("fewer", "", "weekly", "d1", (), 10_000, 9_800)]
    assert of(10_200) == [Gap("more", "", "weekly", "d1", (), 10_000, 10_200)]
    assert of(5, 0) == [Gap("more", "", "weekly", "d1", (), 0, 5)]
