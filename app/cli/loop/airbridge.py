"""Airbridge: reading the raw data that it puts into a bucket, and the pattern of a campaign's tracking links."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from app.cli.database import CommandError, database, refuse_pgbouncer
from app.cli.loop.currents import adding_to, dry_run_option, end_read, rejects_option, summary
from app.intake.airbridge import RawDataWords, read_airbridge
from app.intake.raw_data import COLUMNS
from app.lake.objects import open_lake
from app.sync.rules.tracking_link import LinkError, liquid_link

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo
    from pathlib import Path


@click.group()
def airbridge() -> None:
    """What Airbridge counted, and links that it counts (docs/sync.md)."""


@airbridge.command()
@click.argument("prefix")
@dry_run_option
@rejects_option
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=NAME",
    help=f"What a column is called, where the reader does not know it: {', '.join(COLUMNS)}.",
)
@click.option("--zone", default="UTC", show_default=True, help="Of times that name no zone.")
def read(*, prefix: str, dry_run: bool, rejects: Path | None, columns: Sequence[str], zone: str) -> None:
    """Read the files that are new below PREFIX: s3://BUCKET/..., gs://..., az://... or a folder.

    Files may come in any order and be read any number of times. Meant to be run daily, for Airbridge keeps 180 days. Exit code 3:
    all is read, and something was left out.
    """
    words = RawDataWords(_named(columns), _zone(zone))
    refuse_pgbouncer("A reader holds a connection")
    lake = open_lake(prefix)
    with database() as url, adding_to(rejects) as reject:
        report = read_airbridge(url, lake, now=datetime.now(UTC), reject=reject, dry_run=dry_run, words=words)
    for line in summary(report, "Airbridge", dry_run=dry_run):
        click.echo(line)
    end_read(report)


def _named(columns: Sequence[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for one in columns:
        ours, separator, name = one.partition("=")
        if not separator or ours not in COLUMNS or not name:
            raise CommandError(
                f"--column {one!r} does not fit: give OURS=NAME, and for OURS one of {', '.join(COLUMNS)}."
            )
        named[ours] = name
    return named


def _zone(zone: str) -> tzinfo:
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CommandError(f"--zone {zone!r} is no time zone: give one such as Asia/Seoul.") from None


@airbridge.command()
@click.option("--app", required=True, help="The app's name in Airbridge.")
@click.option("--channel", required=True, help="As Airbridge's reports name this mail, such as braze_email.")
@click.option("--campaign", required=True, help="The campaign's slug.")
@click.option("--board", help="What the postings' URLs begin with, where the app has a scheme of its own.")
@click.option("--deep", help="What stands in place of that, such as exampleapp://.")
@click.option(
    "--routing",
    help="The routing_short_id of a redirection made once in the dashboard, for those without the app.",
)
def link(
    *, app: str, channel: str, campaign: str, board: str | None, deep: str | None, routing: str | None
) -> None:
    """One pattern for all links of a campaign, to stand in the template for {{ posting.url }}; none is made for a member."""
    try:
        click.echo(liquid_link(app, channel, campaign, board=board, deep=deep, routing=routing))
    except LinkError as error:
        raise CommandError(str(error)) from None


COMMANDS = (airbridge,)
