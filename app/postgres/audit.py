"""The audit log: one entry for each write of an operator that no other table records; entries are never deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from app.capacity.register.campaigns import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection


def insert_audit_entry(
    connection: Connection,
    *,
    who: str,
    what: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Record a change, in the transaction that makes it."""
    connection.execute(
        text("""
            INSERT INTO connected_jobs.audit (who, what, subject, before, after)
            VALUES (:who, :what, :subject, :before, :after)
        """).bindparams(
            bindparam("before", type_=JSONB(none_as_null=True)),
            bindparam("after", type_=JSONB(none_as_null=True)),
        ),
        {"who": who, "what": what, "subject": subject, "before": before, "after": after},
    )


def select_audit_log(connection: Connection, *, most: int) -> list[AuditEntry]:
    """The last entries, newest first, with changes of campaigns, the workspace and publications, which have tables of their own."""
    rows = connection.execute(
        text("""
            SELECT at, who, what, subject, before, after
            FROM (
                SELECT at, who, what, subject, before, after
                FROM connected_jobs.audit
                UNION ALL
                SELECT c.at, c.who, 'campaign ' || c.what,
                       CASE WHEN c.campaign_id IS NULL THEN 'workspace' ELSE c.campaign_id || ' ' || m.name END,
                       c.before::jsonb, c.after::jsonb
                FROM connected_jobs.campaign_change AS c
                LEFT JOIN connected_jobs.campaign AS m ON m.id = c.campaign_id
                UNION ALL
                SELECT published_at, coalesce(published_by, 'unknown'), 'publication ' || what, 'run ' || run_id,
                       NULL, jsonb_build_object('effective_at', effective_at)
                FROM connected_jobs.publication
            ) AS log
            WHERE isfinite(at)
            ORDER BY at DESC
            LIMIT :most
        """),
        {"most": most},
    )
    return [AuditEntry(**row) for row in rows.mappings()]
