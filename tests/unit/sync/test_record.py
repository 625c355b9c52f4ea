"""How a sync on record stands: how far its run is, what part was refused, and since when it is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.sync.record import SyncOnRecord, SyncPause, SyncRunRecord

if TYPE_CHECKING:
    from app.sync.definition import Kind

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def run(*, kind: Kind = "attributes", total: int | None = None, **figures: Any) -> SyncRunRecord:
    return SyncRunRecord(
        id=1, sync="s", destination="braze:host:main", kind=kind, state="running", started_at=NOW, ended_at=None,
        figures=figures, sentence="", paused_until=None, total=total, ends_at=None,
    )  # fmt: skip


def sync(*, done_at: datetime | None, within_hours: int = 26, pause: SyncPause | None = None) -> SyncOnRecord:
    return SyncOnRecord(
        last=run(), first_at=NOW - 100 * HOUR, done_at=done_at, within_hours=within_hours, rejects=0, waiting=0,
        oldest_event_at=None, pause=pause,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("total", "share"), [(None, None), (0, 1.0), (100, 0.3), (20, 1.0)], ids=["comparing", "nothing", "some", "more"]
)  # fmt: skip
def test_a_run_is_as_far_as_its_answers_are(total: int | None, share: float | None) -> None:
    assert run(total=total, taken=25, refused_by_destination=5).share == share


def test_the_refused_part_is_of_all_rows_or_of_new_events_alone() -> None:
    assert run(members=1_000, refused=5, still_refused=3, refused_by_destination=2).refused_share == 0.01
    assert run(kind="events", members=1_000, changed=90, refused=10).refused_share == 0.1
    assert run().refused_share is None
    assert (
        run(taken=60, refused_by_destination=20, by_name={"a": 1}).refused_share == 0.25
    )  # one that was killed


def test_a_sync_is_late_from_its_time_on_unless_it_has_none_or_a_person_paused_it() -> None:
    assert sync(done_at=NOW - 30 * HOUR).overdue(NOW) == 4 * HOUR
    assert sync(done_at=NOW - 25 * HOUR).overdue(NOW) == timedelta(0)
    assert sync(done_at=None).overdue(NOW) == 74 * HOUR  # since the first run on record began
    assert sync(done_at=None, within_hours=0).overdue(NOW) == timedelta(0)
    assert sync(done_at=None, pause=SyncPause(at=NOW, by="kim")).overdue(NOW) == timedelta(0)
