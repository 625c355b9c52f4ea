"""Our tables for a warehouse, as files by the day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.database import CommandError, database_engine, progress_bar, refuse_pgbouncer
from app.lake.objects import open_lake
from app.lake.place import LakePlace
from app.plurals import counted
from app.postgres.engines import driver_of
from app.postgres.warehouse import PostgresDays, hold_export
from app.runtime.parquet import parquet
from app.warehouse.export import WarehouseExport
from app.warehouse.manifest import FORMATS, NAME

if TYPE_CHECKING:
    from app.lake.objects import Lake
    from app.warehouse.export import ExportReport
    from app.warehouse.manifest import ExportFormat


@click.group()
def warehouse() -> None:
    """Exposures, clicks, outcomes, sends and results for a data warehouse (docs/warehouse)."""


@warehouse.command()
@click.argument("out")
@click.option("--format", "kind", type=click.Choice(FORMATS), default="parquet", show_default=True)
@click.option("--all", "everything", is_flag=True, help="Write days that have not changed too.")
def export(*, out: str, kind: ExportFormat, everything: bool) -> None:
    """Bring OUT up to date: a folder, which is made, or s3://BUCKET/PREFIX, gs:// or az://.

    A day of a table is one file; days that changed since the last export are written again, days that are gone here are
    removed there. Days are in UTC. It may be killed anywhere and run any number of times.
    """
    refuse_pgbouncer("An export holds a connection")
    if kind == "parquet":
        parquet()  # missed before anything is done
    lake = _opened(out)
    with database_engine() as engine, engine.connect() as connection, progress_bar() as progress:
        driver = driver_of(connection)
        driver.autocommit = True
        with hold_export(driver):
            work = WarehouseExport(PostgresDays(driver), LakePlace(lake), kind, lambda: datetime.now(UTC))
            report = work.run(everything=everything, progress=progress)
        driver.autocommit = False
    click.echo(summary(report))
    for folder in report.older:
        click.echo(
            f"{folder} is of an earlier version and no longer kept up, so that members erased since are still in it: remove it.",
            err=True,
        )


def _opened(out: str) -> Lake:
    if "://" not in out:
        folder = Path(out).expanduser()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"There can be no folder {folder}: {error.strerror}.") from error
    return open_lake(out)


def summary(report: ExportReport) -> str:
    """Return what an export did, a line for each table."""
    lines = [
        f"{name:<10} {counted(one.written, 'day')} written ({counted(one.rows, 'row')}), {one.kept:,} as they were, {one.removed:,} removed"
        for name, one in report.tables.items()
    ]
    return "\n".join([*lines, f"{NAME} says what is there."])


COMMANDS = (warehouse,)
