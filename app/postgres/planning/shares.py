"""Links that show one report, in Postgres: only a hash of a link's token is kept, and its clock says when one expires."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.capacity.register.shares import Share
from app.credentials import hash_secret
from app.postgres.audit import insert_audit_entry
from app.postgres.transactions import planner_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy import Connection, Engine

_TOKEN_BYTES = 32
_COLUMNS = "id, campaign_id, created_at, created_by, expires_at"


def insert_share(
    connection: Connection, campaign_id: int, lifetime: timedelta, *, by: str
) -> tuple[Share, str]:
    """Make a link; the token returned is kept nowhere."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = connection.execute(
        text(f"""
            INSERT INTO connected_jobs.share (token_hash, campaign_id, created_by, expires_at)
            VALUES (:token_hash, :campaign_id, :by, now() + :lifetime)
            RETURNING {_COLUMNS}
        """),
        {"token_hash": hash_secret(token), "campaign_id": campaign_id, "by": by, "lifetime": lifetime},
    ).one()
    return Share(*row), token


def select_shares(connection: Connection, campaign_id: int) -> list[Share]:
    """A campaign's links that still open, the newest first."""
    rows = connection.execute(
        text(f"""
            SELECT {_COLUMNS} FROM connected_jobs.share
            WHERE campaign_id = :campaign_id AND revoked_at IS NULL AND expires_at > now()
            ORDER BY id DESC
        """),
        {"campaign_id": campaign_id},
    )
    return [Share(*row) for row in rows]


def select_shared(connection: Connection, token: str) -> int | None:
    """The campaign that a token shows, None for one that opens nothing.

    The look-up is by SHA-256, which tells nobody how near a guess was; the stored hash is then compared in constant time.
    """
    hashed = hash_secret(token)
    row = connection.execute(
        text("""
            SELECT token_hash, campaign_id FROM connected_jobs.share
            WHERE token_hash = :token_hash AND revoked_at IS NULL AND expires_at > now()
        """),
        {"token_hash": hashed},
    ).one_or_none()
    return int(row[1]) if row is not None and hmac.compare_digest(bytes(row[0]), hashed) else None


def update_share_revoked(connection: Connection, campaign_id: int, number: int, *, by: str) -> Share | None:
    """Revoke one of a campaign's links; None if no link with this number works."""
    row = connection.execute(
        text(f"""
            UPDATE connected_jobs.share SET revoked_at = now(), revoked_by = :by
            WHERE id = :number AND campaign_id = :campaign_id AND revoked_at IS NULL AND expires_at > now()
            RETURNING {_COLUMNS}
        """),
        {"number": number, "campaign_id": campaign_id, "by": by},
    ).one_or_none()
    return None if row is None else Share(*row)


class PostgresShares:
    """Links, in Postgres: see `app.capacity.register.shares.ShareStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, campaign_id: int, lifetime: timedelta, *, by: str) -> tuple[Share, str]:
        """Make a link to a campaign's report; returns it with its token, which is kept nowhere else."""
        with planner_transaction(self._engine) as connection:
            share, token = insert_share(connection, campaign_id, lifetime, by=by)
            subject = f"{share.id} of campaign {campaign_id}"
            until = {"expires_at": share.expires_at.isoformat()}
            insert_audit_entry(connection, who=by, what="share created", subject=subject, after=until)
            return share, token

    def of_campaign(self, campaign_id: int) -> Sequence[Share]:
        """A campaign's links that still open, the newest first."""
        with planner_transaction(self._engine) as connection:
            return select_shares(connection, campaign_id)

    def campaign_of(self, token: str) -> int | None:
        """The campaign that a token shows, None for one that opens nothing."""
        with planner_transaction(self._engine) as connection:
            return select_shared(connection, token)

    def revoke(self, campaign_id: int, number: int, *, by: str) -> Share | None:
        """Take one of a campaign's links back; None if no link with this number works."""
        with planner_transaction(self._engine) as connection:
            share = update_share_revoked(connection, campaign_id, number, by=by)
            if share is not None:
                subject = f"{number} of campaign {campaign_id}"
                insert_audit_entry(connection, who=by, what="share revoked", subject=subject)
            return share
