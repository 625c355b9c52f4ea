"""A sync's delta as files for Braze's Cloud Data Ingestion, in a folder or a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.braze import ingestion
from app.cli.database import CommandError, read_text
from app.lake.objects import Lake, open_lake
from app.postgres.syncs.ledger import PostgresLedger
from app.postgres.syncs.runs import end_run, hold_destination, minutes_since_sending, start_run
from app.sync.export import FileExport
from app.sync.rows_run import RowsRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.braze.ingestion import FileFormat
    from app.cli.loop.sync_opened import OpenSync
    from app.sync.delta import ChangedRow
    from app.sync.report import SyncReport

_SUFFIX: dict[FileFormat, str] = {"jsonl": "jsonl", "csv": "csv", "parquet": "parquet"}
formats = click.option(
    "--format", "kind", type=click.Choice(ingestion.FORMATS), default="jsonl", show_default=True
)
out = click.argument("out")


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """Where a sync's files go, and what they are called.

    Args:
        lake: The folder or bucket.
        name: What each name begins with.
        kind: The files' format.
        catalog: Whether the lines are a catalog's.
    """

    lake: Lake
    name: str
    kind: FileFormat
    catalog: bool

    def write(self, number: int, rows: Sequence[ChangedRow]) -> str:
        """Put a file under its final name: one that was moved there would not be read."""
        lines = ingestion.catalog_lines(rows) if self.catalog else ingestion.user_lines(rows)
        key = "/".join(filter(None, [self.lake.prefix, f"{self.name}-{number:03}.{_SUFFIX[self.kind]}"]))
        self.lake.write(key, ingestion.encoded(lines, self.kind))
        return key


def export_files(
    opened: OpenSync, out: str, *, kind: FileFormat, interval_min: int
) -> tuple[SyncReport, list[str]]:
    """Write what changed as files, and record it as sent; gives the run's report and the files' names.

    Raises:
        CommandError: the sync is of events, or what was sent last may not have been read yet.
        SyncError: the query or its rows cannot be sent at all.
    """
    definition = opened.definition
    if definition.kind == "events":
        raise CommandError(
            "Files are written of attributes and catalogs: events go by `connected-jobs sync run`."
        )
    lake = open_lake(out)
    with hold_destination(opened.engine, opened.door.identity) as (destination_id, _):
        names = [column.name for column in opened.source().columns() if column.name != definition.member]
        run_id = start_run(opened.engine, definition, destination_id=destination_id, names=names)
        ledger = PostgresLedger(opened.engine, definition, destination_id=destination_id, run_id=run_id)
        work = RowsRun(definition, opened.door, opened.source(), ledger)
        work.report.state = "stopped"
        try:
            since = minutes_since_sending(opened.engine, destination_id, but=run_id)
            if since is not None and since < interval_min:
                raise CommandError(
                    f"Something was sent {since:.0f} minutes ago, and two changes of one member in one interval of Braze's have no "
                    f"order: wait {interval_min - since:.0f} minutes, or say --interval-minutes."
                )
            # A restored database counts its runs anew, and Braze reads a name once.
            name = f"{definition.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{run_id:08}"
            folder = SyncFolder(lake, name, kind, definition.kind == "catalog")
            export = FileExport(ledger, folder.write)
            export.run(work.changed())
            work.report.state, work.report.taken = "done", export.taken
        finally:
            end_run(opened.engine, run_id, work.report)
    return work.report, export.names


@click.command()
@click.argument("ids", type=click.Path(path_type=Path))
@out
@formats
def deletes(*, ids: Path, out: str, kind: FileFormat) -> None:
    """Write a file of the members in IDS, an id a line, for a sync of Braze's that deletes users; nothing undoes that."""
    members = list(
        dict.fromkeys(filter(None, map(str.strip, read_text(ids, "list of members").splitlines())))
    )
    if not members:
        raise CommandError(f"{ids} names no member.")
    lake = open_lake(out)
    key = "/".join(filter(None, [lake.prefix, f"delete-{ids.stem}.{_SUFFIX[kind]}"]))
    if any(one.key == key for one in lake.newer(lake.prefix)):
        raise CommandError(
            f"{key} is there already, and Braze reads a name once: give the list another name."
        )
    lake.write(key, ingestion.encoded(ingestion.deletion_lines(members), kind))
    click.echo(f"{len(members):,} members are in {key}.")
