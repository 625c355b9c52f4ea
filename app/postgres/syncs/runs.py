"""Runs of syncs: one at a time for a destination, how each ended, and how much of the hour is used."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from app.postgres.engines import make_engine
from app.sync.courier import RunHaltedError
from app.sync.definition import SyncError
from app.sync.record import SyncPause, SyncRunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Engine

    from app.sync.definition import SyncDefinition
    from app.sync.report import RunProgress, SyncReport

_ONE_SYNC: Final = 425_011_203  # the first half of an advisory lock's number; the second is the destination's
KEPT_DAYS: Final = 90  # of runs and batches; what was sent stays known
_SPARE_CONNECTIONS: Final = 4  # the query, what is known, the lock, the end


def sync_engine(url: str, *, connections: int, through_pgbouncer: bool) -> Engine:
    """An engine for a sync: its threads record at once, each on a connection that is kept."""
    return make_engine(
        url,
        through_pgbouncer=through_pgbouncer,
        application="connected-jobs sync",
        poolclass=QueuePool,
        pool_size=connections + _SPARE_CONNECTIONS,
        max_overflow=0,
    )


class SyncPausedError(SyncError):
    """A person has paused the sync.

    Args:
        sync: Its name.
        at, by: Since when, and who did it.
    """

    def __init__(self, sync: str, at: datetime, by: str) -> None:
        super().__init__(
            f"{sync} is paused by {by}: nothing is sent. `connected-jobs sync resume {sync}` lets it go on."
        )
        self.sync, self.at, self.by = sync, at, by


class HeldDestination:
    """A destination that this process holds, and what it says of its run on the way.

    Args:
        connection: The one that holds it; when it is lost, so is the destination.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def look(self, run_id: int, progress: RunProgress, paused_until: float | None) -> None:
        """Tell how far a run is, and learn whether it is to end.

        Raises:
            RunHaltedError: a person paused its sync.
        """
        self._connection.execute(
            text("""
                UPDATE connected_jobs.sync_run
                SET total = :total, ends_at = now() + make_interval(secs => CAST(:left_s AS double precision)),
                    paused_until = to_timestamp(CAST(:paused_until AS double precision))
                WHERE id = :run
            """),
            {"run": run_id, "total": progress.total, "left_s": progress.left_s, "paused_until": paused_until},
        )
        by: str | None = self._connection.execute(
            text("""
                SELECT p.paused_by FROM connected_jobs.sync_pause AS p
                JOIN connected_jobs.sync_run AS r ON r.sync = p.sync WHERE r.id = :run
            """),
            {"run": run_id},
        ).scalar()
        if by is not None:
            raise RunHaltedError(f"It was paused by {by}.")


@contextmanager
def hold_destination(engine: Engine, identity: str) -> Iterator[tuple[int, HeldDestination]]:
    """Hold a destination: gives its number, and what a run tells and asks there on the way.

    Raises:
        SyncError: another sync to this destination runs.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        number = _destination_id(connection, identity)
        locked = connection.execute(
            text(f"SELECT pg_try_advisory_lock({_ONE_SYNC}, :number)"), {"number": number}
        ).scalar()
        if not locked:
            raise SyncError(f"Another sync to {identity} is running: wait for it to end.")
        try:
            yield number, HeldDestination(connection)
        finally:
            if not connection.closed and not connection.invalidated:
                connection.execute(
                    text(f"SELECT pg_advisory_unlock({_ONE_SYNC}, :number)"), {"number": number}
                )


def _destination_id(connection: Connection, identity: str) -> int:
    connection.execute(
        text("""
            INSERT INTO connected_jobs.sync_destination (identity) VALUES (:identity) ON CONFLICT (identity) DO NOTHING
        """),
        {"identity": identity},
    )
    found: int = connection.execute(
        text("SELECT id FROM connected_jobs.sync_destination WHERE identity = :identity"),
        {"identity": identity},
    ).scalar_one()
    return found


def find_destination(engine: Engine, identity: str) -> int:
    """A destination's number; 0, which no destination has, if nothing was sent to it."""
    with engine.connect() as connection:
        found: int | None = connection.execute(
            text("SELECT id FROM connected_jobs.sync_destination WHERE identity = :identity"),
            {"identity": identity},
        ).scalar()
    return found or 0


