"""Syncs on record from a terminal: how runs went, what was refused, what a member was sent, and pausing one."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.cli.database import CommandError, by_option, database_engine
from app.cli.loop.sync_opened import clock, file_argument, json_option, most_option, open_sync, since, zone_of
from app.plurals import counted
from app.postgres.syncs import questions
from app.postgres.syncs.register import PostgresSyncs
from app.postgres.syncs.runs import find_destination, select_runs

if TYPE_CHECKING:
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from app.sync.record import SyncRunRecord


@click.command()
@click.option("--name", help="Of this sync alone.")
@most_option
@json_option
def status(*, name: str | None, most: int, as_json: bool) -> None:
    """The last runs, the newest first: how each ended, and what it sent."""
    with database_engine() as engine:
        found, zone = select_runs(engine, sync=name, most=most), zone_of(engine)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2, default=str))
        return
    for sync_name, pause in {one.sync: one.pause for one in found if one.pause}.items():
        click.echo(f"{sync_name} is paused {since(pause.at, pause.by, zone)}.")
    for one in found:
        told = one.figures
        until = f" until {clock(one.paused_until.timestamp(), zone)}" if one.paused_until else ""
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
    return f" {one.share:.0%}, ends about {clock(one.ends_at.timestamp(), zone)}"


@click.command()
@click.option("--name", help="Of this sync alone.")
@most_option
@json_option
def rejects(*, name: str | None, most: int, as_json: bool) -> None:
    """Rows and events that are not sent, each with its sentence. A row is tried again when it says something else."""
    with database_engine() as engine, engine.connect() as connection:
        found = questions.select_rejects(connection, sync=name, most=most)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2, default=str))
        return
    for one in found:
        click.echo(f"{one.last_at:%Y-%m-%d %H:%M %Z}  {one.sync}  {one.key}  {one.sentence}")


@click.command()
@file_argument
@click.argument("member")
def explain(*, file: Path, member: str) -> None:
    """Which value MEMBER was sent when, by which run and why, and what the query says of them now."""
    with open_sync(file) as opened:
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


@click.command()
@click.argument("name")
@by_option
def pause(*, name: str, by: str) -> None:
    """Send nothing of the sync NAME until it is resumed; a run that is under way ends after its requests under way."""
    with database_engine() as engine:
        zone, found = zone_of(engine), PostgresSyncs(engine).pause(name, by=by)
    click.echo(f"{name} is paused {since(found.at, found.by, zone)}.")


@click.command()
@click.argument("name")
@by_option
def resume(*, name: str, by: str) -> None:
    """Let the sync NAME go on: its next `sync run` sends what has changed meanwhile."""
    with database_engine() as engine:
        was_paused = PostgresSyncs(engine).resume(name, by=by)
    click.echo(f"{name} goes on with its next `sync run`." if was_paused else f"{name} was not paused.")


@click.command()
@click.argument("name")
def forget(*, name: str) -> None:
    """Drop the runs and refused rows of the sync NAME, so that another may send its attributes. What was sent stays known."""
    with database_engine() as engine:
        runs = questions.forget_sync(engine, sync=name)
    if not runs:
        raise CommandError(f"There is no sync {name!r} on record: see `connected-jobs sync status`.")
    click.echo(f"{counted(runs, 'run')} of {name} {'is' if runs == 1 else 'are'} forgotten.")


LOOKING_BACK = (status, rejects, explain, pause, resume, forget)
