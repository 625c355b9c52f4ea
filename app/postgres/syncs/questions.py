"""What people ask of a sync: which rows were refused and why, and which value of a member was sent when and by which run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.sync.record import SyncReject

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class SentValue:
    """A value that a destination acknowledged: what it was before, when that was, and the run that sent it."""

    name: str
    value: Any
    known_before: bool
    before: Any
    at: datetime | None
    run_id: int | None
    sync: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """An event of a member in the outbox."""

    key: str
    state: str
    attempts: int
    queued_at: datetime
    settled_at: datetime | None
    sentence: str
    run_id: int | None


_REJECTS = """
    SELECT sync, key, member_id, sentence, run_id, first_at, last_at FROM connected_jobs.sync_reject
    UNION ALL
    SELECT o.sync, o.once_key, o.member_id, o.sentence, b.run_id, o.queued_at, coalesce(o.settled_at, o.queued_at)
    FROM connected_jobs.outbox AS o
    LEFT JOIN connected_jobs.sync_batch AS b ON b.id = o.batch_id
    WHERE o.state IN ('refused', 'unknown')
"""


def select_rejects(
    connection: Connection, *, sync: str | None, member: str | None = None, first: int = 0, most: int
) -> list[SyncReject]:
    """Rows that are refused now, and events of an unknown or refused end, the newest first; of one member or item where asked."""
    rows = connection.execute(
        text(f"""
            SELECT sync, key, member_id AS member, sentence, run_id, first_at, last_at
            FROM ({_REJECTS}) AS r
            WHERE (CAST(:sync AS text) IS NULL OR sync = :sync)
              AND (CAST(:member AS text) IS NULL OR :member IN (member_id, key))
            ORDER BY last_at DESC, sync, key
            OFFSET :first LIMIT :most
        """),
        {"sync": sync, "member": member, "first": first, "most": most},
    )
    return [SyncReject(**row) for row in rows.mappings()]


def count_rejects_in(connection: Connection, *, sync: str, member: str | None = None) -> int:
    """How many rows and events of a sync are refused now, or of an unknown end; of one member or item where asked."""
    found: int = connection.execute(
        text(f"""
            SELECT count(*) FROM ({_REJECTS}) AS r
            WHERE sync = :sync AND (CAST(:member AS text) IS NULL OR :member IN (member_id, key))
        """),
        {"sync": sync, "member": member},
    ).scalar_one()
    return found


def count_rejects(engine: Engine, *, sync: str) -> int:
    """How many rows and events of a sync are refused now, or of an unknown end."""
    with engine.connect() as connection:
        return count_rejects_in(connection, sync=sync)


def select_sent(engine: Engine, *, destination_id: int, member: str) -> list[SentValue]:
    """Each value that a destination acknowledged of a member or item, by name."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("""
                SELECT v.name, v.value, a.before ? v.name AS known_before, a.before -> v.name AS before, b.at, b.run_id, r.sync
                FROM connected_jobs.attribute_sent AS a
                CROSS JOIN LATERAL jsonb_each(nullif(a.sent, 'null')) AS v (name, value)
                LEFT JOIN connected_jobs.sync_batch AS b ON b.id = CAST(a.batches ->> v.name AS bigint)
                LEFT JOIN connected_jobs.sync_run AS r ON r.id = b.run_id
                WHERE a.destination_id = :destination AND a.member_id = :member
                ORDER BY v.name
            """),
            {"destination": destination_id, "member": member},
        )
        return [SentValue(**row) for row in rows.mappings()]


def select_events(engine: Engine, *, sync: str, member: str) -> list[OutboxEntry]:
    """A member's events in a sync's outbox, the newest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("""
                SELECT o.once_key AS key, o.state, o.attempts, o.queued_at, o.settled_at, o.sentence, b.run_id
                FROM connected_jobs.outbox AS o
                LEFT JOIN connected_jobs.sync_batch AS b ON b.id = o.batch_id
                WHERE o.sync = :sync AND o.member_id = :member
                ORDER BY o.queued_at DESC, o.once_key
            """),
            {"sync": sync, "member": member},
        )
        return [OutboxEntry(**row) for row in rows.mappings()]


def select_reject(engine: Engine, *, sync: str, key: str) -> SyncReject | None:
    """Why a row is refused now; None where it is not."""
    with engine.connect() as connection:
        row = connection.execute(
            text("""
                SELECT sync, key, member_id AS member, sentence, run_id, first_at, last_at
                FROM connected_jobs.sync_reject WHERE sync = :sync AND key = :key
            """),
            {"sync": sync, "key": key},
        ).mappings().first()  # fmt: skip
    return None if row is None else SyncReject(**row)


def delete_sent(connection: Connection, member_id: str) -> dict[str, int]:
    """Forget what was sent of a member and what waits; gives how many rows went from which table."""
    return {
        f"connected_jobs.{table}": connection.execute(
            text(f"DELETE FROM connected_jobs.{table} WHERE member_id = :id"), {"id": member_id}
        ).rowcount
        for table in ("attribute_sent", "outbox", "sync_reject")
    }


def forget_sync(engine: Engine, *, sync: str) -> int:
    """Drop a sync's runs and refused rows, so that its attributes may be another's; gives how many runs."""
    with engine.begin() as connection:
        for table in ("sync_reject", "sync_pause"):
            connection.execute(text(f"DELETE FROM connected_jobs.{table} WHERE sync = :sync"), {"sync": sync})
        return connection.execute(
            text("DELETE FROM connected_jobs.sync_run WHERE sync = :sync"), {"sync": sync}
        ).rowcount