def start_run(
    engine: Engine, definition: SyncDefinition, *, destination_id: int, names: Sequence[str]
) -> int:
    """Put a run on record; runs of the same sync that were killed are marked so, old ones removed.

    Raises:
        SyncPausedError: a person has paused the sync.
        SyncError: another sync sends one of these attributes to the same destination.
    """
    own = {"sync": definition.name, "destination": destination_id, "names": list(names)}
    with engine.begin() as connection:
        refuse_paused(connection, definition.name)
        if definition.kind == "attributes":
            _refuse_overlap(connection, own)
        connection.execute(
            text("""
                UPDATE connected_jobs.sync_run SET state = 'killed', sentence = 'The run was killed.'
                WHERE destination_id = :destination AND state = 'running'
            """),
            own,
        )
        connection.execute(
            text("DELETE FROM connected_jobs.sync_run WHERE started_at < :before"),
            {"before": datetime.now(UTC) - timedelta(days=KEPT_DAYS)},
        )
        found: int = connection.execute(
            text("""
                INSERT INTO connected_jobs.sync_run (sync, destination_id, kind, names, digest, within_hours)
                VALUES (:sync, :destination, :kind, :names, :digest, :within_hours)
                RETURNING id
            """),
            {
                **own,
                "kind": definition.kind,
                "digest": definition.digest,
                "within_hours": definition.within_hours,
            },
        ).scalar_one()
    return found


def refuse_paused(connection: Connection, sync: str) -> None:
    """Refuse what would send for a sync that a person has paused.

    Raises:
        SyncPausedError: it is so.
    """
    found = connection.execute(
        text("SELECT paused_at, paused_by FROM connected_jobs.sync_pause WHERE sync = :sync"), {"sync": sync}
    ).first()
    if found is not None:
        raise SyncPausedError(sync, *found)


def _refuse_overlap(connection: Connection, own: dict[str, Any]) -> None:
    """One attribute by two syncs would be overwritten by each in turn, with values that the other had just sent."""
    other = connection.execute(
        text("""
            SELECT r.sync, (SELECT min(n) FROM unnest(r.names) AS n WHERE n = ANY (CAST(:names AS text[])))
            FROM (
                SELECT DISTINCT ON (sync) sync, names
                FROM connected_jobs.sync_run
                WHERE destination_id = :destination AND kind = 'attributes' AND sync <> :sync
                ORDER BY sync, started_at DESC
            ) AS r
            WHERE r.names && CAST(:names AS text[])
            LIMIT 1
        """),
        own,
    ).first()
    if other is not None:
        raise SyncError(
            f"The sync {other[0]!r} sends {other[1]!r} to the same destination: leave it out of one of them, "
            "or `connected-jobs sync forget` the other."
        )


def end_run(engine: Engine, run_id: int, report: SyncReport) -> None:
    """Record how a run ended."""
    with engine.begin() as connection:
        connection.execute(
            text("""
                UPDATE connected_jobs.sync_run
                SET state = :state, ended_at = now(), ends_at = NULL, sentence = :sentence,
                    figures = CAST(:figures AS jsonb), paused_until = to_timestamp(CAST(:paused_until AS double precision))
                WHERE id = :run
            """),
            {
                "run": run_id,
                "state": report.state,
                "sentence": report.sentence,
                "figures": msgspec.json.encode(_figures(report)).decode(),
                "paused_until": report.paused_until,
            },
        )


def _figures(report: SyncReport) -> dict[str, Any]:
    return {
        **asdict(report.compared),
        **asdict(report.http),
        "taken": report.taken,
        "taken_values": report.values,
        "by_name": report.by_name,
        "refused_by_destination": report.refused,
        "unknown_for_good": report.unknown,
    }


