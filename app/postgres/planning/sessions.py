"""Operators' sessions in Postgres: begun by a credential, ended by signing out, by its revocation, or by Postgres's clock.

Only a hash of a session's id is kept: who reads the table cannot use it.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.credentials import Operator, Role
from app.postgres.transactions import planner_transaction

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Connection, Engine

_ID_BYTES = 32


def insert_session(connection: Connection, secret_hash: bytes, lifetime: timedelta) -> str:
    """Begin a session of a credential; returns its id."""
    session_id = secrets.token_urlsafe(_ID_BYTES)
    connection.execute(
        text("""
            INSERT INTO connected_jobs.operator_session (id_hash, secret_hash, ends_at)
            VALUES (:id_hash, :secret_hash, now() + :lifetime)
        """),
        {"id_hash": _hash(session_id), "secret_hash": secret_hash, "lifetime": lifetime},
    )
    return session_id


def select_operator(connection: Connection, session_id: str) -> Operator | None:
    """Whose session it is, None for one that has ended."""
    row = connection.execute(
        text("""
            SELECT c.name, coalesce(c.role, 'administer')
            FROM connected_jobs.operator_session AS s
            JOIN connected_jobs.credential AS c USING (secret_hash)
            WHERE s.id_hash = :id_hash AND s.ends_at > now()
              AND c.revoked_at IS NULL AND c.scope = 'operator'
        """),
        {"id_hash": _hash(session_id)},
    ).one_or_none()
    return None if row is None else Operator(row[0], Role(row[1]))


def delete_session(connection: Connection, session_id: str) -> None:
    """End a session, whoever holds a copy of its cookie."""
    connection.execute(
        text("DELETE FROM connected_jobs.operator_session WHERE id_hash = :id_hash"),
        {"id_hash": _hash(session_id)},
    )


def delete_ended_sessions(connection: Connection) -> None:
    """Delete the sessions that are over."""
    connection.execute(
        text("""
            DELETE FROM connected_jobs.operator_session AS s
            USING connected_jobs.credential AS c
            WHERE c.secret_hash = s.secret_hash AND (s.ends_at < now() OR c.revoked_at IS NOT NULL)
        """)
    )


def _hash(session_id: str) -> bytes:
    return sha256(session_id.encode("utf-8", "surrogatepass")).digest()


class PostgresSessions:
    """Operators' sessions, in Postgres: see `app.web.pages.access.session.Sessions`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, secret_hash: bytes, lifetime: timedelta) -> str:
        """Begin a session of a credential; returns its id, which is kept nowhere else."""
        with planner_transaction(self._engine) as connection:
            return insert_session(connection, secret_hash, lifetime)

    def operator(self, session_id: str) -> Operator | None:
        """Whose session it is, None for one that has ended."""
        with planner_transaction(self._engine) as connection:
            return select_operator(connection, session_id)

    def end(self, session_id: str) -> None:
        """End a session, whoever holds a copy of its cookie."""
        with planner_transaction(self._engine) as connection:
            delete_session(connection, session_id)
