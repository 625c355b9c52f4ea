"""Campaigns on record, from a terminal; the same register as the planner's pages and API."""

from __future__ import annotations

import json
import tomllib
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from zoneinfo import ZoneInfo

import click

from app.capacity.calendar.as_csv import as_csv
from app.capacity.calendar.entries import calendar_days, entries
from app.capacity.evidence.file import is_ahead
from app.capacity.formats import LANGUAGES
from app.capacity.on_record import calibrations_of, read_record
from app.capacity.plan.file_text import as_plan_text
from app.capacity.plan.plan import Judging
from app.capacity.plan.repeats import FIELD as REPEAT
from app.capacity.plan.times import as_json_values
from app.capacity.register.campaigns import (
    EditedMeanwhileError,
    NoSuchCampaignError,
    RegisteredCampaign,
    flat_values,
    read_draft,
)
from app.capacity.register.plans import plan_of
from app.capacity.register.search import MOST_ON_PAGE, SORTS, When, read_search
from app.capacity.register.series import duplicate as duplicate_of
from app.cli.database import CommandError, by_option, database_engine, read_text
from app.demo.campaigns import OWNER, example_campaigns
from app.plurals import counted
from app.postgres.planning.evidence import PostgresEvidence
from app.postgres.planning.register import PostgresRegister

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Engine

    from app.capacity.formats import Lang
    from app.capacity.register.campaigns import Change


@click.group()
def campaigns() -> None:
    """Campaigns on record: what will be sent, when and how."""


@contextmanager
def _register() -> Iterator[PostgresRegister]:
    with database_engine() as engine:
        yield PostgresRegister(engine)


_number = click.argument("number", type=click.IntRange(1, 2**53))
_file = click.argument("file", type=click.Path(path_type=Path))
_version = click.option(
    "--version", required=True, type=click.IntRange(1), help="The version that the edit was made from."
)
_owner = click.option("--owner", help="Who answers for the campaign.")
_key = click.option("--key", help="The template's `campaign` parameter.")
_braze_id = click.option("--braze-campaign-id", help="As on Braze's campaign page.")
_following = click.option(
    "--following", is_flag=True, help="Those of its weekly series that begin after it, too."
)
_repeat = click.option(
    "--repeat-until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The same send every week until this day, each a campaign of its own.",
)


