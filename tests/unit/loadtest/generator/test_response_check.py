"""Which answers a mail can use."""

import gzip
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from loadtest.generator.response_check import Answer, judge, korean_day

TODAY = date(2026, 11, 22)


def body(**changes: Any) -> bytes:
    """An answer of the service with one posting."""
    posting = {"id": "p", "title": "백엔드", "deadline": "2026-11-22", "days_left": 0} | changes.pop(
        "posting", {}
    )
    return json.dumps({"source": "personalized", "degraded": None, "postings": [posting], **changes}).encode()


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (200, body(), Answer()),
        (200, body(posting={"deadline": None, "days_left": None}), Answer()),
        (201, body(), Answer()),
        (200, body(degraded="postgres"), Answer(None, "postgres")),
        (200, body(posting={"deadline": "2026-11-21", "days_left": None}), Answer("vetoed_posting")),
        (200, body(posting={"deadline": "2026-11-21T23:59:59+09:00"}), Answer("vetoed_posting")),
        (200, body(posting={"days_left": -1}), Answer("vetoed_posting")),
        (200, body(degraded="postgres", posting={"days_left": -1}), Answer("vetoed_posting", "postgres")),
        (200, body(postings=[]), Answer("no_postings")),
        (200, body(text="x" * 1_000_001), Answer("too_big")),
        (200, b"", Answer("empty")),
        (200, b"{", Answer("malformed")),
        (200, b"[]", Answer("malformed")),
        (200, b'{"postings": null}', Answer("malformed")),
        (302, b"", Answer("redirect")),
        (503, body(), Answer("status_503")),
        (0, b"", Answer("status_0")),
        (101, b"", Answer("status_101")),
    ],
)
def test_an_answer_is_judged_by_what_a_mail_could_do_with_it(
    status: int, content: bytes, expected: Answer
) -> None:
    assert judge(status, content, gzipped=False, today=TODAY) == expected
    if content:
        assert judge(status, gzip.compress(content), gzipped=True, today=TODAY) == expected


def test_a_body_that_only_claims_to_be_gzipped_is_malformed() -> None:
    assert judge(200, body(), gzipped=True, today=TODAY) == Answer("malformed")


def test_the_korean_day_begins_thirty_seconds_late() -> None:
    assert korean_day(datetime(2026, 11, 21, 15, 0, 29, tzinfo=UTC)) == date(2026, 11, 21)
    assert korean_day(datetime(2026, 11, 21, 15, 0, 30, tzinfo=UTC)) == date(2026, 11, 22)
