"""The models of whole refreshes: a table each beside its run, dropped when no run needs it any more."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.recommend.incremental.saved_model import SavedModelError, load, save

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Any

    from sqlalchemy import Connection, Engine

    from app.recommend.incremental.saved_model import SavedModel

_PART_BYTES = 8 * 1024 * 1024


def write_model(engine: Engine, run_id: int, saved: SavedModel) -> None:
    """Store a run's model, whole or not at all; replace what an earlier attempt stored."""
    table = _table(run_id)
    with tempfile.TemporaryFile() as file, engine.begin() as connection:
        save(saved, file)
        file.seek(0)
        connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
        connection.execute(text(f"CREATE TABLE {table} (part integer PRIMARY KEY, content bytea NOT NULL)"))
        # Numbers hardly compress: Postgres need not try.
        connection.execute(text(f"ALTER TABLE {table} ALTER COLUMN content SET STORAGE EXTERNAL"))
        driver: Any = connection.connection.driver_connection
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table} (part, content) FROM STDIN (FORMAT binary)") as copy,
        ):
            copy.set_types(["int4", "bytea"])
            for part, content in enumerate(_parts(file)):
                copy.write_row((part, content))


def read_model(connection: Connection, run_id: int) -> SavedModel:
    """The model of a run.

    Raises:
        SavedModelError: there is none, or another version of the program wrote it.
    """
    table = _table(run_id)
    if connection.execute(text("SELECT to_regclass(:table)"), {"table": table}).scalar() is None:
        raise SavedModelError(f"There is no model of run {run_id}.")
    with tempfile.TemporaryFile() as file:
        parts = connection.execute(
            text(f"SELECT content FROM {table} ORDER BY part").execution_options(yield_per=1)
        )
        for (content,) in parts:
            file.write(content)
        file.seek(0)
        return load(file)


def drop_unneeded_models(engine: Engine, *, wait_s: float) -> None:
    """Drop the models that no run needs; one that is being read for longer than `wait_s` is left to the next call."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"SET lock_timeout = {round(wait_s * 1000)}"))
        unneeded = connection.execute(
            text("""
                SELECT r.id
                FROM connected_jobs.refresh_run r
                WHERE to_regclass('connected_jobs.kept_model_' || r.id) IS NOT NULL
                  AND r.state <> 'running'
                  AND NOT EXISTS (
                      SELECT FROM connected_jobs.refresh_run n
                      WHERE n.state = 'ready' AND (n.measures ->> 'model')::bigint = r.id
                  )
            """)
        ).scalars()
        for run_id in unneeded.all():
            try:
                connection.execute(text(f"DROP TABLE IF EXISTS {_table(run_id)}"))
            except OperationalError as error:
                if not isinstance(error.orig, LockNotAvailable):
                    raise


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    while part := file.read(_PART_BYTES):
        yield part


def _table(run_id: int) -> str:
    return f"connected_jobs.kept_model_{int(run_id)}"
