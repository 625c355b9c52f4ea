"""Engines on the one way to Postgres (`connecting`); answering has its own pool (`serving.pool`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from app.postgres.connecting import CONNECT_S, begin_pinned, connect

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection, Engine

PLANNER_CONNECT_S = 3
DROP_WAIT_S = 10.0  # for those who still read a part of a table that is to go
PLANNER_WAIT_S = 3.0  # for a connection of the pool


def batch_engine(url: str, *, through_pgbouncer: bool = False) -> Engine:
    """An engine for commands: a connection per use, transactions as usual.

    Args:
        url: As libpq reads it; several hosts are allowed.
        through_pgbouncer: Whether a PgBouncer is there.
    """
    return make_engine(url, through_pgbouncer=through_pgbouncer, poolclass=NullPool)


def planner_engine(url: str, *, size: int = 4, through_pgbouncer: bool = False) -> Engine:
    """An engine with a small pool, for a process that lives long; a broken connection is replaced.

    Args:
        url: As libpq reads it; several hosts are allowed.
        size: Most connections at once.
        through_pgbouncer: Whether a PgBouncer is there.
    """
    return make_engine(
        url,
        through_pgbouncer=through_pgbouncer,
        application="connected-jobs planner",
        connect_s=PLANNER_CONNECT_S,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=PLANNER_WAIT_S,
        pool_pre_ping=True,
    )


def make_engine(
    url: str,
    *,
    through_pgbouncer: bool,
    application: str = "connected-jobs",
    connect_s: int = CONNECT_S,
    **pool: Any,
) -> Engine:
    """An engine whose sessions are as we rely on them; `pool` is how SQLAlchemy keeps connections."""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(
            url,
            application=application,
            through_pgbouncer=through_pgbouncer,
            connect_timeout=connect_s,
            autocommit=through_pgbouncer,  # `begin` is ours there
        ),
        use_native_hstore=False,
        **pool,
    )
    if through_pgbouncer:

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
                begin_pinned(driver_of(connection))

    return engine


def driver_of(connection: Any) -> psycopg.Connection:
    """The driver's own connection, beneath SQLAlchemy's."""
    driver: psycopg.Connection = connection.connection.driver_connection
    return driver
