"""What the last look at the campaigns to come found; one look at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_ONE_LOOK = 4_250_112_036  # an advisory lock's number: any constant that nobody else on the database uses


def lock_watch(connection: Connection) -> bool:
    """Keep others from looking until the transaction ends; False where somebody does."""
    return bool(
        connection.execute(
            text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": _ONE_LOOK}
        ).scalar_one()
    )


def select_seen(connection: Connection) -> dict[str, Any] | None:
    """What the last look found, None before the first."""
    return connection.execute(text("SELECT seen FROM connected_jobs.watch")).scalar_one_or_none()


def update_seen(connection: Connection, seen: Mapping[str, Any]) -> None:
    """Keep what a look found in place of the last."""
    connection.execute(
        text("""
            INSERT INTO connected_jobs.watch (seen) VALUES (:seen)
            ON CONFLICT (only_one) DO UPDATE SET seen = excluded.seen, looked_at = now()
        """).bindparams(bindparam("seen", type_=JSONB)),
        {"seen": seen},
    )
