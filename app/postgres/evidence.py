"""Evidence of load tests in Postgres: added once, listed, shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from app.capacity.register import EvidenceSummary

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from app.capacity.evidence import Evidence


def insert_evidence(connection: Connection, evidence: Evidence, document: dict[str, Any]) -> bool:
    """Add evidence; false where it is there already, and nothing is changed."""
    statement = text("""
        INSERT INTO connected_jobs.evidence (id, began_at, ended_at, kind, rps, low_rps, sentence, document)
        VALUES (:id, :began_at, :ended_at, :kind, :rps, :low_rps, :sentence, :document)
        ON CONFLICT (id) DO NOTHING
    """).bindparams(bindparam("document", type_=JSONB))
    verdict = evidence.verdict
    done = connection.execute(
        statement,
        {
            "id": evidence.id,
            "began_at": evidence.began_at,
            "ended_at": evidence.ended_at,
            "kind": verdict.kind,
            "rps": verdict.rps,
            "low_rps": verdict.low_rps,
            "sentence": verdict.sentence,
            "document": document,
        },
    )
    return done.rowcount == 1


def select_evidence(connection: Connection) -> list[EvidenceSummary]:
    """All evidence, the newest first."""
    rows = connection.execute(
        text("""
            SELECT id, ended_at, kind, rps, low_rps, sentence
            FROM connected_jobs.evidence
            ORDER BY ended_at DESC, id
        """)
    )
    return [EvidenceSummary(**row) for row in rows.mappings()]


def select_evidence_document(connection: Connection, evidence_id: str) -> dict[str, Any] | None:
    """The whole of one."""
    return connection.execute(
        text("SELECT document FROM connected_jobs.evidence WHERE id = :id"), {"id": evidence_id}
    ).scalar_one_or_none()


def select_told(connection: Connection, *, most: int = 50) -> list[str]:
    """What a plan needs of the newest load tests, as JSON that `read_evidence` reads: without their steps."""
    rows = connection.execute(
        text("""
            SELECT jsonb_build_object(
                'schema', document -> 'schema', 'version', document -> 'version', 'id', document -> 'id',
                'began_at', document -> 'began_at', 'ended_at', document -> 'ended_at',
                'host', document -> 'host', 'verdict', document -> 'verdict',
                'environment', jsonb_build_object('service', document -> 'environment' -> 'service')
            )::text
            FROM connected_jobs.evidence
            ORDER BY ended_at DESC, id
            LIMIT :most
        """),
        {"most": most},
    )
    return list(rows.scalars())