@campaigns.command("list")
@click.option("--removed", is_flag=True, help="Those removed instead.")
@click.option("--search", "words", help="Words in the name, the key, the owner or Braze's id.")
@click.option("--when", type=click.Choice(get_args(When)), help="Those still to come, past, all, or removed.")
@click.option("--sort", type=click.Choice(SORTS))
@click.option("--page", type=click.IntRange(1), help=f"This page of {MOST_ON_PAGE} of them.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(*, removed: bool, as_json: bool, page: int | None, **asked: str | None) -> None:
    """List the campaigns on record: all, or one page of those that match."""
    with _register() as register:
        if page or any(asked.values()):
            given = {"q": asked["words"], "when": asked["when"] or ("removed" if removed else "all")}
            given |= {"sort": asked["sort"], "page": str(page or 1)}
            search = read_search({name: value for name, value in given.items() if value}, _wall_now(register))
            part = register.search(search)
            found, more = (
                part.campaigns,
                f"Page {part.page} of {part.pages}, {part.total} in all.",
            )
        else:
            found, more = register.campaigns(removed=removed), ""
    if as_json:
        shown = [
            {"id": one.id, "version": one.version, "series": one.series, **one.draft().values()}
            for one in found
        ]
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    for one in found:
        begins = one.definition.get("at") or one.definition.get("on")
        click.echo(
            f"{one.id:>5}  version {one.version:<3}  {begins!s:<20}  {one.key:<24}  {one.name}  ({one.owner})"
        )
    if more:
        click.echo(more, err=True)


@campaigns.command()
@_file
@click.option("--key", required=True, help="The template's `campaign` parameter.")
@click.option("--owner", required=True, help="Who answers for the campaign.")
@_braze_id
@_repeat
@by_option
def add(
    *, file: Path, key: str, owner: str, braze_campaign_id: str | None, repeat_until: datetime | None, by: str
) -> None:
    """Put the one campaign in FILE, a plan file (docs/plan-file.md), on record."""
    values = {"key": key, "owner": owner, "braze_campaign_id": braze_campaign_id}
    with _register() as register:
        definition = _definition(file, register.workspace().time_zone)
        draft = read_draft({**values, "definition": _repeating(definition, repeat_until)})
        added = register.add(draft, by=by)
        others = len(register.series(added)) - 1
    click.echo(f"Campaign {added.id} is on record: {added.name}, version {added.version}.")
    if others > 0:
        click.echo(f"So are the {others} of the weeks that follow: they are one series.")


@campaigns.command()
@_number
@_file
@_version
@_key
@_owner
@_braze_id
@_repeat
@_following
@by_option
def edit(
    *,
    number: int,
    file: Path,
    version: int,
    repeat_until: datetime | None,
    following: bool,
    by: str,
    **given: str | None,
) -> None:
    """Save the campaign in FILE as the next version; values without an option stay as they are."""
    with _register() as register:
        current = _require(register, number).draft().values()
        changed = {name: value for name, value in given.items() if value is not None}
        definition = _repeating(_definition(file, register.workspace().time_zone), repeat_until)
        draft = read_draft({**current, **changed, "definition": definition})
        try:
            edited = register.edit(number, draft, version=version, by=by, following=following)
        except EditedMeanwhileError as error:
            if isinstance(error.newer, RegisteredCampaign):
                click.echo("Yours -> theirs:", err=True)
                for line in _lines(draft.values(), error.newer.draft().values()):
                    click.echo(f"    {line}", err=True)
            raise
    click.echo(f"Campaign {number} is saved: version {edited.version}.")


@campaigns.command()
@_number
@_key
@_owner
@by_option
def duplicate(*, number: int, key: str | None, owner: str | None, by: str) -> None:
    """Put campaign NUMBER on record again, for the same weekday of the next week to come."""
    with _register() as register:
        draft = duplicate_of(_require(register, number), _wall_now(register))
        added = register.add(replace(draft, key=key or draft.key, owner=owner or draft.owner), by=by)
    click.echo(f"Campaign {added.id} is on record: {added.name}, version {added.version}.")


@campaigns.command()
@_number
@_version
@_following
@by_option
def remove(*, number: int, version: int, following: bool, by: str) -> None:
    """Take campaign NUMBER off the plan; its record stays."""
    with _register() as register:
        removed = register.remove(number, version=version, by=by, following=following)
    click.echo(f"Campaign {number} ({removed.name}) is removed.")


@campaigns.command()
@_number
def show(*, number: int) -> None:
    """Campaign NUMBER as a plan file, to edit and give to `campaigns edit`."""
    with _register() as register:
        one, workspace = _require(register, number), register.workspace()
    click.echo(as_plan_text({"time_zone": workspace.time_zone}, [one.definition]), nl=False)


@campaigns.command()
@click.option("--now", "now_text", hidden=True)
def examples(*, now_text: str | None) -> None:
    """Put example campaigns of next week on record, sized to the newest load test; unchanged older examples are renewed."""
    with database_engine() as engine:
        now = datetime.fromisoformat(now_text) if now_text else datetime.now(UTC)
        put_examples(engine, now)
    click.echo("Example campaigns of next week are on record.")


def put_examples(engine: Engine, now: datetime) -> None:
    """Put the demo's campaigns on record, or renew those that only the demo has changed."""
    register = PostgresRegister(engine)
    workspace = register.workspace()
    measured = [one for one in PostgresEvidence(engine).measured() if not is_ahead(one.ended_at, now)]
    newest = max(measured, key=lambda test: test.ended_at, default=None)
    usable_rps = None if newest is None else newest.low_rps * Judging().usable_share
    by_key = {one.key: one for one in register.campaigns()}
    for values in example_campaigns(usable_rps, now.astimezone(ZoneInfo(workspace.time_zone)).date()):
        draft, known = read_draft(values), by_key.get(values["key"])
        if known is None:
            register.add(draft, by=OWNER)
        elif known.updated_by == OWNER and known.draft() != draft:
            register.edit(known.id, draft, version=known.version, by=OWNER)


@campaigns.command()
def plan() -> None:
    """Print all campaigns on record as one plan file; measured values fill what a campaign leaves out."""
    with _register() as register:
        record = read_record(register)
        found = plan_of(record.workspace, record.campaigns, calibrations=calibrations_of(record, register))
    for one in record.left_out:
        click.echo(f"Left out: campaign {one.campaign.id}, {one.campaign.name}. {one.sentence()}", err=True)
    if found is None:
        raise CommandError("No campaign is on record: see `connected-jobs campaigns add --help`.")
    click.echo(found.text, nl=False)


@campaigns.command()
@click.option("--format", "kind", type=click.Choice(("csv", "ical")), default="csv", show_default=True)
@click.option(
    "--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="The first day; today where left out."
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day; 92 days on where left out.")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), default="ko", show_default=True, help="Of iCal's sentences."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file instead of printing.")
def calendar(
    *, kind: str, first: datetime | None, until: datetime | None, lang: Lang, out: Path | None
) -> None:
    """The campaigns of some days with their verdicts, for a spreadsheet or a calendar."""
    with database_engine() as engine:
        register = PostgresRegister(engine)
        begin = (first or _wall_now(register)).date()
        days = calendar_days(begin, until.date() if until else None)
        found = entries(register, PostgresEvidence(engine), *days, now=datetime.now(UTC))
    if kind == "csv":
        written = as_csv(found).encode()
    else:
        from app.capacity.calendar.as_ical import as_ical  # noqa: PLC0415 - a tenth of a second that others spare

        written = as_ical(found, lang)
    if out is None:
        click.echo(written, nl=False)
        return
    try:
        out.write_bytes(written)
    except OSError as error:
        raise CommandError(f"{out} cannot be written: {error.strerror or error}.") from error
    click.echo(f"{counted(len(found), 'campaign is', 'campaigns are')} in {out}.", err=True)


@campaigns.command()
@_number
def changes(*, number: int) -> None:
    """Who changed campaign NUMBER, and how, the newest first."""
    with _register() as register:
        _require(register, number)
        found = register.changes(number)
    for change in found:
        click.echo(f"{change.at:%Y-%m-%d %H:%M:%S %Z}  {change.who}  {change.what}")
        for line in _differences(change):
            click.echo(f"    {line}")


def _wall_now(register: PostgresRegister) -> datetime:
    """Return the current local time in the company's zone."""
    return datetime.now(ZoneInfo(register.workspace().time_zone)).replace(tzinfo=None)


def _repeating(definition: dict[str, Any], until: datetime | None) -> dict[str, Any]:
    return definition if until is None else {**definition, REPEAT: until.date().isoformat()}


def _require(register: PostgresRegister, number: int) -> RegisteredCampaign:
    found = register.campaign(number)
    if found is None:
        raise NoSuchCampaignError(f"There is no campaign {number}: see `connected-jobs campaigns list`.")
    return found


def _definition(file: Path, time_zone: str) -> dict[str, Any]:
    """Return the one campaign of a plan file; its workspace values must equal the workspace's on record."""
    try:
        values = tomllib.loads(read_text(file, "plan file"))
    except RecursionError:
        raise CommandError(
            f"The plan file {file} nests lists or tables too deeply: write them flat."
        ) from None
    except ValueError as error:  # TOML's own error, and Python's about numbers of thousands of digits
        raise CommandError(
            f"The plan file {file} is not TOML ({str(error).rstrip('.')}); mend it there."
        ) from error
    tables = values.pop("campaigns", None)
    if not isinstance(tables, list) or len(tables) != 1 or not isinstance(tables[0], dict):
        raise CommandError(f"{file} must have one [[campaigns]] table: give each campaign a file of its own.")
    if values.pop("time_zone", time_zone) != time_zone:
        raise CommandError(
            f"{file}: time_zone must be the workspace's, {time_zone}: change the times, or leave it out."
        )
    if values:
        raise CommandError(
            f"{file}: {', '.join(sorted(values))} belong to the workspace, which all campaigns share: remove them."
        )
    return as_json_values(tables[0])


def _differences(change: Change) -> Iterator[str]:
    """Return what a change changed, a line for each field."""
    yield from _lines(change.before or {}, change.after or {})


def _lines(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Return where two drafts differ, a line for each field."""
    before, after = flat_values(one), flat_values(other)
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield f"{name}: {_as_json_text(before, name)} -> {_as_json_text(after, name)}"


def _as_json_text(values: dict[str, Any], name: str) -> str:
    return json.dumps(values[name], ensure_ascii=False) if name in values else "-"


COMMANDS = (campaigns,)
