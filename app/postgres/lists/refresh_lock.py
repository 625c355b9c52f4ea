"""One refresh at a time, and one that publishes, goes back or drops: advisory locks of Postgres."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg.errors import (
    CheckViolation,
    ForeignKeyViolation,
    LockNotAvailable,
    UndefinedTable,
    UniqueViolation,
)
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

_ONE_REFRESH = 4_250_112_028  # an advisory lock's number, as in `migrate`
_ONE_PUBLISHES = 4_250_112_029  # the same
PUBLISHING_WAIT_S = 60.0
TAKEN_OVER = "Another refresh took this run over or dropped it: nothing is published by this one; see how the other went."
_TAKEN_OVER = (CheckViolation, ForeignKeyViolation, UndefinedTable, UniqueViolation)


class RefreshError(Exception):
    """The refresh cannot go on; the sentence says why and what to do."""


class RefreshLock:
    """Keeps other refreshes out for as long as its connection lives."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def take(self) -> None:
        """Raises `RefreshError` where another session has the lock."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not connection.execute(text(f"SELECT pg_try_advisory_lock({_ONE_REFRESH})")).scalar():
            connection.close()
            raise RefreshError("Another refresh is running on this database: wait for it to end.")
        self._connection = connection

    def ensure(self) -> None:
        """Take it again where its connection was cut, which gave it away.

        Raises:
            RefreshError: another session has the lock now.
        """
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            self.release()
            self.take()

    def release(self) -> None:
        """Let others in; a connection that was cut has done so already."""
        if self._connection is not None:
            # Closing the connection would do it too, but a moment later than we return.
            with suppress(SQLAlchemyError):
                self._connection.execute(text(f"SELECT pg_advisory_unlock({_ONE_REFRESH})"))
            with suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None


@contextmanager
def raise_if_taken_over() -> Iterator[None]:
    """Turn the database errors of a run that another refresh took over or dropped into one sentence.

    That happens where the lock's connection was cut, which gives the lock away.

    Raises:
        RefreshError: that is so.
    """
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        if isinstance(error if isinstance(error, psycopg.Error) else error.orig, _TAKEN_OVER):
            raise RefreshError(TAKEN_OVER) from None
        raise


@contextmanager
def hold_refresh_lock(engine: Engine) -> Iterator[RefreshLock]:
    """Hold the lock that keeps other refreshes out.

    Raises:
        RefreshError: another refresh runs.
    """
    lock = RefreshLock(engine)
    lock.take()
    try:
        yield lock
    finally:
        lock.release()


@contextmanager
def hold_publishing_lock(engine: Engine) -> Iterator[None]:
    """Hold the lock that keeps others from publishing, rolling back or dropping runs; wait for it up to `PUBLISHING_WAIT_S`.

    Raises:
        RefreshError: another process publishes, for longer than that should take.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"SET lock_timeout = {round(PUBLISHING_WAIT_S * 1000)}"))
        try:
            connection.execute(text(f"SELECT pg_advisory_lock({_ONE_PUBLISHES})"))
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            raise RefreshError(
                f"Another refresh has been publishing for over {PUBLISHING_WAIT_S:g} s: try again."
            ) from error
        try:
            yield
        finally:
            with suppress(SQLAlchemyError):
                connection.execute(text(f"SELECT pg_advisory_unlock({_ONE_PUBLISHES})"))


def is_refreshing(connection: Connection) -> bool:
    """Whether a refresh is running."""
    running: bool = connection.execute(
        text("""
            SELECT EXISTS (
                SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND granted AND objsubid = 1
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND (classid::bigint << 32) + objid::bigint = :number
            )
        """),
        {"number": _ONE_REFRESH},
    ).scalar_one()
    return running
