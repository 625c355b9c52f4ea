"""Evidence of load tests in Postgres: added once, listed, shown, taken back."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError
from sqlalchemy.sql import bindparam

from app.capacity.evidence.ceiling import MeasuredCeiling
from app.capacity.evidence.file import EvidenceError, read_evidence, refuse_future
from app.capacity.register.ports import EvidenceSummary
from app.postgres.audit import insert_audit_entry
from app.postgres.stored import instant, is_storable, table
from app.postgres.transactions import planner_transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Engine

    from app.capacity.evidence.file import Evidence

MOST_LISTED = 2_000
MOST_GONE_BY = 200  # load tests that a plan looks at: as many that can be read
COMMAND_LINE = "command line"
_log = logging.getLogger("connected_jobs.evidence")
_SUMMARY = f"id, {instant('ended_at')}, kind, rps, low_rps, sentence, {instant('added_at')}, added_by"
# What a plan needs of a document, as JSON that `read_evidence` reads: without its steps.
_FOR_PLANNING = """
    jsonb_build_object(
        'schema', document -> 'schema', 'version', document -> 'version', 'id', document -> 'id',
        'began_at', document -> 'began_at', 'ended_at', document -> 'ended_at',
        'host', document -> 'host', 'verdict', document -> 'verdict',
        'environment', jsonb_build_object(
            'service', document -> 'environment' -> 'service',
            'generator', jsonb_build_object(
                'same_machine_as_service', document -> 'environment' -> 'generator' -> 'same_machine_as_service'
            ),
            'git_dirty', CASE jsonb_typeof(document -> 'environment' -> 'git_dirty')
                WHEN 'boolean' THEN document -> 'environment' -> 'git_dirty' END
        )
    )::text
