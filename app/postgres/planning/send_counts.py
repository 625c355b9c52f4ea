"""What the service counted of each send, measured and tidied by the planner or a refresh (`heartbeat` adds the counts)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from app.capacity.calibration import Counted, MeasuredSend, measure, with_sent
from app.capacity.campaign import Range
from app.postgres.audit import insert_audit_entry
from app.postgres.stored import instant
from app.serving.distinct_members import estimate

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row


MOST_SENDS = 100
_log = logging.getLogger("connected_jobs.sends")
KEEP_SECONDS = "14 days"
OVER_AFTER = "2 hours"
_OLD = (
    f"""
    DELETE FROM connected_jobs.send_second AS s
    USING connected_jobs.send AS m
    WHERE m.campaign = s.campaign AND m.send = s.send AND m.closed_at IS NOT NULL
      AND m.last_at < now() - interval '{KEEP_SECONDS}'
    """,
    f"""
    DELETE FROM connected_jobs.send_sketch AS k
    USING connected_jobs.send AS m
    WHERE m.campaign = k.campaign AND m.send = k.send AND m.closed_at IS NOT NULL
      AND m.last_at < now() - interval '{KEEP_SECONDS}'
    """,
    "DELETE FROM connected_jobs.send_flush WHERE at < now() - interval '1 day'",
)


# A send is settled when it was measured well after its last call; a call that comes weeks later changes nothing.
_COLUMNS = f"""
    send, measured::text AS measured, sent, sent_by, {instant("sent_at")},
    closed_at IS NOT NULL AND (closed_at > last_at + interval '1 minute' OR last_at > first_at + interval '{KEEP_SECONDS}') AS settled
"""


def select_sends(connection: Connection, key: str) -> list[MeasuredSend]:
    """What was measured of each send of a key, the newest first; of one that is not over, as of now."""
    rows = connection.execute(
        text(f"""
            SELECT {_COLUMNS}
            FROM connected_jobs.send
            WHERE campaign = :key
            ORDER BY last_at DESC, send
            LIMIT :most
        """),
        {"key": key, "most": MOST_SENDS},
    ).all()
    found = [_measured_send(connection, key, row) for row in rows]
    return [one for one in found if one is not None]


def select_send(connection: Connection, key: str, send: str) -> MeasuredSend | None:
    """What was measured of one send as of now; None where nothing of it was counted."""
    row = connection.execute(
        text(f"""
            SELECT {_COLUMNS}
            FROM connected_jobs.send
            WHERE campaign = :key AND send = :send
        """),
        {"key": key, "send": send},
    ).one_or_none()
    return None if row is None else _measured_send(connection, key, row)


def _measured_send(connection: Connection, key: str, row: Row[Any]) -> MeasuredSend | None:
    measured = (
        _decode_measured(row.measured) if row.settled else measure(_select_counted(connection, key, row.send))
    )
    if measured is None or row.sent is None:
        return measured
    return with_sent(measured, row.sent, by=row.sent_by, at=row.sent_at)


def _decode_measured(text: str | None) -> MeasuredSend | None:
    """What was kept of a send; None where it cannot be read."""
    try:
        return None if text is None else msgspec.json.decode(text, type=MeasuredSend)
    except (msgspec.MsgspecError, RecursionError) as error:
        _log.warning("what was measured of a send cannot be read, and is left out: %s", error)
        return None


def _select_counted(connection: Connection, key: str, send: str) -> Counted:
    sketches = connection.execute(
        text("""
            SELECT sketch
            FROM connected_jobs.send_sketch
            WHERE campaign = :key AND send = :send
        """),
        {"key": key, "send": send},
    ).scalars()
    return Counted(
        key=key, send=send, seconds=select_seconds(connection, key, send), members=Range(*estimate(sketches))
    )


def update_sent(connection: Connection, key: str, send: str, sent: int | None, *, by: str) -> bool:
    """Store how many messages Braze says it sent, None for unknown; false for an unknown send.

    What stood there before is kept with who changed it.
    """
    before = connection.execute(
        text("""
            SELECT sent, sent_by
            FROM connected_jobs.send
            WHERE campaign = :key AND send = :send
            FOR UPDATE
        """),
        {"key": key, "send": send},
    ).one_or_none()
    if before is None:
        return False
    connection.execute(
        text("""
            UPDATE connected_jobs.send
            SET sent = :sent, sent_by = :by, sent_at = now()
            WHERE campaign = :key AND send = :send
        """),
        {"key": key, "send": send, "sent": sent, "by": by},
    )
    insert_audit_entry(
        connection,
        who=by,
        what="sent entered",
        subject=f"{key} {send}",
        before={"sent": before.sent, "by": before.sent_by},
        after={"sent": sent},
    )
    return True


def close_sends(connection: Connection) -> int:
    """Measure the sends that are over and store the result; returns how many there were."""
    over = connection.execute(
        text(f"""
            SELECT campaign, send
            FROM connected_jobs.send
            WHERE last_at < now() - interval '{OVER_AFTER}'
              AND (closed_at IS NULL OR closed_at <= last_at + interval '1 minute' AND last_at <= first_at + interval '{KEEP_SECONDS}')
            ORDER BY last_at
            LIMIT :most
        """),
        {"most": MOST_SENDS},
    ).all()
    for key, send in over:
        measured = measure(_select_counted(connection, key, send))
        _update_measured(connection, key, send, measured)
    return len(over)


def _update_measured(connection: Connection, key: str, send: str, measured: MeasuredSend | None) -> None:
    connection.execute(
        text("""
            UPDATE connected_jobs.send
            SET measured = coalesce(:measured, measured), closed_at = now()
            WHERE campaign = :key AND send = :send
        """).bindparams(bindparam("measured", type_=JSONB(none_as_null=True))),
        {"key": key, "send": send, "measured": None if measured is None else msgspec.to_builtins(measured)},
    )


def delete_old_counts(connection: Connection) -> None:
    """Delete the seconds and sketches of sends measured long ago, and the flush numbers of workers that have ended."""
    for statement in _OLD:
        connection.execute(text(statement))


def tidy_counts(engine: Engine) -> None:
    """Measure every send that is over, `MOST_SENDS` a transaction, and delete what is old."""
    some = MOST_SENDS
    while some == MOST_SENDS:
        with engine.begin() as connection:
            some = close_sends(connection)
    with engine.begin() as connection:
        delete_old_counts(connection)


def select_seconds(connection: Connection, key: str, send: str) -> list[tuple[datetime, int, int]]:
    """A send's seconds with calls, in order: instant, calls, how many of them degraded."""
    rows = connection.execute(
        text("""
            SELECT second, calls, degraded
            FROM connected_jobs.send_second
            WHERE campaign = :key AND send = :send AND second > '0002-01-01' AND second < '9999-01-01'
            ORDER BY second
        """),
        {"key": key, "send": send},
    )
    return [(second, calls, degraded) for second, calls, degraded in rows]
