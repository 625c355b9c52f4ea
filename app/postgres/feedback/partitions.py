"""Tables of the loop that are partitioned by time: parts are made when something is put into them, and dropped whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from psycopg.errors import LockNotAvailable, UndefinedTable
from psycopg.sql import SQL, Identifier, Literal

from app.postgres.engines import DROP_WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

_MAKE_PARTITIONS = 4_250_112_032  # an advisory lock: one process makes partitions at a time


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table of the schema `connected_jobs` in parts of a day, or of a month in UTC where `monthly`.

    `filled` is how much of a page new rows take, in per cent: where each row is written once more, a half, so that its
    next version fits into the same page and no index is touched (measured: a fifth of the work, and no more space).
    """

    name: str
    monthly: bool = False
    filled: int = 100

    def start(self, day: date) -> date:
        """The first day of the part that holds a day."""
        return day.replace(day=1) if self.monthly else day

    def end(self, start: date) -> date:
        """The first day after a part."""
        return (start + timedelta(days=32)).replace(day=1) if self.monthly else start + timedelta(days=1)

    def part(self, start: date) -> str:
        """The name of the part that begins at a day."""
        return f"{self.name}_{start:%Y%m}" if self.monthly else f"{self.name}_{start:%Y%m%d}"


EXPOSURE = Partitioned("exposure")
CLICK = Partitioned("click", filled=50)  # whether a person made it is found later
MAIL_EVENT = Partitioned("mail_event")
OUTCOME = Partitioned("outcome", monthly=True)
AIRBRIDGE_EVENT = Partitioned("airbridge_event")


def create_partitions(driver: psycopg.Connection, table: Partitioned, days: Iterable[date]) -> None:
    """Make the parts that hold these days, where they are not there yet.

    A part is made apart and attached: that waits for no reader and makes none wait. To be called in a transaction.
    """
    missing = sorted({table.start(day) for day in days} - set(select_partitions(driver, table)))
    if not missing:
        return
    driver.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKE_PARTITIONS])
    there = set(select_partitions(driver, table))
    for start in missing:
        if start not in there:
            _create_partition(driver, table, start)


def _create_partition(driver: psycopg.Connection, table: Partitioned, start: date) -> None:
    whole, part = Identifier("connected_jobs", table.name), Identifier("connected_jobs", table.part(start))
    bounds = [
        Literal(f"{day.isoformat()} 00:00:00+00" if table.monthly else day.isoformat())
        for day in (start, table.end(start))
    ]
    filled = Literal(table.filled)
    driver.execute(
        SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL) WITH (fillfactor = {})").format(part, whole, filled)
    )
    driver.execute(
        SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(whole, part, *bounds)
    )


def select_partitions(driver: psycopg.Connection, table: Partitioned) -> list[date]:
    """The first days of a table's parts, in order."""
    names = driver.execute(
        """
        SELECT c.relname
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(%s)
        """,
        [f"connected_jobs.{table.name}"],
    ).fetchall()
    digits = [name.removeprefix(f"{table.name}_") for (name,) in names]
    return sorted(date(int(d[:4]), int(d[4:6]), int(d[6:8] or 1)) for d in digits if d.isdigit())


def drop_partitions(driver: psycopg.Connection, table: Partitioned, before: date) -> list[date]:
    """Drop the parts that hold nothing from `before` on; returns those dropped.

    A part that somebody reads for long is left for the next time, and one that another has dropped is passed over. The
    connection is to be in autocommit.
    """
    dropped = []
    for start in select_partitions(driver, table):
        if table.end(start) > before:
            break
        try:
            with driver.transaction():
                driver.execute("SELECT set_config('lock_timeout', %s, true)", [f"{DROP_WAIT_S:g}s"])
                driver.execute(SQL("DROP TABLE {}").format(Identifier("connected_jobs", table.part(start))))
        except (LockNotAvailable, UndefinedTable):
            continue
        dropped.append(start)
    return dropped
