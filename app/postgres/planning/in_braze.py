"""Fills the register from Braze's calendar: all of one reading in one transaction, so that it is there whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import bindparam

from app.capacity.register.in_braze import (
    first_draft,
    has_passed,
    is_unfinished,
    is_untouched,
    updated_draft,
)
from app.postgres.planning import campaigns
from app.postgres.transactions import planner_transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from app.capacity.register.campaigns import Draft, RegisteredCampaign
    from app.capacity.register.in_braze import ScheduledSend

_ONE_PULLS: Final = (
    4_250_112_061  # an advisory lock's number: any constant that nobody else on the database uses
)
What = Literal["added", "again", "changed", "same", "removed here", "kept", "gone", "taken off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledCampaign:
    """What became of one send: `campaign` is None where it is not on record, `changed` names the fields that moved."""

    what: What
    campaign: RegisteredCampaign | None
    send: ScheduledSend | None
    changed: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pull:
    """One reading as it is written."""

    connection: Connection
    by: str
    now: datetime  # wall time in the company's zone, naive
    time_zone: str
    living: dict[int, RegisteredCampaign]
    removed: Sequence[RegisteredCampaign]
    looked_at: datetime
    pulled: list[PulledCampaign] = field(default_factory=list)

    def names(self, *, but: int | None = None) -> set[str]:
        """Names that living campaigns have."""
        return {one.name for one in self.living.values() if one.id != but}


def fill_register(
    engine: Engine,
    sends: Sequence[ScheduledSend],
    *,
    listed: Collection[str] | None,
    until: datetime,
    now: datetime,
    by: str,
    dry_run: bool = False,
) -> list[PulledCampaign]:
    """Put what Braze has scheduled on record, and say what became of each.

    Args:
        engine: Of the planner's database.
        sends: What could be read.
        listed: The ids of all that Braze listed, those included that could not be read; None where not all are known,
            and so nothing can be said to be gone.
        until: What lies before was asked for: an instant.
        now: An instant.
        by: Who pulls, for the record of changes.
        dry_run: Say it and keep nothing.

    Raises:
        RegisterUnavailableError: Postgres cannot be used; nothing was changed.
    """
    with planner_transaction(engine) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ONE_PULLS})
        zone = ZoneInfo(campaigns.select_workspace(connection).time_zone)
        _lock(connection)
        pull = _Pull(
            connection=connection,
            by=by,
            now=now.astimezone(zone).replace(tzinfo=None),
            time_zone=zone.key,
            living={one.id: one for one in campaigns.select_campaigns(connection)},
            removed=campaigns.select_campaigns(connection, removed=True),
            looked_at=now,
        )
        for send in sends:
            _put(pull, send)
        if listed is not None:
            _look_for_gone(pull, {*listed}, until.astimezone(zone).replace(tzinfo=None))
        if dry_run:
            connection.rollback()
    return pull.pulled


def _lock(connection: Connection) -> None:
    """Keep others from changing what came from Braze, in one order, so that two never wait for each other."""
    connection.execute(
        text("""
            SELECT c.id FROM connected_jobs.campaign AS c
            WHERE c.removed_at IS NULL AND c.braze_campaign_id IS NOT NULL
               OR c.id IN (SELECT campaign_id FROM connected_jobs.campaign_in_braze)
            ORDER BY c.id FOR UPDATE
        """)
    )


def _put(pull: _Pull, send: ScheduledSend) -> None:
    one = _current(pull, send)
    try:
        with pull.connection.begin_nested():
            found = _add(pull, send) if one is None else _update(pull, one, send)
    except IntegrityError:  # somebody put a campaign of this name on record just now
        found = PulledCampaign(what="kept", campaign=one, send=send, why="another campaign has its name")
    pull.pulled.append(found)


def _of_id(pull: _Pull, braze_id: str) -> list[RegisteredCampaign]:
    """The living campaigns of an id of Braze's, by number."""
    return [
        one
        for one in pull.living.values()
        if (one.in_braze.id if one.in_braze is not None else one.braze_campaign_id) == braze_id
    ]


def _current(pull: _Pull, send: ScheduledSend) -> RegisteredCampaign | None:
    """The campaign on record that a send is, None where it is one more."""
    known = _of_id(pull, send.id)
    ahead = [one for one in known if not has_passed(one, pull.now)]
    day = str(send.planned(pull.time_zone).get("at") or send.planned(pull.time_zone).get("on"))[:10]
    choices = (
        [one for one in known if one.in_braze is not None and one.in_braze.told.get("at") == send.at],
        [one for one in ahead if one.in_braze is not None],
        [one for one in ahead if str(one.definition.get("at") or one.definition.get("on"))[:10] == day],
        ahead,
        [one for one in known if is_unfinished(one) and is_untouched(one)],
    )
    return next((found[-1] for found in choices if found), None)


