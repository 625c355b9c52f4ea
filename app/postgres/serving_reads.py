"""The reads behind an answer, each one statement: see `app.serving.reads.Reads`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.errors import QueryCanceled
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.postgres.board_rows import MEMBER_COLUMNS, POSTING_COLUMNS, member_from, posting_from
from app.serving.credentials import Credential, Scope
from app.serving.reads import MemberList, Publication, Run, Shelf, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Engine

    from app.recommend.board import Member, Posting
    from app.serving.deadline import Deadline

_PUBLICATIONS = """
    SELECT p.id, p.run_id, r.cutoff_at, r.finished_at, p.effective_at
    FROM connected_jobs.publication p
    JOIN connected_jobs.refresh_run r ON r.id = p.run_id AND r.state = 'ready'
    ORDER BY p.id DESC
    LIMIT 8
"""
_SHELVES = """
    SELECT category, region, posting_ids, reasons
    FROM connected_jobs.shelf
    WHERE run_id = %s
"""
_MEMBER_LIST = """
    SELECT m.mail_consent AND m.withdrawn_at IS NULL,
           l.posting_ids,
           l.reasons,
           ARRAY(SELECT a.posting_id
                 FROM board.activity a
                 WHERE a.member_id = m.id AND a.kind = 'apply' AND a.occurred_at > %s
                   AND m.mail_consent AND m.withdrawn_at IS NULL)
    FROM board.member m
    LEFT JOIN connected_jobs.recommendation_list l
           ON l.run_id = %s AND l.member_id = m.id AND m.mail_consent AND m.withdrawn_at IS NULL
    WHERE m.id = %s
"""
_MEMBER_ALONE = "SELECT mail_consent AND withdrawn_at IS NULL FROM board.member WHERE id = %s"
_PROFILE = f"""
    SELECT {MEMBER_COLUMNS}
    FROM board.member m
    WHERE m.id = %s AND m.mail_consent AND m.withdrawn_at IS NULL
"""
_APPLIED = "SELECT DISTINCT posting_id FROM board.activity WHERE member_id = %s AND kind = 'apply'"
_POSTINGS = f"""
    SELECT {POSTING_COLUMNS}
    FROM board.posting p
    JOIN board.company c ON c.id = p.company_id
    WHERE p.id = ANY(%s)
"""
_NEWEST = f"""
    SELECT {POSTING_COLUMNS}
    FROM board.posting p
    JOIN board.company c ON c.id = p.company_id
    WHERE p.status = 'open' AND (p.deadline IS NULL OR p.deadline >= (now() AT TIME ZONE 'Asia/Seoul')::date)
    ORDER BY p.opened_at DESC, p.id
    LIMIT %s
"""
_CLOCK = "SELECT now()"
_CHANGED = f"""
    SELECT {POSTING_COLUMNS}
    FROM board.posting p
    JOIN board.company c ON c.id = p.company_id
    WHERE p.updated_at >= %s
"""
_CREDENTIALS = """
    SELECT name, scope, secret_hash
    FROM connected_jobs.credential
    WHERE revoked_at IS NULL
"""


class PostgresReads:
    """Reads through a bounded pool; whatever goes wrong on the way is an `UnavailableError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def publications(self) -> list[Publication]:
        """The newest publications, newest first."""
        return [
            Publication(number, Run(run_id, cutoff_at, finished_at), effective_at)
            for number, run_id, cutoff_at, finished_at, effective_at in self._all(_PUBLICATIONS)
        ]

    def shelves(self, run_id: int) -> list[Shelf]:
        """A run's shelves."""
        return [Shelf(*row) for row in self._all(_SHELVES, run_id)]

    def newest_postings(self, count: int) -> list[Posting]:
        """Open postings, newest first."""
        return [posting_from(row) for row in self._all(_NEWEST, count)]

    def member_list(self, member_id: str, run: Run | None, deadline: Deadline) -> MemberList | None:
        """A member's list in a run, and what they applied to since, in one round trip."""
        if run is None:
            rows = self._all(_MEMBER_ALONE, member_id, deadline=deadline)
            return MemberList(*rows[0]) if rows else None
        rows = self._all(_MEMBER_LIST, run.cutoff_at, run.id, member_id, deadline=deadline)
        return MemberList(*rows[0]) if rows else None

    def profile(self, member_id: str, deadline: Deadline) -> Member | None:
        """A mailable member's profile."""
        rows = self._all(_PROFILE, member_id, deadline=deadline)
        return member_from(rows[0]) if rows else None

    def applied(self, member_id: str, deadline: Deadline) -> frozenset[str]:
        """Every posting a member ever applied to."""
        return frozenset(row[0] for row in self._all(_APPLIED, member_id, deadline=deadline))

    def postings(self, ids: Sequence[str], deadline: Deadline | None = None) -> list[Posting]:
        """Postings by id."""
        return [posting_from(row) for row in self._all(_POSTINGS, list(ids), deadline=deadline)]

    def postings_changed_since(self, since: datetime | None) -> tuple[datetime, list[Posting]]:
        """The server's clock before the read, and what changed."""
        clock = self._all(_CLOCK)[0][0]
        rows = [] if since is None else self._all(_CHANGED, since)
        return clock, [posting_from(row) for row in rows]

    def credentials(self) -> list[Credential]:
        """Every credential that is not revoked."""
        return [
            Credential(name, Scope(scope), bytes(hashed)) for name, scope, hashed in self._all(_CREDENTIALS)
        ]

    def _all(self, statement: str, *parameters: object, deadline: Deadline | None = None) -> list[Any]:
        if deadline is not None and deadline.passed():
            raise UnavailableError("deadline")
        with self._connection() as connection:
            return connection.execute(statement, parameters).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        """A pooled connection; a broken one is not given back."""
        try:
            pooled = self._engine.raw_connection()
        except PoolTimeoutError as error:
            raise UnavailableError("pool") from error
        except (psycopg.Error, DBAPIError) as error:
            raise UnavailableError("connect") from error
        try:
            yield pooled.driver_connection  # type: ignore[misc] # SQLAlchemy does not know the driver's type
        except QueryCanceled as error:
            raise UnavailableError("timeout") from error
        except psycopg.Error as error:
            pooled.invalidate(error)
            raise UnavailableError(
                "broken" if isinstance(error, psycopg.OperationalError) else "refused"
            ) from error
        finally:
            pooled.close()