def requests_this_hour(engine: Engine, destination_id: int) -> int:
    """Requests that were recorded for a destination since the clock hour began."""
    with engine.connect() as connection:
        found: int = connection.execute(
            text("""
                SELECT count(*)
                FROM connected_jobs.sync_batch AS b
                JOIN connected_jobs.sync_run AS r ON r.id = b.run_id
                WHERE r.destination_id = :destination AND b.at >= date_trunc('hour', now())
                  AND r.started_at > now() - interval '2 days'
            """),
            {"destination": destination_id},
        ).scalar_one()
    return found


def paused_until(engine: Engine, destination_id: int) -> float:
    """Until when a run to a destination was told to pause, in seconds of the epoch; 0 where none was."""
    with engine.connect() as connection:
        found: float | None = connection.execute(
            text("""
                SELECT extract(epoch FROM max(paused_until))::double precision
                FROM connected_jobs.sync_run WHERE destination_id = :destination AND paused_until > now()
            """),
            {"destination": destination_id},
        ).scalar()
    return found or 0.0


def minutes_since_sending(engine: Engine, destination_id: int, *, but: int) -> float | None:
    """Minutes since another run to a destination began or recorded a batch; None if no other run did."""
    with engine.connect() as connection:
        found: float | None = connection.execute(
            text("""
                SELECT extract(epoch FROM now() - max(greatest(r.started_at, b.at)))::double precision / 60
                FROM connected_jobs.sync_run AS r
                LEFT JOIN LATERAL (SELECT max(at) AS at FROM connected_jobs.sync_batch WHERE run_id = r.id) AS b ON true
                WHERE r.destination_id = :destination AND r.id <> :but AND r.started_at > now() - interval '2 days'
                  AND (b.at IS NOT NULL OR r.state IN ('running', 'killed'))
            """),
            {"destination": destination_id, "but": but},
        ).scalar()
    return found


def select_runs(engine: Engine, *, sync: str | None = None, most: int = 20) -> list[SyncRunRecord]:
    """The last runs, newest first."""
    with engine.connect() as connection:
        return runs_where(
            connection,
            "id IN (SELECT id FROM connected_jobs.sync_run WHERE CAST(:sync AS text) IS NULL OR sync = :sync ORDER BY id DESC LIMIT :most)",
            {"sync": sync, "most": most},
        )


def runs_where(connection: Connection, condition: str, values: dict[str, Any]) -> list[SyncRunRecord]:
    """The runs that a condition of ours finds, newest first; one whose process is gone was killed."""
    rows = connection.execute(
        text(f"""
            SELECT r.id, r.sync, d.identity AS destination, r.kind, r.started_at, r.ended_at, r.sentence, r.paused_until,
                   r.total, r.ends_at, p.paused_at, p.paused_by,
                   CASE WHEN r.state = 'running' AND NOT EXISTS (
                       SELECT 1 FROM pg_catalog.pg_locks AS l
                       WHERE l.locktype = 'advisory' AND l.classid = {_ONE_SYNC} AND l.objid::bigint = r.destination_id
                         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                   ) THEN 'killed' ELSE r.state END AS state,
                   CASE WHEN r.figures = '{{}}' THEN jsonb_build_object('requests', b.requests, 'taken', b.taken,
                       'taken_values', b.sent_values, 'refused_by_destination', b.refused) ELSE r.figures END AS figures
            FROM (SELECT * FROM connected_jobs.sync_run WHERE {condition}) AS r
            JOIN connected_jobs.sync_destination AS d ON d.id = r.destination_id
            LEFT JOIN connected_jobs.sync_pause AS p ON p.sync = r.sync
            CROSS JOIN LATERAL (
                SELECT count(*) AS requests, coalesce(sum(taken), 0) AS taken, coalesce(sum(refused), 0) AS refused,
                       coalesce(sum(sent_values), 0) AS sent_values
                FROM connected_jobs.sync_batch WHERE run_id = r.id AND r.figures = '{{}}'
            ) AS b
            ORDER BY r.id DESC
        """),
        values,
    )
    return [_run(dict(row)) for row in rows.mappings()]


def _run(row: dict[str, Any]) -> SyncRunRecord:
    at, by = row.pop("paused_at"), row.pop("paused_by")
    return SyncRunRecord(**row, pause=None if at is None else SyncPause(at=at, by=by))