def _add(pull: _Pull, send: ScheduledSend) -> PulledCampaign:
    before = max(_of_id(pull, send.id), key=_begins, default=None)
    removed = [
        one
        for one in pull.removed
        if one.in_braze is not None and one.in_braze.id == send.id and one.in_braze.gone_at is None
    ]
    if before is None and removed:
        return PulledCampaign(what="removed here", campaign=removed[-1], send=send)
    draft, given = first_draft(send, pull.time_zone, pull.names(), before)
    added = campaigns.insert_campaign(pull.connection, draft, by=pull.by)
    _change(pull, added.id, "added", None, draft)
    return _linked(pull, added, send, given, "added" if before is None else "again")


def _update(pull: _Pull, one: RegisteredCampaign, send: ScheduledSend) -> PulledCampaign:
    if one.in_braze is None:
        return _linked(pull, one, send, {}, "same")
    draft, given = updated_draft(one, one.in_braze, send, pull.time_zone, pull.names(but=one.id))
    before, after = one.draft().values(), draft.values()
    if before == after:
        return _linked(pull, one, send, given, "same")
    edited = campaigns.update_campaign(pull.connection, one.id, draft, by=pull.by)
    _change(pull, one.id, "edited", one.draft(), draft)
    flat = [{**values["definition"], "key": values["key"]} for values in (before, after)]
    changed = sorted(name for name in {*flat[0], *flat[1]} if flat[0].get(name) != flat[1].get(name))
    return _linked(pull, edited, send, given, "changed", tuple(changed))


def _linked(
    pull: _Pull,
    one: RegisteredCampaign,
    send: ScheduledSend,
    given: Mapping[str, Any],
    what: What,
    changed: tuple[str, ...] = (),
) -> PulledCampaign:
    """Keep what Braze says beside a campaign; templates that could not be read are as they were last seen."""
    kept = one.in_braze
    findings = send.findings if send.findings is not None else kept.findings if kept is not None else ()
    told = send.told()
    if send.findings is None and kept is not None:
        told["key"] = kept.told.get("key")
    pull.connection.execute(
        text("""
            INSERT INTO connected_jobs.campaign_in_braze AS b
                (campaign_id, braze_id, told, given, findings, looked_at, read_at, gone_at)
            VALUES (:campaign_id, :braze_id, :told, :given, :findings, :looked_at, :read_at, NULL)
            ON CONFLICT (campaign_id) DO UPDATE
            SET told = excluded.told, given = excluded.given, findings = excluded.findings,
                looked_at = coalesce(excluded.looked_at, b.looked_at), read_at = excluded.read_at, gone_at = NULL
        """).bindparams(*(bindparam(name, type_=JSONB) for name in ("told", "given", "findings"))),
        {
            "campaign_id": one.id,
            "braze_id": send.id,
            "told": told,
            "given": dict(given),
            "findings": msgspec.to_builtins(findings),
            "looked_at": None if send.findings is None else pull.looked_at,
            "read_at": pull.looked_at,
        },
    )
    saved = campaigns.select_campaign(pull.connection, one.id) or one
    pull.living[saved.id] = saved
    return PulledCampaign(what=what, campaign=saved, send=send, changed=changed)


def _look_for_gone(pull: _Pull, listed: set[str], until: datetime) -> None:
    """Say which campaigns Braze has no longer, and take off those that nobody ever finished and whose time is over."""
    for one in list(pull.living.values()):
        if one.in_braze is None or one.in_braze.id in listed:
            continue
        if has_passed(one, pull.now):
            if is_unfinished(one) and is_untouched(one):
                _mark_gone(pull, one)
                removed = campaigns.update_campaign_removed(pull.connection, one.id, by=pull.by)
                _change(pull, one.id, "removed", one.draft(), None)
                pull.pulled.append(PulledCampaign(what="taken off", campaign=removed, send=None))
        elif has_passed(one, until):
            _mark_gone(pull, one)
            saved = campaigns.select_campaign(pull.connection, one.id) or one
            pull.pulled.append(PulledCampaign(what="gone", campaign=saved, send=None))


def _mark_gone(pull: _Pull, one: RegisteredCampaign) -> None:
    pull.connection.execute(
        text("""
            UPDATE connected_jobs.campaign_in_braze SET gone_at = coalesce(gone_at, :now)
            WHERE campaign_id = :number
        """),
        {"number": one.id, "now": pull.looked_at},
    )


def _change(
    pull: _Pull,
    number: int,
    what: Literal["added", "edited", "removed"],
    before: Draft | None,
    after: Draft | None,
) -> None:
    campaigns.insert_change(
        pull.connection,
        campaign_id=number,
        who=pull.by,
        what=what,
        before=None if before is None else before.values(),
        after=None if after is None else after.values(),
    )


def _begins(one: RegisteredCampaign) -> tuple[str, int]:
    return str(one.definition.get("at") or one.definition.get("on")), one.id
