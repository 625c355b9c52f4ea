"""Credentials in Postgres: made, listed, revoked. Only their hashes are kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.credentials import Role, Scope, hash_secret

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A credential without its secret; `role` is an operator's, None for the other scopes."""

    id: int
    name: str
    scope: Scope
    role: Role | None
    created_at: datetime
    revoked_at: datetime | None


def insert_credential(
    connection: Connection,
    name: str,
    scope: Scope,
    *,
    role: Role | None = None,
    secret: str | None = None,
) -> tuple[CredentialRow, str]:
    """Make a credential, with a random secret or the one given; the secret returned is kept nowhere.

    Several of one name may live at once. An operator's without a role administers.

    Raises:
        sqlalchemy.exc.IntegrityError: a credential, revoked or not, has the given secret.
    """
    secret = secrets.token_urlsafe(_SECRET_BYTES) if secret is None else secret
    row = connection.execute(
        text("""
            INSERT INTO connected_jobs.credential (name, scope, role, secret_hash)
            VALUES (:name, :scope, :role, :secret_hash)
            RETURNING id, name, scope, role, created_at, revoked_at
        """),
        {"name": name, "scope": scope, "role": role, "secret_hash": hash_secret(secret)},
    ).one()
    return _credential(*row), secret


def select_credentials(connection: Connection) -> list[CredentialRow]:
    """Every credential ever made, oldest first."""
    rows = connection.execute(
        text(
            "SELECT id, name, scope, role, created_at, revoked_at FROM connected_jobs.credential ORDER BY id"
        )
    )
    return [_credential(*row) for row in rows]


def select_credential(connection: Connection, secret: str) -> CredentialRow | None:
    """The credential that has or had this secret, revoked or not; None where there never was one."""
    row = connection.execute(
        text("""
            SELECT id, name, scope, role, created_at, revoked_at
            FROM connected_jobs.credential
            WHERE secret_hash = :secret_hash
        """),
        {"secret_hash": hash_secret(secret)},
    ).first()
    return None if row is None else _credential(*row)


def select_living_credential(connection: Connection, secret: str) -> CredentialRow | None:
    """The credential with this secret, None where there is none or it is revoked."""
    row = select_credential(connection, secret)
    return None if row is None or row.revoked_at is not None else row


def revoke_credential(connection: Connection, number: int) -> CredentialRow | None:
    """Revoke a credential by its id; None if no credential with this id is in use."""
    row = connection.execute(
        text("""
            UPDATE connected_jobs.credential
            SET revoked_at = now()
            WHERE id = :number AND revoked_at IS NULL
            RETURNING id, name, scope, role, created_at, revoked_at
        """),
        {"number": number},
    ).one_or_none()
    return None if row is None else _credential(*row)


def _credential(
    number: int, name: str, scope: str, role: str | None, created_at: datetime, revoked_at: datetime | None
) -> CredentialRow:
    of_operator = Role(role or Role.ADMINISTER) if scope == Scope.OPERATOR else None
    return CredentialRow(number, name, Scope(scope), of_operator, created_at, revoked_at)
