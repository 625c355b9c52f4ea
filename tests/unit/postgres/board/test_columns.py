"""What a view may give for a value, and what hides its row."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from app.board.model import Status
from app.postgres.board.columns import standing_from

CHANGED = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "status"),
    [
        (None, Status.OPEN),
        (time(18), Status.OPEN),
        ("18:00", Status.HIDDEN),
        (timedelta(hours=18), Status.HIDDEN),
        (18, Status.HIDDEN),
    ],
)
def test_a_posting_whose_time_of_day_is_none_is_hidden_and_hides_no_other(at: object, status: Status) -> None:
    found = standing_from(("p-1", "open", date(2026, 12, 1), at, CHANGED))
    assert (found.id, found.status) == ("p-1", status)
