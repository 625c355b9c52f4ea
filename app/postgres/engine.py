"""Connections: engines from a libpq URL, one for commands and one for answering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool, QueuePool

if TYPE_CHECKING:
    from sqlalchemy import Engine


def batch_engine(url: str) -> Engine:
    """An engine for commands: a connection per use, transactions as usual.

    Args:
        url: As libpq reads it; several hosts are allowed.
    """
    return create_engine(
        "postgresql+psycopg://", creator=lambda: _connect(url, "connected-jobs"), poolclass=NullPool
    )


def serving_engine(url: str, *, pool_size: int, pool_wait_s: float, connect_s: int) -> Engine:
    """An engine for answering: a bounded pool, autocommit, server-side statements kept.

    Autocommit spares two round trips a read, and psycopg forgets prepared statements after a rollback.
    A checkout that waits longer than `pool_wait_s` raises `sqlalchemy.exc.TimeoutError`.
    """
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: _connect(url, "connected-jobs serve", connect_timeout=connect_s),
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_wait_s,
        isolation_level="AUTOCOMMIT",
    )


def _connect(url: str, application: str, **options: Any) -> psycopg.Connection:
    """Connect under a name that shows in pg_stat_activity."""
    return psycopg.connect(url, application_name=application, **options)
