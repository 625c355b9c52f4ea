"""Which instances run, by their heartbeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.capacity.evidence.ceiling import RunningService
from app.runtime.instance import ALIVE_S

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FORGET_AFTER = "1 day"


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """An instance that runs, as its last heartbeat describes it."""

    id: str
    fingerprint: str
    workers: int
    settings: dict[str, Any]


def select_instances(connection: Connection, *, alive_s: float = ALIVE_S) -> list[InstanceRow]:
    """The instances alive, by name; the server's clock decides which are."""
    rows = connection.execute(
        text("""
            SELECT id, fingerprint, workers, settings
            FROM connected_jobs.instance
            WHERE beat_at > now() - make_interval(secs => :alive_s)
            ORDER BY id
        """),
        {"alive_s": alive_s},
    )
    return [InstanceRow(*row) for row in rows]


def select_running(
    connection: Connection, *, alive_s: float = ALIVE_S
) -> tuple[tuple[str, ...], int, float | None]:
    """Fingerprints of the instances alive, how many, and the lowest line (calls/s) that one has; 0 lines are off.

    The server's clock decides which are alive.
    """
    rows = connection.execute(
        text("""
            SELECT fingerprint, count(*), min(least(
                CASE WHEN jsonb_typeof(settings -> 'soft_rps') = 'number' THEN nullif((settings ->> 'soft_rps')::float, 0) END,
                CASE WHEN jsonb_typeof(settings -> 'hard_rps') = 'number' THEN nullif((settings ->> 'hard_rps')::float, 0) END
            ))
            FROM connected_jobs.instance
            WHERE beat_at > now() - make_interval(secs => :alive_s)
            GROUP BY fingerprint
            ORDER BY fingerprint
        """),
        {"alive_s": alive_s},
    ).all()
    lines = [row[2] for row in rows if row[2] is not None]
    return tuple(row[0] for row in rows), sum(row[1] for row in rows), min(lines, default=None)


def delete_ended_instances(connection: Connection) -> None:
    """Delete instances without a heartbeat for a day."""
    connection.execute(
        text(f"DELETE FROM connected_jobs.instance WHERE beat_at < now() - interval '{_FORGET_AFTER}'")
    )


def running_service(connection: Connection, tables: dict[str, int]) -> RunningService:
    """What runs now, over tables of these sizes."""
    fingerprints, instances, limiter_rps = select_running(connection)
    return RunningService(
        fingerprints=fingerprints, instances=instances, tables=tables, limiter_rps=limiter_rps
    )
