"""What becomes of an event whose template says nothing that can be read."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.feedback import mail_events
from app.feedback.exposure import ExposureError
from app.feedback.mail_events import MailEvent
from app.intake.sorting import Sorted
from app.postgres.feedback.users import Tombstones

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
CUT = '{"exposure": "1|AAAAAAAAAAAAAAAA|weekly-digest|personal'  # at 1,000 bytes, as Braze cuts


def event(kind: str) -> MailEvent:
    return MailEvent(
        kind=kind,
        event_id=UUID(int=1),
        braze_user="b-1",
        member_id="m-1",
        at=int(NOW.timestamp()),
        campaign_id="C1",
        extras=CUT,
        why="abort_message: too few postings",
    )


def test_an_abort_whose_extras_were_cut_is_an_abort_all_the_same() -> None:
    found = Sorted(NOW, Tombstones(set(), set()))
    found.add(event(mail_events.ABORT))
    (row,) = found.events
    assert (row.kind, row.member_id, row.campaign_id, row.campaign, row.rid) == (
        mail_events.ABORT,
        "m-1",
        "C1",
        None,
        None,
    )


def test_a_send_whose_extras_were_cut_is_refused() -> None:
    found = Sorted(NOW, Tombstones(set(), set()))
    with pytest.raises(ExposureError):
        found.add(event(mail_events.SEND))
    assert found.exposures == []
