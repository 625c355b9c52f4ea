"""How long each table of the loop keeps its rows; what is older is dropped by the day or month."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from app.postgres.feedback.partitions import (
    AIRBRIDGE_EVENT,
    CLICK,
    EXPOSURE,
    MAIL_EVENT,
    OUTCOME,
    Partitioned,
    drop_partitions,
)

if TYPE_CHECKING:
    import psycopg

KEPT_DAYS: Final = {
    "exposure": 35,
    "lately_shown": 8,
    "click": 400,
    "mail_event": 400,
    "outcome": 400,
    "mail_count": 800,  # twice the 400 days of the others: a year beside the year before; it names nobody
    "currents_file": 800,  # longer than any row that came of a file
    "airbridge_event": 400,
    "airbridge_file": 800,
    "changed_day": 400,
}
"""Days that each table keeps, today not counted. `braze_user` and `consent` keep a profile until it or its member is erased;
tombstones are hashes, and stay."""
_PARTITIONED: Final[tuple[Partitioned, ...]] = (EXPOSURE, CLICK, MAIL_EVENT, OUTCOME, AIRBRIDGE_EVENT)


def first_day(table: str, today: date) -> date:
    """The first day that a table keeps."""
    return today - timedelta(days=KEPT_DAYS[table])


def drop_old(driver: psycopg.Connection, today: date) -> dict[str, int]:
    """Drop what is past its time; returns how many days, months or rows went from each table that lost some.

    The connection is to be in autocommit.
    """
    dropped = {
        table.name: len(drop_partitions(driver, table, first_day(table.name, today)))
        for table in _PARTITIONED
    }
    for table, column in (
        ("lately_shown", "counts_from"),
        ("mail_count", "day"),
        ("currents_file", "hour"),
        ("airbridge_file", "hour"),
        ("changed_day", "day"),
    ):
        done = driver.execute(
            f"DELETE FROM connected_jobs.{table} WHERE {column} < %s", [first_day(table, today)]
        )
        dropped[table] = done.rowcount
    return {table: count for table, count in dropped.items() if count}
