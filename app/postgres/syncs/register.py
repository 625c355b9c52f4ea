"""Syncs on record in Postgres, for pages, metrics and commands; see `SyncRegister`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.postgres.audit import insert_audit_entry
from app.postgres.stored import is_storable
from app.postgres.syncs import questions
from app.postgres.syncs.runs import runs_where
from app.postgres.transactions import planner_transaction
from app.sync.definition import SyncError
from app.sync.record import RejectsFound, SyncOnRecord, SyncPause

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from app.sync.record import SyncRunRecord

_SYNCS = """
    SELECT s.*, (SELECT within_hours FROM connected_jobs.sync_run WHERE id = s.last_id) AS within_hours,
           (SELECT count(*) FROM connected_jobs.sync_reject WHERE sync = s.sync)
               + (SELECT count(*) FROM connected_jobs.outbox WHERE sync = s.sync AND state IN ('refused', 'unknown')) AS rejects,
           o.waiting, o.oldest_event_at
    FROM (
        SELECT sync, max(id) AS last_id, min(started_at) AS first_at, max(ended_at) FILTER (WHERE state = 'done') AS done_at
        FROM connected_jobs.sync_run
        GROUP BY sync
    ) AS s
    CROSS JOIN LATERAL (
        SELECT count(*) AS waiting, min(t.at) FILTER (WHERE isfinite(t.at)) AS oldest_event_at
        FROM connected_jobs.outbox AS w
        CROSS JOIN LATERAL (SELECT w.happened_at::timestamptz) AS t (at)
        WHERE w.sync = s.sync AND w.state IN ('waiting', 'sending')
    ) AS o
    ORDER BY s.sync
"""


class PostgresSyncs:
    """Syncs on the planner's or a command's engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def syncs(self) -> list[SyncOnRecord]:
        """Every sync that has run, by name."""
        with planner_transaction(self._engine) as connection:
            rows = [dict(row) for row in connection.execute(text(_SYNCS)).mappings()]
            last = {
                one.id: one
                for one in runs_where(
                    connection, "id = ANY (CAST(:ids AS bigint[]))", {"ids": [r["last_id"] for r in rows]}
                )
            }
        return [_sync(row, last[row["last_id"]]) for row in rows if row["last_id"] in last]

    def runs(self, sync: str, *, most: int) -> list[SyncRunRecord]:
        """A sync's last runs, newest first."""
        if not is_storable(sync):
            return []
        condition = (
            "id IN (SELECT id FROM connected_jobs.sync_run WHERE sync = :sync ORDER BY id DESC LIMIT :most)"
        )
        with planner_transaction(self._engine) as connection:
            return runs_where(connection, condition, {"sync": sync, "most": most})

    def rejects(self, sync: str, *, member: str | None, first: int, most: int) -> RejectsFound:
        """What is refused of a sync, or of one member in it, from a place on."""
        if not is_storable(sync) or not is_storable(member or ""):
            return RejectsFound(rejects=(), total=0)
        with planner_transaction(self._engine) as connection:
            found = questions.select_rejects(connection, sync=sync, member=member, first=first, most=most)
            total = questions.count_rejects_in(connection, sync=sync, member=member)
        return RejectsFound(rejects=found, total=total)

    def pause(self, sync: str, *, by: str) -> SyncPause:
        """Send nothing of a sync from now on."""
        with planner_transaction(self._engine) as connection:
            _check_known(connection, sync)
            made = connection.execute(
                text("""
                    INSERT INTO connected_jobs.sync_pause (sync, paused_by) VALUES (:sync, :by) ON CONFLICT (sync) DO NOTHING
                """),
                {"sync": sync, "by": by},
            ).rowcount
            at, who = connection.execute(
                text("SELECT paused_at, paused_by FROM connected_jobs.sync_pause WHERE sync = :sync"),
                {"sync": sync},
            ).one()
            if made:
                insert_audit_entry(connection, who=by, what="sync pause", subject=sync)
        return SyncPause(at=at, by=who)

    def resume(self, sync: str, *, by: str) -> bool:
        """Let a sync go on with its next run."""
        with planner_transaction(self._engine) as connection:
            _check_known(connection, sync)
            was = connection.execute(
                text(
                    "DELETE FROM connected_jobs.sync_pause WHERE sync = :sync RETURNING paused_at, paused_by"
                ),
                {"sync": sync},
            ).first()
            if was is not None:
                before = {"paused_at": was[0].isoformat(), "paused_by": was[1]}
                insert_audit_entry(connection, who=by, what="sync resume", subject=sync, before=before)
        return was is not None


def _check_known(connection: Connection, sync: str) -> None:
    known = (
        is_storable(sync)
        and connection.execute(
            text("SELECT 1 FROM connected_jobs.sync_run WHERE sync = :sync LIMIT 1"), {"sync": sync}
        ).scalar()
    )
    if not known:
        raise SyncError(f"There is no sync {sync[:100]!r} on record: see `connected-jobs sync status`.")


def _sync(row: dict[str, Any], last: SyncRunRecord) -> SyncOnRecord:
    return SyncOnRecord(
        last=last,
        first_at=row["first_at"],
        done_at=row["done_at"],
        within_hours=row["within_hours"],
        rejects=row["rejects"],
        waiting=row["waiting"],
        oldest_event_at=row["oldest_event_at"],
        pause=last.pause,
    )