"""


def insert_evidence(connection: Connection, evidence: Evidence, document: dict[str, Any], *, by: str) -> bool:
    """Add evidence; false where it is there already, and nothing is changed."""
    statement = text("""
        INSERT INTO connected_jobs.evidence (id, began_at, ended_at, kind, rps, low_rps, sentence, document, added_by)
        VALUES (:id, :began_at, :ended_at, :kind, :rps, :low_rps, :sentence, :document, :by)
        ON CONFLICT (id) DO NOTHING
    """).bindparams(bindparam("document", type_=JSONB))
    verdict = evidence.verdict
    values = {
        "id": evidence.id,
        "began_at": evidence.began_at,
        "ended_at": evidence.ended_at,
        "kind": verdict.kind,
        "rps": verdict.rps,
        "low_rps": verdict.low_rps,
        "sentence": verdict.sentence,
    }
    done = connection.execute(statement, {**values, "document": document, "by": by})
    if done.rowcount != 1:
        return False
    after = {name: value for name, value in values.items() if not name.endswith(("id", "_at"))}
    insert_audit_entry(connection, who=by, what="evidence added", subject=evidence.id, after=after)
    return True


def delete_evidence(connection: Connection, evidence_id: str, *, by: str) -> EvidenceSummary | None:
    """Delete a load test's evidence and log in the audit what it was and who did it; None where there is none."""
    row = (
        connection.execute(
            text(f"DELETE FROM connected_jobs.evidence WHERE id = :id RETURNING {_SUMMARY}"),
            {"id": evidence_id},
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    gone = EvidenceSummary(**row)
    before = {
        "kind": gone.kind,
        "rps": str(gone.rps),
        "low_rps": str(gone.low_rps),
        "ended_at": None if gone.ended_at is None else gone.ended_at.isoformat(),
        "sentence": gone.sentence[:1_000],
    }
    insert_audit_entry(
        connection, who=by, what="evidence removed", subject=evidence_id[:1_000], before=before
    )
    return gone


def select_summary(connection: Connection, evidence_id: str) -> EvidenceSummary:
    """One that is there."""
    row = connection.execute(
        text(f"SELECT {_SUMMARY} FROM connected_jobs.evidence WHERE id = :id"), {"id": evidence_id}
    ).one()
    return EvidenceSummary(**row._asdict())


def select_evidence(connection: Connection) -> list[EvidenceSummary]:
    """All evidence, the newest first, what is dated ahead last; of what cannot be read it says why."""
    rows = connection.execute(
        text(f"""
            SELECT {_SUMMARY}, {_FOR_PLANNING} AS planning_part
            FROM connected_jobs.evidence AS e
            ORDER BY e.ended_at > now() + interval '10 minutes', e.ended_at DESC, id
            LIMIT :most
        """),
        {"most": MOST_LISTED},
    )
    return [
        EvidenceSummary(
            **{name: value for name, value in row.items() if name != "planning_part"},
            wrong=_why_unreadable(row["planning_part"]),
        )
        for row in rows.mappings()
    ]


def _why_unreadable(planning_part: str) -> str | None:
    try:
        read_evidence(planning_part)
    except EvidenceError as error:
        return str(error)
    return None


def select_evidence_document(connection: Connection, evidence_id: str) -> dict[str, Any] | None:
    """The whole of one; an empty one where it cannot be read."""
    found = connection.execute(
        text("SELECT document::text FROM connected_jobs.evidence WHERE id = :id"), {"id": evidence_id}
    ).scalar_one_or_none()
    return None if found is None else table(found) or {}


def select_evidence_for_planning(connection: Connection) -> Iterator[MeasuredCeiling]:
    """The load tests that a plan is judged by, the newest first; one that cannot be read is left out and logged."""
    rows = connection.execute(
        text(f"""
            SELECT id, {_FOR_PLANNING}
            FROM connected_jobs.evidence AS e
            ORDER BY e.ended_at > now() + interval '10 minutes', e.ended_at DESC, id
            LIMIT :most
        """),
        {"most": MOST_LISTED},
    ).all()
    found = 0
    for evidence_id, planning_part in rows:
        if found >= MOST_GONE_BY:
            return
        try:
            yield MeasuredCeiling.of(read_evidence(planning_part)[0])
            found += 1
        except EvidenceError as error:
            _log.warning("evidence %r is left out: %s", evidence_id[:200], error)


class PostgresEvidence:
    """Evidence of load tests, in Postgres."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> Sequence[EvidenceSummary]:
        """All load tests, the newest first."""
        with planner_transaction(self._engine) as connection:
            return select_evidence(connection)

    def document(self, evidence_id: str) -> Mapping[str, Any] | None:
        """The whole of one."""
        if not is_storable(evidence_id):
            return None
        with planner_transaction(self._engine) as connection:
            return select_evidence_document(connection, evidence_id)

    def add(
        self, text: str, *, by: str = COMMAND_LINE, now: datetime | None = None
    ) -> tuple[EvidenceSummary, bool]:
        """Keep the evidence in a file's text, and say whether it is new; raises `EvidenceError`."""
        found, document = read_evidence(text)
        refuse_future(found, now or datetime.now(UTC))
        try:
            with planner_transaction(self._engine) as connection:
                added = insert_evidence(connection, found, document, by=by)
                summary = select_summary(connection, found.id)
        except DataError as error:
            raise EvidenceError(
                "The evidence holds a character or a number that Postgres cannot keep: give the file as it was written."
            ) from error
        return summary, added

    def remove(self, evidence_id: str, *, by: str) -> EvidenceSummary | None:
        """Take a load test back; None where there is none of this id. Who did it is kept."""
        if not is_storable(evidence_id):
            return None
        with planner_transaction(self._engine) as connection:
            return delete_evidence(connection, evidence_id, by=by)

    def measured(self) -> Sequence[MeasuredCeiling]:
        """What a plan goes by, the newest first; what cannot be read is left out, and `all` names it."""
        with planner_transaction(self._engine) as connection:
            return list(select_evidence_for_planning(connection))
