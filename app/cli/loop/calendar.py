"""Fills the register with what Braze has scheduled, and says what is missing and what is wrong with its templates."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import msgspec

from app.braze.rest.calendar import BrazeCalendar, Unread
from app.braze.rest.workspace import BrazeOptions, BrazeWorkspace, host_url
from app.braze.template_check import calls_in, key_in, template_findings
from app.capacity.formats import LANGUAGES
from app.capacity.on_record import said_of_braze
from app.capacity.planner import sentence
from app.capacity.register.in_braze import ScheduledSend, TemplateFinding, missing
from app.cli.database import CommandError, by_option, database_engine
from app.plurals import counted
from app.postgres.planning.in_braze import fill_register
from app.postgres.planning.register import PostgresRegister
from app.settings import Settings
from app.sync.definition import SyncError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.braze.rest.calendar import TemplateMessage
    from app.capacity.formats import Lang
    from app.capacity.planner import Reason
    from app.postgres.planning.in_braze import PulledCampaign

EXIT_FINDINGS = 3
EXIT_UNREAD = 4
_UNANSWERED = 3  # in a row, after which Braze is not asked for more templates
_SAID = {
    "added": "new",
    "again": "new, with what was typed for the one before",
    "changed": "changed",
    "same": "as it was",
    "removed here": "was removed here, and is left so; Braze still has it",
    "kept": "not put on record",
    "gone": "is gone from Braze",
    "taken off": "was never finished and its time is over: taken off",
}


@dataclass(frozen=True, slots=True)
class _CalendarReading:
    """What was read of a workspace: sends, what could not be used, and whose templates could not be read, with why."""

    sends: Sequence[ScheduledSend]
    unread: Sequence[Unread]
    failing: Sequence[tuple[ScheduledSend, str]]
    no_mail: Sequence[ScheduledSend]

    def listed(self) -> frozenset[str] | None:
        """The ids of all that Braze has scheduled; None where one of them is not known."""
        unread = [one.id for one in self.unread]
        known = [one.id for one in (*self.sends, *self.no_mail)]
        return None if None in unread else frozenset(known) | frozenset(filter(None, unread))


@click.group()
def calendar() -> None:
    """What Braze has scheduled (docs/sync.md)."""


@calendar.command()
@click.option("--host", required=True, help="The REST address that the dashboard shows.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 365))
@click.option("--tag", "tags", multiple=True, help="Only what has this tag in Braze; may be given again.")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of the sentences."
)
@click.option("--dry-run", is_flag=True, help="Say what it would do, and keep nothing.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@by_option
def pull(
    *, host: str, days: int, tags: tuple[str, ...], lang: Lang, dry_run: bool, as_json: bool, by: str
) -> None:
    """Put what Braze has scheduled on record, and say what is missing and what is wrong with its templates.

    What a person typed is never written over. Exit codes: 0 all is well; 3 something is wrong with a template or is gone
    from Braze; 4 something could not be read.
    """
    settings = Settings.from_env()
    if settings.braze_key is None or settings.public_host is None:
        raise CommandError("Set CJ_BRAZE_KEY, and CJ_PUBLIC_HOST to the host that templates call.")
    try:
        options = BrazeOptions(host=host_url(host), workspace="main", array_items=25, catalog=None)
    except ValueError as error:
        raise click.BadParameter(f"Give {error}.", param_hint="--host") from None
    braze = BrazeCalendar(BrazeWorkspace(options, settings.braze_key, settings.braze_private, 1))
    now = datetime.now(UTC)
    until = now + timedelta(days=days)
    with database_engine() as engine:
        time_zone = PostgresRegister(engine).workspace().time_zone
        reading = _read(braze, until, settings.public_host, time_zone, frozenset(tags))
        pulled = fill_register(
            engine,
            reading.sends,
            listed=reading.listed(),
            until=until.replace(hour=0, minute=0, second=0, microsecond=0),
            now=now,
            by=by,
            dry_run=dry_run,
        )
    said = [_told(one, time_zone) for one in pulled]
    if as_json:
        click.echo(json.dumps(_as_json(reading, said), ensure_ascii=False, indent=2, default=str))
    else:
        click.echo("\n".join(_lines(reading, pulled, said, lang, dry_run=dry_run)))
    if reading.unread or reading.failing:
        sys.exit(EXIT_UNREAD)
    sys.exit(EXIT_FINDINGS if any(reasons for _, reasons in said) else 0)


def _read(
    braze: BrazeCalendar, until: datetime, host: str, time_zone: str, tags: frozenset[str]
) -> _CalendarReading:
    """Read all before anything is written; a campaign that fails keeps no other from being read."""
    scheduled, unread = braze.scheduled(until)
    sends, failing, no_mail, unanswered = [], [], [], 0
    for one in scheduled:
        send = ScheduledSend(
            id=one.id,
            name=one.name,
            kind="canvas" if one.kind == "Canvas" else "campaign",
            at=one.at,
            schedule=one.schedule,
            tags=one.tags,
        )
        try:
            send.planned(time_zone)
        except (ValueError, OverflowError):
            unread.append(Unread(id=one.id, name=one.name, why=f"its next_send_time is {one.at!r}"))
            continue
        if tags and not tags & {*one.tags}:
            no_mail.append(send)
            continue
        if unanswered >= _UNANSWERED:
            failing.append((send, "Braze was not asked: it did not answer for the three before."))
            sends.append(send)
            continue
        try:
            messages = braze.messages(one)
        except SyncError as error:
            unanswered = unanswered + 1 if "did not answer" in str(error) else 0
            failing.append((send, str(error)))
            sends.append(send)
            continue
        unanswered = 0
        looked_at = [found for found in messages if found.channel == "email" or calls_in(found.parts, host)]
        (sends if looked_at else no_mail).append(_looked_at(send, looked_at, host))
    return _CalendarReading(sends, unread, failing, no_mail)


def _looked_at(send: ScheduledSend, messages: Sequence[TemplateMessage], host: str) -> ScheduledSend:
    findings = [
        TemplateFinding(code=found.code.value, numbers=dict(found.numbers))
        for message in messages
        for found in template_findings(message.parts, host=host, html="body", message=message.name)
    ]
    keys = {key for message in messages if (key := key_in(message.parts, host)) is not None}
    return replace(send, findings=tuple(findings), key=keys.pop() if len(keys) == 1 else None)


def _told(one: PulledCampaign, time_zone: str) -> tuple[PulledCampaign, tuple[Reason, ...]]:
    of_braze = one.campaign is not None and one.what not in {"removed here", "taken off"}
    return one, said_of_braze(one.campaign, time_zone) if of_braze and one.campaign else ()


def _lines(
    reading: _CalendarReading,
    pulled: Sequence[PulledCampaign],
    said: Sequence[tuple[PulledCampaign, tuple[Reason, ...]]],
    lang: Lang,
    *,
    dry_run: bool,
) -> list[str]:
    lines = []
    why = {send.id: sentence for send, sentence in reading.failing}
    for one, reasons in said:
        campaign, send = one.campaign, one.send
        number = f"campaign {campaign.id}" if campaign is not None else "no campaign"
        name = send.name if send is not None else campaign.name if campaign is not None else ""
        at = f"{send.at} ({send.schedule})  " if send is not None else ""
        what = f"{_SAID[one.what]}: {', '.join(one.changed)}" if one.changed else _SAID[one.what]
        lines.append(f"{at}{name}  {number}, {what}{f': {one.why}' if one.why else ''}")
        told = campaign is not None and campaign.removed_at is None and one.what != "gone"
        if told and campaign is not None and (lacks := missing(campaign.definition)):
            lines.append(f"  Missing: {', '.join(lacks)}. Add them on its page, or with `campaigns edit`.")
        lines += [f"  {sentence(reason, lang)}" for reason in reasons]
        if send is not None and send.id in why:
            lines.append(f"  {why[send.id]}")
    lines += [
        f"{one.name or 'An entry'} ({one.id or 'no id'}) cannot be used: {one.why}." for one in reading.unread
    ]
    left = (
        f", {counted(len(reading.no_mail), 'other', 'others')} left out (no e-mail of ours, or another tag)"
    )
    could_not = len(reading.unread) + len(reading.failing)
    lines.append(
        f"{counted(len(pulled), 'send', 'sends')}{left if reading.no_mail else ''}; {could_not} that could not be read."
    )
    return [*lines, *(["Nothing was kept: --dry-run."] if dry_run else [])]


def _as_json(
    reading: _CalendarReading,
    said: Sequence[tuple[PulledCampaign, tuple[Reason, ...]]],
) -> dict[str, Any]:
    why = {send.id: sentence for send, sentence in reading.failing}
    return {
        "scheduled": [
            {
                **(one.send.told() if one.send is not None else {}),
                "id": one.send.id
                if one.send is not None
                else one.campaign and one.campaign.in_braze and one.campaign.in_braze.id,
                "campaign": one.campaign.id if one.campaign is not None else None,
                "what": one.what,
                "changed": list(one.changed),
                "missing": list(missing(one.campaign.definition)) if one.campaign is not None else [],
                "findings": [
                    {
                        "code": reason.code.value,
                        "numbers": dict(reason.numbers),
                        "sentence": {lang: sentence(reason, lang) for lang in LANGUAGES},
                    }
                    for reason in reasons
                ],
                "unread": why.get(one.send.id) if one.send is not None else None,
            }
            for one, reasons in said
        ],
        "unread": [msgspec.to_builtins(one) for one in reading.unread],
        "left_out": [{"id": one.id, "name": one.name} for one in reading.no_mail],
    }


COMMANDS = (calendar,)
