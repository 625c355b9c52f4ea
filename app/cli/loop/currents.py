"""Reading what comes back from Braze, and what is missing of it."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.board.veto import BOARD_ZONE
from app.braze.rest.calendar import BrazeCalendar
from app.braze.rest.workspace import BrazeOptions, BrazeWorkspace, host_url
from app.cli.database import CommandError, database, database_engine, refuse_pgbouncer
from app.feedback.gaps import AFTER_WITHIN, find_gaps, with_sent
from app.intake.read import read_currents
from app.lake.objects import open_lake
from app.plurals import counted
from app.postgres.engines import driver_of
from app.postgres.feedback.gaps import select_file_hours, select_sends_seen
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from app.feedback.gaps import Gap, SendSeen
    from app.intake.reader import ReadReport, Reject

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Read all the same, say what was found, and keep nothing."
)
rejects_option = click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file to which everything that is left out is added, a line of JSON each.",
)
LEFT_OUT = 3  # the exit code of a command that did its work and left something out


@click.group()
def currents() -> None:
    """What became of the mail: files that Braze's Currents puts into a bucket or folder."""


@currents.command()
@click.argument("prefix")
@dry_run_option
@rejects_option
def read(*, prefix: str, dry_run: bool, rejects: Path | None) -> None:
    """Read the files that are new below PREFIX: s3://BUCKET/..., gs://..., az://... or a folder.

    Files may come in any order and be read any number of times. Meant to be run every five minutes. Exit code 3: all is read,
    and something was left out.
    """
    refuse_pgbouncer("A reader holds a connection")
    lake = open_lake(prefix)
    with database() as url, adding_to(rejects) as reject:
        report = read_currents(url, lake, now=datetime.now(UTC), reject=reject, dry_run=dry_run)
    for line in summary(report, "Currents", dry_run=dry_run):
        click.echo(line)
    end_read(report)


def end_read(report: ReadReport) -> None:
    """End as a reader does: with its sentence where something was not read, with a code where something was left out."""
    if report.stopped:
        why = "; ".join(f"{branch}: {sentence}" for branch, sentence in sorted(report.stopped.items()))
        raise CommandError(f"Some files were not read, and the next run begins with them. {why}")
    if report.rejects:
        sys.exit(LEFT_OUT)


