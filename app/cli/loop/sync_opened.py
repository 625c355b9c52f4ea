"""A sync as commands open it: its file, its destination and its database, and what they say alike."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from app.cli.database import database
from app.cli.loop.doors import open_door
from app.postgres.planning.register import PostgresRegister
from app.postgres.syncs.ledger import PostgresLedger
from app.postgres.syncs.runs import paused_until, requests_this_hour, sync_engine
from app.postgres.syncs.source import PostgresSource
from app.settings import Settings
from app.sync.definition import SyncDefinition, read_sync_file
from app.sync.events_run import EventsRun
from app.sync.pacing import Pacer
from app.sync.rows_run import RowsRun

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from app.sync.door import Door

EXIT_STOPPED = 1
EXIT_PAUSED = 4
file_argument = click.argument("file", type=click.Path(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
again_option = click.option(
    "--again", is_flag=True, help="Also rows that were refused and have not changed since."
)
most_option = click.option("--most", default=50, show_default=True, type=click.IntRange(1, 1_000_000))


@dataclass(frozen=True, slots=True)
class OpenSync:
    """A sync with its destination and its database."""

    definition: SyncDefinition
    engine: Engine
    door: Door[Any]

    def source(self) -> PostgresSource:
        """Return the query's rows."""
        return PostgresSource(self.engine, self.definition.query, timeout_s=self.definition.query_timeout_s)

    def run(
        self, destination_id: int, run_id: int | None, *, again: bool, everything: bool = False
    ) -> RowsRun | EventsRun:
        """Return a run, or what would be one where it has no number."""
        ledger = PostgresLedger(
            self.engine,
            self.definition,
            destination_id=destination_id,
            run_id=run_id,
            passing=self.door.limits.passing,
        )
        if self.definition.kind == "events":
            return EventsRun(self.definition, self.door, self.source(), ledger, again=again)
        return RowsRun(self.definition, self.door, self.source(), ledger, again=again, everything=everything)

    def pacer(self, destination_id: int) -> Pacer:
        """Return the destination's budget, as far as this hour has left it."""
        used = requests_this_hour(self.engine, destination_id)
        until = paused_until(self.engine, destination_id)
        return Pacer(self.definition.limits, requests=self.door.limits.requests, used=used, not_before=until)


@contextmanager
def open_sync(file: Path) -> Iterator[OpenSync]:
    """Yield the sync of a file, with the database to use; raises `SyncError` where the file or its key is wrong."""
    definition = read_sync_file(file)
    settings = Settings.from_env()
    door = open_door(definition, settings)
    with database() as url:
        connections = definition.limits.connections
        engine = sync_engine(url, connections=connections, through_pgbouncer=settings.pgbouncer)
        try:
            yield OpenSync(definition, engine, door)
        finally:
            engine.dispose()


def since(at: datetime, by: str, zone: ZoneInfo) -> str:
    """Return since when a sync is paused, and by whom."""
    return f"since {at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key}) by {by}"


def zone_of(engine: Engine) -> ZoneInfo:
    """Return the workspace's time zone, in which people are told times."""
    return ZoneInfo(PostgresRegister(engine).workspace().time_zone)


def clock(until: float, zone: ZoneInfo) -> str:
    """Return a time of the day, from seconds since 1970."""
    return f"{datetime.fromtimestamp(until, UTC).astimezone(zone):%H:%M} ({zone.key})"
