"""Which answers a mail can use."""

import gzip
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from loadtest.generator.response_check import CallResult, check, korean_day

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
        (200, body(), CallResult()),
        (200, body(posting={"deadline": None, "days_left": None}), CallResult()),
        (201, body(), CallResult()),
        (200, body(degraded="postgres"), CallResult(None, "postgres")),
        (200, body(posting={"deadline": "2026-11-21", "days_left": None}), CallResult("vetoed_posting")),
        (200, body(posting={"deadline": "2026-11-21T23:59:59+09:00"}), CallResult("vetoed_posting")),
        (200, body(posting={"days_left": -1}), CallResult("vetoed_posting")),
        (200, body(degraded="postgres", posting={"days_left": -1}), CallResult("vetoed_posting", "postgres")),
        (200, body(postings=[]), CallResult("no_postings")),
        (200, body(text="x" * 1_000_001), CallResult("too_big")),
        (200, b"", CallResult("empty")),
        (200, b"{", CallResult("malformed")),
        (200, b"[]", CallResult("malformed")),
        (200, b'{"new": ' + b"[" * 100_000, CallResult("malformed")),
        (200, b'{"postings": null}', CallResult("malformed")),
        (302, b"", CallResult("redirect")),
        (503, body(), CallResult("status_503")),
        (0, b"", CallResult("status_0")),
        (101, b"", CallResult("status_101")),
    ],
)
def test_an_answer_is_judged_by_what_a_mail_could_do_with_it(
    status: int, content: bytes, expected: CallResult
) -> None:
    assert check(status, content, gzipped=False, today=TODAY) == expected
    if content:
        assert check(status, gzip.compress(content), gzipped=True, today=TODAY) == expected


def test_a_body_that_only_claims_to_be_gzipped_is_malformed() -> None:
    assert check(200, body(), gzipped=True, today=TODAY) == CallResult("malformed")


def test_the_korean_day_begins_thirty_seconds_late() -> None:
    assert korean_day(datetime(2026, 11, 21, 15, 0, 29, tzinfo=UTC)) == date(2026, 11, 21)
    assert korean_day(datetime(2026, 11, 21, 15, 0, 30, tzinfo=UTC)) == date(2026, 11, 22)
