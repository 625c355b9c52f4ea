"""Syncs on record in each state that a page shows, as runs leave them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Engine

FIGURES = {
    "members": 1_998_204, "unchanged": 1_797_772, "changed": 200_011, "values": 214_977, "refused": 3, "still_refused": 118,
    "gone": 0, "requests": 2_701, "throttled": 27, "unknown": 13, "taken": 199_991, "taken_values": 214_950,
    "refused_by_destination": 20, "unknown_for_good": 0,
    "by_name": {"cj_new_7d": 182_003, "cj_last_apply": 21_440, "cj_tired": 11_507},
}  # fmt: skip
REASONS = (
    ("m-000102", "cj_field: a text of 256 characters, and Braze takes 255."),
    ("m-000377", "Braze refuses it: provided external_id is blacklisted and disallowed."),
    ("m-000418", "=HYPERLINK: a text that a spreadsheet takes for a formula."),
)


def put_syncs(engine: Engine, now: datetime) -> None:
    """Put syncs on record: one that has ended, one that sends, one that waits for the hour, one that a person paused."""
    with engine.begin() as connection:
        for number, identity in enumerate(
            ("braze:rest.kr-01.braze.com:main", "amplitude:api2.amplitude.com"), 1
        ):
            connection.execute(
                text(
                    "INSERT INTO connected_jobs.sync_destination (id, identity) OVERRIDING SYSTEM VALUE VALUES (:id, :identity)"
                ),
                {"id": number, "identity": identity},
            )
        put_run(connection, now, sync="members", hours=30, state="killed", figures={"by_name": {}})
        put_run(connection, now, sync="members", hours=2, minutes=11, state="done", figures=FIGURES)
        put_run(
            connection, now, sync="members-nightly", hours=0.2, state="running", total=200_000, left_min=12
        )
        put_run(connection, now, sync="outcomes", hours=0.5, kind="events", destination=2, state="running", total=50_000,
                left_min=42, held_min=30)  # fmt: skip
        put_run(
            connection,
            now,
            sync="postings",
            hours=50,
            minutes=1,
            kind="catalog",
            state="done",
            figures=FIGURES,
        )
        put_run(connection, now, sync="segments", hours=60, minutes=1, state="stopped", figures={"taken": 5},
                sentence="Braze does not know the key: see CJ_BRAZE_KEY, and whether the host is that of your workspace.")  # fmt: skip
        connection.execute(
            text("""
                INSERT INTO connected_jobs.sync_batch (run_id, at, status, taken, refused, unknown, sent_values)
                SELECT id, :at, 201, 21500, 4, 0, 30000 FROM connected_jobs.sync_run WHERE state = 'running'
            """),
            {"at": now},
        )
        connection.execute(
            text(
                "INSERT INTO connected_jobs.sync_pause (sync, paused_at, paused_by) VALUES ('postings', :at, '김다은')"
            ),
            {"at": now},
        )
        connection.execute(
            text("""
                INSERT INTO connected_jobs.outbox (destination_id, sync, once_key, member_id, happened_at, properties)
                SELECT 2, 'outcomes', 'o-' || n, 'm-' || n, :at, '{}' FROM generate_series(1, 40) AS n
            """),
            {"at": now.isoformat()},
        )
        put_rejects(connection, now)


def put_run(
    connection: Connection, now: datetime, *, sync: str, hours: float, state: str, minutes: int | None = None, **more: Any
) -> None:  # fmt: skip
    """Put a run on record that began so many hours ago; `minutes` is how long it took."""
    given = {
        "sync": sync, "hours": hours, "state": state, "minutes": minutes, "now": now, "kind": more.get("kind", "attributes"),
        "destination": more.get("destination", 1), "figures": json.dumps(more.get("figures", {})),
        "total": more.get("total"), "left": more.get("left_min"), "held": more.get("held_min"), "sentence": more.get("sentence", ""),
    }  # fmt: skip
    connection.execute(
        text("""
            INSERT INTO connected_jobs.sync_run
                (sync, destination_id, kind, names, digest, state, started_at, ended_at, figures, sentence, total, ends_at,
                 paused_until, within_hours)
            SELECT :sync, :destination, :kind, '{}', '', :state, b.at, b.at + make_interval(mins => :minutes),
                   CAST(:figures AS jsonb), :sentence, :total, CAST(:now AS timestamptz) + make_interval(mins => :left),
                   CAST(:now AS timestamptz) + make_interval(mins => :held), 26
            FROM (SELECT CAST(:now AS timestamptz) - make_interval(secs => 3600 * CAST(:hours AS double precision)) AS at) AS b
        """),
        given,
    )


def put_rejects(connection: Connection, now: datetime) -> None:
    """Put refused rows of `members` on record: three of their own reasons, and two pages of one."""
    many = [(f"m-1{n:05}", "Braze refuses it: no profile.") for n in range(98)]
    for key, sentence in (*REASONS, *many):
        connection.execute(
            text("""
                INSERT INTO connected_jobs.sync_reject (sync, key, member_id, row_digest, sentence, run_id, first_at, last_at)
                VALUES ('members', :key, :key, '', :sentence, 2, :at, :at)
            """),
            {"key": key, "sentence": sentence, "at": now},
        )


@contextmanager
def held(engine: Engine) -> Iterator[None]:
    """Hold both destinations, as runs under way do."""
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(425011203, 1), pg_advisory_lock(425011203, 2)"))
        connection.commit()
        yield
        connection.execute(text("SELECT pg_advisory_unlock_all()"))
        connection.commit()
