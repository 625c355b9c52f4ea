"""Syncs from a terminal: what one would send, and sending it."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from app.cli.database import EXIT_REJECTS, progress_bar
from app.cli.loop import sync_files, sync_record
from app.cli.loop.doors import check_goes_to
from app.cli.loop.sync_opened import (
    EXIT_PAUSED,
    EXIT_STOPPED,
    OpenSync,
    again_option,
    clock,
    file_argument,
    json_option,
    open_sync,
    since,
    zone_of,
)
from app.plurals import counted
from app.postgres.syncs import questions
from app.postgres.syncs.runs import (
    SyncPausedError,
    end_run,
    find_destination,
    hold_destination,
    start_run,
)
from app.sync.courier import Manner
from app.sync.definition import SyncDefinition, read_sync_file
from app.sync.values import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from app.braze.ingestion import FileFormat
    from app.postgres.syncs.runs import HeldDestination
    from app.sync.events_run import EventsRun
    from app.sync.report import RunProgress, SyncPlan, SyncReport
    from app.sync.rows_run import RowsRun

_FIRST = (
    "Nothing was sent there from this database yet. Should another one send the same, neither sees it: values overwrite each other,\n"
    "and events go out twice. Let one database alone send there."
)
_SHOWN = 200  # characters of a value
_LOOK_S = 1.0  # between two looks at whether the destination is held and somebody paused the sync


@click.group()
def sync() -> None:
    """Send what changed to Braze, Amplitude or Airbridge, as a sync file says (docs/sync.md)."""


@sync.command()
@file_argument
@again_option
@json_option
def plan(*, file: Path, again: bool, as_json: bool) -> None:
    """What `sync run FILE` would send now: members, values, requests, minutes, ten examples. Nothing is sent."""
    with open_sync(file) as opened:
        destination_id = find_destination(opened.engine, opened.door.identity)
        found = opened.run(destination_id, None, again=again).plan(opened.pacer(destination_id))
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))
        return
    click.echo(_plan_text(opened, found))
    if not destination_id:
        click.echo(_FIRST)


def _plan_text(opened: OpenSync, found: SyncPlan) -> str:
    counts, noun = found.compared, _noun(opened.definition)
    lines = [
        f"{opened.definition.name} to {opened.door.identity}: {counted(counts.members, 'row')} of the query.",
        f"  {noun} with something to send {counts.changed:>12,}",
        f"  values                       {counts.values:>12,}",
        f"  {noun} to remove              {counts.gone:>12,}" if counts.gone else "",
        f"  refused before sending       {counts.refused:>12,}",
        f"  refused earlier, unchanged   {counts.still_refused:>12,}" if counts.still_refused else "",
        f"  requests                     {found.requests:>12,}",
        f"  minutes, at {opened.definition.limits.share:.0%} of the budget {found.seconds / 60:>8,.1f}",
    ]
    for name, count in found.billed.items():
        lines.append(f"  {name.replace('_', ' ')}, where a contract bills them {count:,}")
    lines += [f"  {one.key}: {_values(one.values)}{_was(one.before)}" for one in found.examples]
    lines += [f"  {key} is refused. {sentence}" for key, sentence in found.refused]
    return "\n".join(line for line in lines if line)


def _noun(definition: SyncDefinition) -> str:
    return {"attributes": "members", "events": "events ", "catalog": "items  "}[definition.kind]


def _values(values: Any) -> str:
    return ", ".join(
        f"{name} = {shortened(json.dumps(value, ensure_ascii=False), _SHOWN)}"
        for name, value in values.items()
    )


def _was(before: Any) -> str:
    return f" (was {_values(before)})" if before else ""


@sync.command()
@file_argument
@again_option
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also values that were acknowledged, as for profiles that are new in Braze.",
)
@click.option(
    "--no-wait", is_flag=True, help="End where the hour's budget is used up, instead of waiting for the next."
)
@json_option
def run(*, file: Path, again: bool, everything: bool, no_wait: bool, as_json: bool) -> None:
    """Send what changed, and record what was acknowledged. Exit codes: 3 with refused rows, 4 if paused, 1 if stopped."""
    with open_sync(file) as opened, progress_bar() as progress:
        zone = zone_of(opened.engine)
        with _unless_paused(zone), hold_destination(opened.engine, opened.door.identity) as (number, held):
            names = [column.name for column in opened.source().columns()]
            run_id = start_run(
                opened.engine,
                opened.definition,
                destination_id=number,
                names=[name for name in names if name != opened.definition.member],
            )
            watch = TerminalWatch(progress, held, run_id, zone)
            manner = Manner(
                repeat_unknown=opened.definition.kind != "events", wait_long=not no_wait, paused=watch.pause
            )
            work = opened.run(number, run_id, again=again, everything=everything)
            report = _recorded(opened, run_id, work, manner, watch)
        refused = questions.count_rejects(opened.engine, sync=opened.definition.name)
    click.echo(json.dumps(asdict(report), ensure_ascii=False, indent=2) if as_json else _report_text(report))
    _end(report, refused, zone)


def _recorded(
    opened: OpenSync,
    run_id: int,
    work: RowsRun | EventsRun,
    manner: Manner,
    watch: Callable[[RunProgress], None],
) -> SyncReport:
    """Run, and record how it ended, whatever that was."""
    destination_id = find_destination(opened.engine, opened.door.identity)
    try:
        report = work.run(opened.pacer(destination_id), manner, watch)
    except BaseException as error:
        from app.cli.errors import sentence_of  # noqa: PLC0415 - it knows what every command may raise

        work.report.state = "stopped"
        work.report.sentence = sentence_of(error) or f"It was ended by {type(error).__name__}."
        end_run(opened.engine, run_id, work.report)
        raise
    end_run(opened.engine, run_id, report)
    return report


class TerminalWatch:
    """A run's progress on the terminal and on record; looks now and then whether a person paused its sync.

    Args:
        show: Draws a stage's bar.
        held: The destination.
        run_id: The run.
        zone: Of the times that people read.
    """

    def __init__(
        self,
        show: Callable[[str, float | None], None],
        held: HeldDestination,
        run_id: int,
        zone: ZoneInfo,
    ) -> None:
        self._show = show
        self._held = held
        self._run_id = run_id
        self._zone = zone
        self._paused_until: float | None = None
        self._looked: float | None = None

    def __call__(self, progress: RunProgress) -> None:
        """Tell how far the run is; raises `RunHaltedError` where it is to end."""
        if progress.total is None:
            self._show("comparing", None)
        else:
            self._show("sending", progress.done / progress.total if progress.total else 1.0)
        now = time.monotonic()
        if self._looked is None or now - self._looked > _LOOK_S:
            self._looked = now
            self._held.look(self._run_id, progress, self._paused_until)

    def pause(self, until: float | None) -> None:
        """The budget is used up until then, or it is no longer."""
        self._paused_until = until
        if until is None:
            click.echo("The sync goes on.", err=True)
        else:
            click.echo(
                f"The destination's budget is used up: paused until {clock(until, self._zone)}.", err=True
            )


@contextmanager
def _unless_paused(zone: ZoneInfo) -> Iterator[None]:
    """End with one sentence where a person has paused the sync."""
    try:
        yield
    except SyncPausedError as paused:
        click.echo(
            f"{paused.sync} is paused {since(paused.at, paused.by, zone)}: nothing was sent.", err=True
        )
        click.echo(f"`connected-jobs sync resume {paused.sync}` lets it go on.", err=True)
        sys.exit(EXIT_PAUSED)


def _report_text(report: SyncReport) -> str:
    counts, http = report.compared, report.http
    lines = [
        f"rows of the query            {counts.members:>12,}",
        f"sent and acknowledged        {report.taken:>12,}",
        f"values in them               {report.values:>12,}",
        f"refused before sending       {counts.refused:>12,}",
        f"refused by the destination   {report.refused:>12,}",
        f"refused earlier, unchanged   {counts.still_refused:>12,}",
        f"requests                     {http.requests:>12,}",
        f"  of them too fast (429)     {http.throttled:>12,}",
        f"  of them unknown, repeated  {http.unknown:>12,}",
    ]
    if report.unknown:
        lines.append(f"events that stay unknown     {report.unknown:>12,}")
    return "\n".join(lines)


def _end(report: SyncReport, refused: int, zone: ZoneInfo) -> None:
    if report.state == "paused":
        if report.paused_until is None:
            click.echo(f"{report.sentence} What was acknowledged is kept, and the rest waits.", err=True)
            sys.exit(EXIT_PAUSED)
        until = clock(report.paused_until, zone)
        why = report.sentence or "The budget of this hour is used up."
        click.echo(f"{why.rstrip('.')}: paused until {until}. Run it again then.", err=True)
        sys.exit(EXIT_PAUSED)
    if report.state == "stopped":
        click.echo(f"connected-jobs: {report.sentence}", err=True)
        sys.exit(EXIT_STOPPED)
    if refused:
        click.echo(
            f"{counted(refused, 'row is', 'rows are')} refused: `connected-jobs sync rejects` says why.",
            err=True,
        )
        sys.exit(EXIT_REJECTS)


@sync.command()
@file_argument
@sync_files.out
@sync_files.formats
@click.option(
    "--interval-minutes",
    "interval_min",
    default=15,
    show_default=True,
    type=click.IntRange(0, 1440),
    help="How often Braze reads the folder.",
)
def export(*, file: Path, out: str, kind: FileFormat, interval_min: int) -> None:
    """Write what changed as files for Cloud Data Ingestion to OUT, a folder or a bucket, and count it as sent."""
    check_goes_to(read_sync_file(file), "braze", "files for Cloud Data Ingestion are written of")
    with open_sync(file) as opened:
        zone = zone_of(opened.engine)
        with _unless_paused(zone):
            report, names = sync_files.export_files(opened, out, kind=kind, interval_min=interval_min)
        refused = questions.count_rejects(opened.engine, sync=opened.definition.name)
    click.echo("\n".join([f"{report.taken:,} rows in {len(names)} files.", *names]))
    _end(report, refused, zone)


for command in (sync_files.deletes, *sync_record.LOOKING_BACK):
    sync.add_command(command)
COMMANDS = (sync,)
