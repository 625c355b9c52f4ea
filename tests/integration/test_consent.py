"""Consent to mail withdrawn in Braze stops a member's list at once, and given again brings it back."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.demo.braze.currents_files import avro_file, object_key
from app.demo.braze.schemas import GLOBAL_STATE_CHANGE, USER_DELETE_REQUEST
from app.intake.read import read_currents
from app.lake.objects import open_lake
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import STATEMENTS, PostgresStore
from app.runtime.deadline import Deadline
from app.serving.erasures import member_hash
from tests.integration.currents_world import NOW, SENT_S, event, user
from tests.integration.small_board import fill

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from sqlalchemy import Engine

    from app.demo.braze.currents_files import CurrentsEvent

MEMBER = "m-000001"


def change(url: str, folder: Path, number: int, **fields: Any) -> None:
    """A change of consent of one profile of the member, read from a file of its own."""
    profile = fields.pop("profile", 1)
    read(url, folder, event(GLOBAL_STATE_CHANGE, number, profile, **{"channel": "email", **fields}))


def read(url: str, folder: Path, told: CurrentsEvent) -> None:
    """Read one event from a file of its own."""
    kind, record = told
    number = record["time"] - SENT_S
    path = folder / object_key(kind, 12, SENT_S, 0, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(avro_file(kind, 12, [record]))
    read_currents(url, open_lake(str(folder)), now=NOW + timedelta(minutes=1))


def store_text(engine: Engine) -> str:
    """All that is kept of consent."""
    with engine.connect() as connection:
        return str(connection.execute(text("SELECT c::text FROM connected_jobs.consent c")).all())


def test_consent_withdrawn_in_braze_stops_the_list_at_once(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    fill(engine, members=2, postings=3)
    pool = ServingPool(database_url, STATEMENTS, size=1, wait_s=5.0, statement_timeout_ms=5_000)
    pool.open()
    try:
        store = PostgresStore(pool)

        def takes_mail(member: str = MEMBER) -> tuple[bool, bool, bool]:
            row = store.member_row(member, None, b"", Deadline(time.monotonic() + 5))
            profile = store.profile(member, Deadline(time.monotonic() + 5))
            forgotten = member_hash(member) in store.erased(60)
            return row is not None and row.mailable, profile is not None, forgotten

        assert takes_mail() == (True, True, False)
        change(database_url, tmp_path, 10, external=MEMBER, subscription_status="Unsubscribed")
        assert takes_mail() == (False, False, True)
        change(database_url, tmp_path, 20, external=MEMBER, subscription_status="Subscribed")
        assert takes_mail() == (True, True, False)
        # A file that comes late changes nothing, and neither does what is no consent to mail.
        change(database_url, tmp_path, 15, external=MEMBER, subscription_status="Unsubscribed")
        change(
            database_url, tmp_path, 21, external=MEMBER, subscription_status="Unsubscribed", channel="push"
        )
        assert takes_mail() == (True, True, False)
        # Of two changes in one second the withdrawal stands; the profile is known by its id alone.
        change(database_url, tmp_path, 30, external=None, subscription_status="Opted In")
        change(
            database_url, tmp_path, 31, external=None, subscription_status="Unsubscribed", time=SENT_S + 30
        )
        assert takes_mail() == (False, False, True)
        assert takes_mail("m-000002") == (True, True, False)
        # Nor does the profile's end bring mails back; the member's consent under a new one does.
        read(database_url, tmp_path, event(USER_DELETE_REQUEST, 40, 1, external=None))
        assert takes_mail() == (False, False, True)
        assert user(1) not in store_text(engine)
        change(database_url, tmp_path, 41, profile=7, external=MEMBER, subscription_status="Subscribed")
        assert takes_mail()[:2] == (True, True)
        # A withdrawal under the profile that is gone, read late, counts by its time.
        change(database_url, tmp_path, 39, external=MEMBER, subscription_status="Unsubscribed")
        assert takes_mail()[:2] == (True, True)
        change(database_url, tmp_path, 42, external=MEMBER, subscription_status="Unsubscribed")
        assert takes_mail()[:2] == (False, False)
    finally:
        pool.close()
