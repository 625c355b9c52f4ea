"""What mails showed since the last whole refresh, which answers read with a member's list (`app.feedback.lately_shown`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection


def delete_lately_shown(connection: Connection) -> int:
    """Delete what every run that has its lists was made with; returns how many rows."""
    return connection.execute(
        text("""
            DELETE FROM connected_jobs.lately_shown
            WHERE counts_from <= (
                SELECT min(w.cutoff_at)
                FROM connected_jobs.refresh_run r
                JOIN connected_jobs.refresh_run w ON w.id = coalesce((r.measures ->> 'model')::bigint, r.id)
                WHERE r.state = 'ready'
            )
        """)
    ).rowcount
