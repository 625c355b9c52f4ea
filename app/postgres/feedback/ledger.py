"""Which files were read, of Currents and of Airbridge, and one reader of each at a time."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import psycopg

_ONE_READS = 4_250_112_031  # an advisory lock's number, as in `migrate`
_ONE_READS_AIRBRIDGE = 4_250_112_033
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class FilesOf:
    """Whose files: the command that reads them, the table in which they are noted, and the lock that it holds."""

    command: str
    table: str
    lock: int


CURRENTS: Final = FilesOf("currents read", "currents_file", _ONE_READS)
AIRBRIDGE: Final = FilesOf("airbridge read", "airbridge_file", _ONE_READS_AIRBRIDGE)


class ReaderBusyError(Exception):
    """Another reader is at work; the sentence says so."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read: what it held, how much of it was new, and what was left out.

    `hour` is when Braze queued its events, or the begin of Airbridge's day, `event_type` what Airbridge calls web, app or
    tracking-link, `schema_id` its version; `refusal` is the first reason why something was left out.
    """

    object_key: str
    etag: str
    event_type: str
    schema_id: str | None
    hour: datetime | None
    size: int
    rows: int
    new_rows: int
    refused: int
    unknown_fields: Sequence[str]
    refusal: str | None


@contextmanager
def hold_reader_lock(driver: psycopg.Connection, files: FilesOf = CURRENTS) -> Iterator[None]:
    """Keep other readers out for as long as the connection lives.

    Raises:
        ReaderBusyError: another one reads.
    """
    row = driver.execute("SELECT pg_try_advisory_lock(%s)", [files.lock]).fetchone()
    if not (row and row[0]):
        raise ReaderBusyError(
            f"Another `{files.command}` is at work on this database: it reads all there is; run again later."
        )
    try:
        yield
    finally:
        if not driver.closed:
            driver.execute("SELECT pg_advisory_unlock(%s)", [files.lock])


def select_last_key(driver: psycopg.Connection, prefix: str, before: str | None = None) -> str | None:
    """The last key, in the order of keys, of the files read below a prefix, and before a key; None before the first."""
    row = driver.execute(
        """
        SELECT max(object_key)
        FROM connected_jobs.currents_file
        WHERE object_key >= %s AND object_key < %s
        """,
        [prefix, before or prefix + _LAST_CHARACTER],
    ).fetchone()
    return row[0] if row else None


def select_etags(
    driver: psycopg.Connection, keys: Sequence[str], files: FilesOf = CURRENTS
) -> dict[str, str]:
    """The eTag that each of these files had when it was read."""
    return dict(
        driver.execute(
            f"SELECT object_key, etag FROM connected_jobs.{files.table} WHERE object_key = ANY(%s)",
            [list(keys)],
        ).fetchall()
    )


def upsert_file(driver: psycopg.Connection, file: ReadFile, files: FilesOf = CURRENTS) -> None:
    """Note a file as read, in the transaction that puts its rows."""
    driver.execute(
        f"""
        INSERT INTO connected_jobs.{files.table} AS t
            (object_key, etag, event_type, schema_id, hour, size, rows, new_rows, refused, unknown_fields, refusal)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (object_key) DO UPDATE
        SET (etag, event_type, schema_id, hour, size, rows, new_rows, refused, unknown_fields, refusal, read_at) =
            (EXCLUDED.etag, EXCLUDED.event_type, EXCLUDED.schema_id, EXCLUDED.hour, EXCLUDED.size, EXCLUDED.rows,
             t.new_rows + EXCLUDED.new_rows, EXCLUDED.refused, EXCLUDED.unknown_fields, EXCLUDED.refusal, now())
        """,
        [
            file.object_key, file.etag, file.event_type, file.schema_id, file.hour, file.size, file.rows, file.new_rows,
            file.refused, list(file.unknown_fields), file.refusal,
        ],
    )  # fmt: skip
