"""Syncs from a terminal: what one would send, sending it, how runs went, what was refused, and what a member was sent."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from app.cli.database import CommandError, by_option, database, database_engine, progress_bar
from app.cli.loop import sync_files
from app.cli.loop.doors import check_is_to_braze, open_door
from app.plurals import counted
from app.postgres.planning.register import PostgresRegister
from app.postgres.syncs import questions
from app.postgres.syncs.ledger import PostgresLedger
from app.postgres.syncs.register import PostgresSyncs
from app.postgres.syncs.runs import (
    SyncPausedError,
    end_run,
    find_destination,
    hold_destination,
    paused_until,
    requests_this_hour,
    select_runs,
    start_run,
    sync_engine,
)
from app.postgres.syncs.source import PostgresSource
from app.settings import Settings
from app.sync.courier import Manner
from app.sync.definition import SyncDefinition, read_sync_file
from app.sync.events_run import EventsRun
from app.sync.pacing import Pacer
from app.sync.rows_run import RowsRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from app.braze.ingestion import FileFormat
    from app.postgres.syncs.runs import HeldDestination
    from app.sync.door import Door
    from app.sync.record import SyncRunRecord
    from app.sync.report import RunProgress, SyncPlan, SyncReport

EXIT_STOPPED = 1
EXIT_REJECTS = 3
EXIT_PAUSED = 4
_LOOK_S = 1.0  # between two looks at whether the destination is held and somebody paused the sync


@click.group()
def sync() -> None:
    """Send what changed to Braze, Amplitude or Airbridge, as a sync file says (docs/sync.md)."""


_file = click.argument("file", type=click.Path(path_type=Path))
_json = click.option("--json", "as_json", is_flag=True, help="For programs.")
_again = click.option("--again", is_flag=True, help="Also rows that were refused and have not changed since.")
_most = click.option("--most", default=50, show_default=True, type=click.IntRange(1, 1_000_000))


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
def _opened(file: Path) -> Iterator[OpenSync]:
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


@sync.command()
@_file
@_again
@_json
def plan(*, file: Path, again: bool, as_json: bool) -> None:
    """What `sync run FILE` would send now: members, values, requests, minutes, ten examples. Nothing is sent."""
    with _opened(file) as opened:
        destination_id = find_destination(opened.engine, opened.door.identity)
        found = opened.run(destination_id, None, again=again).plan(opened.pacer(destination_id))
    click.echo(
        json.dumps(asdict(found), ensure_ascii=False, indent=2) if as_json else _plan_text(opened, found)
    )


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
    if found.data_points is not None:
        lines.append(f"  data points, where a contract bills them {found.data_points:,}")
    lines += [f"  {one.key}: {_values(one.values)}{_was(one.before)}" for one in found.examples]
    lines += [f"  {key} is refused. {sentence}" for key, sentence in found.refused]
    return "\n".join(line for line in lines if line)


def _noun(definition: SyncDefinition) -> str:
    return {"attributes": "members", "events": "events ", "catalog": "items  "}[definition.kind]


def _values(values: Any) -> str:
    return ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())


def _was(before: Any) -> str:
    return f" (was {_values(before)})" if before else ""


@sync.command()
@_file
@_again
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also values that were acknowledged, as for profiles that are new in Braze.",
)
@click.option(
    "--no-wait", is_flag=True, help="End where the hour's budget is used up, instead of waiting for the next."
)
@_json
def run(*, file: Path, again: bool, everything: bool, no_wait: bool, as_json: bool) -> None:
    """Send what changed, and record what was acknowledged. Exit codes: 3 with refused rows, 4 if paused, 1 if stopped."""
    with _opened(file) as opened, progress_bar() as progress:
        zone = _zone(opened.engine)
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
                f"The destination's budget is used up: paused until {_clock(until, self._zone)}.", err=True
            )


@contextmanager
def _unless_paused(zone: ZoneInfo) -> Iterator[None]:
    """End with one sentence where a person has paused the sync."""
    try:
        yield
    except SyncPausedError as paused:
        click.echo(
            f"{paused.sync} is paused {_since(paused.at, paused.by, zone)}: nothing was sent.", err=True
        )
        click.echo(f"`connected-jobs sync resume {paused.sync}` lets it go on.", err=True)
        sys.exit(EXIT_PAUSED)


def _since(at: datetime, by: str, zone: ZoneInfo) -> str:
    return f"since {at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key}) by {by}"


def _zone(engine: Engine) -> ZoneInfo:
    return ZoneInfo(PostgresRegister(engine).workspace().time_zone)


def _clock(until: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(until, UTC).astimezone(zone):%H:%M} ({zone.key})"


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
        until = _clock(report.paused_until, zone)
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
@_file
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
    check_is_to_braze(read_sync_file(file), "files for Cloud Data Ingestion are written of")
    with _opened(file) as opened:
        zone = _zone(opened.engine)
        with _unless_paused(zone):
            report, names = sync_files.export_files(opened, out, kind=kind, interval_min=interval_min)
        refused = questions.count_rejects(opened.engine, sync=opened.definition.name)
    click.echo("\n".join([f"{report.taken:,} rows in {len(names)} files.", *names]))
    _end(report, refused, zone)


@sync.command()
@click.option("--name", help="Of this sync alone.")
@_most
@_json
def status(*, name: str | None, most: int, as_json: bool) -> None:
    """The last runs, the newest first: how each ended, and what it sent."""
    with database_engine() as engine:
        found, zone = select_runs(engine, sync=name, most=most), _zone(engine)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2, default=str))
        return
    for sync_name, pause in {one.sync: one.pause for one in found if one.pause}.items():
        click.echo(f"{sync_name} is paused {_since(pause.at, pause.by, zone)}.")
    for one in found:
        told = one.figures
        until = f" until {_clock(one.paused_until.timestamp(), zone)}" if one.paused_until else ""
        click.echo(
            f"{one.id:>6}  {one.started_at.astimezone(zone):%Y-%m-%d %H:%M}  {one.sync:<24}  {one.state}{until}{_how_far(one, zone)}  "
            f"{told.get('taken', 0):,} sent, {told.get('taken_values', 0):,} values, "
            f"{told.get('refused', 0) + told.get('refused_by_destination', 0):,} refused, {told.get('requests', 0):,} requests"
        )
        if one.sentence:
            click.echo(f"        {one.sentence}")


def _how_far(one: SyncRunRecord, zone: ZoneInfo) -> str:
    if one.state != "running" or one.share is None or one.ends_at is None:
        return ""
    return f" {one.share:.0%}, ends about {_clock(one.ends_at.timestamp(), zone)}"


@sync.command()
@click.option("--name", help="Of this sync alone.")
@_most
@_json
def rejects(*, name: str | None, most: int, as_json: bool) -> None:
    """Rows and events that are not sent, each with its sentence. A row is tried again when it says something else."""
    with database_engine() as engine, engine.connect() as connection:
        found = questions.select_rejects(connection, sync=name, most=most)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2, default=str))
        return
    for one in found:
        click.echo(f"{one.last_at:%Y-%m-%d %H:%M %Z}  {one.sync}  {one.key}  {one.sentence}")


@sync.command()
@_file
@click.argument("member")
def explain(*, file: Path, member: str) -> None:
    """Which value MEMBER was sent when, by which run and why, and what the query says of them now."""
    with _opened(file) as opened:
        definition, engine = opened.definition, opened.engine
        if definition.kind == "events":
            lines = [
                _event_line(one)
                for one in questions.select_events(engine, sync=definition.name, member=member)
            ]
            click.echo("\n".join(lines) or f"{definition.name} has sent no event of {member!r}.")
            return
        destination_id = find_destination(engine, opened.door.identity)
        sent = questions.select_sent(engine, destination_id=destination_id, member=member)
        refused = questions.select_reject(engine, sync=definition.name, key=member)
        with opened.source().rows(definition.member, only=member) as rows:
            now = next(rows, None)
    for one in sent:
        click.echo(_sent_line(one))
    if not sent:
        click.echo(f"{opened.door.identity} has acknowledged nothing of {member!r}.")
    click.echo(
        f"The query gives no row of {member!r} now." if now is None else f"The query gives now: {now[1]}"
    )
    if refused:
        click.echo(
            f"Refused since {refused.first_at:%Y-%m-%d %H:%M %Z}, run {refused.run_id}: {refused.sentence}"
        )


def _sent_line(one: questions.SentValue) -> str:
    value = json.dumps(one.value, ensure_ascii=False)
    when = (
        f"{one.at:%Y-%m-%d %H:%M %Z} by run {one.run_id} of {one.sync}"
        if one.at
        else "by a run that is no longer kept"
    )
    why = (
        f"it was {json.dumps(one.before, ensure_ascii=False)}"
        if one.known_before
        else "nothing was known of it before"
    )
    return f"{one.name} = {value}  sent {when}: {why}"


def _event_line(one: questions.OutboxEntry) -> str:
    run_ = f" by run {one.run_id}" if one.run_id else ""
    times = f", {one.attempts} times" if one.attempts > 1 else ""
    settled = f" {one.settled_at:%Y-%m-%d %H:%M %Z}" if one.settled_at else ""
    return f"{one.key}  {one.state}{settled}{run_}{times}  {one.sentence}".rstrip()


@sync.command()
@click.argument("name")
@by_option
def pause(*, name: str, by: str) -> None:
    """Send nothing of the sync NAME until it is resumed; a run that is under way ends after its requests under way."""
    with database_engine() as engine:
        zone, found = _zone(engine), PostgresSyncs(engine).pause(name, by=by)
    click.echo(f"{name} is paused {_since(found.at, found.by, zone)}.")


@sync.command()
@click.argument("name")
@by_option
def resume(*, name: str, by: str) -> None:
    """Let the sync NAME go on: its next `sync run` sends what has changed meanwhile."""
    with database_engine() as engine:
        was_paused = PostgresSyncs(engine).resume(name, by=by)
    click.echo(f"{name} goes on with its next `sync run`." if was_paused else f"{name} was not paused.")


@sync.command()
@click.argument("name")
def forget(*, name: str) -> None:
    """Drop the runs and refused rows of the sync NAME, so that another may send its attributes. What was sent stays known."""
    with database_engine() as engine:
        runs = questions.forget_sync(engine, sync=name)
    if not runs:
        raise CommandError(f"There is no sync {name!r} on record: see `connected-jobs sync status`.")
    click.echo(f"{counted(runs, 'run')} of {name} {'is' if runs == 1 else 'are'} forgotten.")


sync.add_command(sync_files.deletes)
COMMANDS = (sync,)