@currents.command()
@click.option(
    "--days", type=click.IntRange(1, 14), default=7, show_default=True, help="How far to look back."
)
@click.option(
    "--host",
    help="Braze's REST address, to ask with CJ_BRAZE_KEY how many mails it sent; else what was entered counts.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def gaps(*, days: int, host: str | None, as_json: bool) -> None:
    """Hours of a send without files, types that never came, and sends of which other than as many came as Braze says.

    Exit code 3: something is missing.
    """
    braze = None if host is None else _calendar_at(host)
    now = datetime.now(UTC)
    since = now - timedelta(days=days)
    with database_engine() as engine, engine.connect() as connection:
        driver = driver_of(connection)
        sends = select_sends_seen(driver, since)
        hours = select_file_hours(driver, since, AFTER_WITHIN)
    if braze is not None:
        sends = with_sent(sends, _sent(braze, sends, now, days), BOARD_ZONE)
    found = find_gaps(sends, hours, hours, now)
    if as_json:
        click.echo(json.dumps([_gap_as_json(gap) for gap in found], ensure_ascii=False))
    else:
        for gap in found:
            click.echo(sentence(gap))
        if not found:
            click.echo(f"Nothing is missing of the {len(sends)} sends of the last {days} days.")
    if found:
        sys.exit(LEFT_OUT)


def _calendar_at(host: str) -> BrazeCalendar:
    settings = Settings.from_env()
    if settings.braze_key is None:
        raise CommandError(
            "Set CJ_BRAZE_KEY, whose key may read campaigns.data_series, or leave --host away."
        )
    try:
        options = BrazeOptions(host=host_url(host), workspace="main", array_items=25, catalog=None)
    except ValueError as error:
        raise click.BadParameter(f"Give {error}.", param_hint="--host") from None
    return BrazeCalendar(BrazeWorkspace(options, settings.braze_key, settings.braze_private, 1))


def _sent(
    braze: BrazeCalendar, sends: Sequence[SendSeen], now: datetime, days: int
) -> dict[str, dict[date, int]]:
    """What Braze says each of the sends' campaigns sent, by id and day."""
    ids = sorted({one for send in sends for one in send.campaign_ids})
    return {one: braze.sent(one, now, days + 1) for one in ids}


def sentence(gap: Gap) -> str:
    """Return what is missing, and what to do."""
    of = f"{gap.campaign}, send {gap.send}"
    match gap.kind:
        case "never":
            return f"No file of {gap.event_type} was ever read: switch this event on in Braze's Currents integration."
        case "hours":
            hours = ", ".join(f"{hour:%Y-%m-%d %H}h" for hour in gap.hours)
            return (
                f"{of}: no file of {gap.event_type} for {hours} UTC. What Braze could not write in an hour is lost: see whether"
                " the bucket was away, and Braze's Currents page for errors."
            )
        case "none":
            return f"{of}: no file of {gap.event_type} came within a day."
    much = abs(gap.read - gap.sent) / gap.sent if gap.sent else 1.0
    return f"{of}: Braze says {gap.sent:,} were sent, and {gap.read:,} sends with an exposure were read, {much:.1%} {gap.kind}."


def _gap_as_json(gap: Gap) -> dict[str, object]:
    return asdict(gap) | {"hours": [f"{hour:%Y-%m-%dT%H:00:00Z}" for hour in gap.hours]}


@contextmanager
def adding_to(path: Path | None) -> Iterator[Callable[[Reject], None]]:
    """Yield what adds rejects to a file; without one, names the first few on standard error."""
    if path is None:
        yield _Named()
        return
    try:
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"The rejects cannot be written to {path}: {error.strerror}.") from error
    with file:

        def add(reject: Reject) -> None:
            line = {
                "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "file": reject.file,
                "where": reject.where,
                "events": reject.events,
                "reason": reject.reason,
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

        yield add


class _Named:
    """Names the first rejects on standard error, so that a cron mail has them and no more."""

    most = 10

    def __init__(self) -> None:
        self.named = 0

    def __call__(self, reject: Reject) -> None:
        self.named += 1
        if self.named <= self.most:
            click.echo(f"Left out: {reject.file}, {reject.where}: {reject.reason}", err=True)
        elif self.named == self.most + 1:
            click.echo("More was left out: give --rejects FILE to have it all.", err=True)


def summary(report: ReadReport, whose: str, *, dry_run: bool) -> list[str]:
    """Return what a run did, in lines for a person."""
    lines = ["Nothing is kept of this: it was a dry run."] if dry_run else []
    for event_type, one in sorted(report.types.items()):
        known = f", fields not known: {', '.join(sorted(one.unknown))}" if one.unknown else ""
        lines.append(
            f"{event_type or f'none of {whose}'}: {counted(one.files, 'file')}, {counted(one.events, 'event')}, {one.new:,} new,"
            f" {one.refused:,} left out{known}"
        )
    if not report.types:
        lines.append("No new files.")
    if report.without_exposure:
        lines.append(
            f"{counted(report.without_exposure, 'send says nothing of what it', 'sends say nothing of what they')} showed: see docs/loop.md."
        )
    if report.left_alone:
        lines.append(
            f"{counted(report.left_alone, 'event is', 'events are')} of erased members, previews or load tests."
        )
    if report.deleted:
        lines.append(
            f"{counted(report.deleted, 'profile was', 'profiles were')} deleted in Braze, and all that came of them is erased."
        )
    if report.skipped:
        lines.append(f"Not needed, and not read: {', '.join(sorted(report.skipped))}")
    if report.dropped:
        past = ", ".join(f"{table} {count}" for table, count in sorted(report.dropped.items()))
        lines.append(f"Past their time and dropped: {past}")
    return lines


COMMANDS = (currents,)
