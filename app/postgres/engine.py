"""Connections: engines from a libpq URL, one for commands and one for answering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool, QueuePool

if TYPE_CHECKING:
    from sqlalchemy import Engine

CONNECT_S = 2  # the least that libpq can be told


def batch_engine(url: str) -> Engine:
    """An engine for commands: a connection per use, transactions as usual.

    Args:
        url: As libpq reads it; several hosts are allowed.
    """
    return create_engine(
        "postgresql+psycopg://", creator=lambda: _connect(url, "connected-jobs"), poolclass=NullPool
    )


def serving_engine(url: str, *, pool_size: int, pool_wait_s: float, statement_timeout_ms: int) -> Engine:
    """An engine for answering: a bounded pool of autocommitting connections that keep their prepared statements.

    Autocommit spares two round trips a read, and psycopg forgets prepared statements after a rollback.
    A checkout that waits longer than `pool_wait_s` raises `sqlalchemy.exc.TimeoutError`.
    """

    def connect() -> psycopg.Connection:
        connection = _connect(url, "connected-jobs serve", connect_timeout=CONNECT_S, autocommit=True)
        connection.execute(f"SET statement_timeout = {int(statement_timeout_ms)}")
        return connection

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_wait_s,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
    )


def _connect(url: str, application: str, **options: Any) -> psycopg.Connection:
    """Connect under a name that shows in pg_stat_activity."""
    return psycopg.connect(url, application_name=application, **options)
