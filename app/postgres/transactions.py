"""A transaction of the planner's: short, and whatever keeps it from its end is one error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.capacity.register.campaigns import RegisterRefusedError, RegisterUnavailableError
from app.postgres.refusals import is_transient, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

STATEMENT_MS = 10_000
_NOT_NOW = "Postgres cannot be used now: try again in a moment; nothing was changed."


@contextmanager
def planner_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction; whatever keeps it from its end, but for what its caller expects, is one error."""
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_MS}"))
            yield connection
    except (DataError, IntegrityError):
        raise
    except PoolTimeoutError as error:
        raise RegisterUnavailableError(_NOT_NOW) from error
    except DBAPIError as error:
        cause = error.orig
        if isinstance(cause, psycopg.Error) and not is_transient(cause):
            raise RegisterRefusedError(refusal(cause)) from error
        raise RegisterUnavailableError(_NOT_NOW) from error
