"""Campaigns on record: put on, edited, taken off, who did, and what was counted of their sends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.capacity.on_record import read_record
from app.capacity.plan.table import is_zone
from app.capacity.register.campaigns import NoSuchCampaignError, RegisteredCampaign, read_draft
from app.capacity.register.in_braze import is_unfinished
from app.capacity.register.plans import sends_of
from app.capacity.register.search import CampaignPage
from app.capacity.register.series import duplicate
from app.web.parameters import SEND
from app.web.planner.answers import campaign_values, json_answer, not_found, version_of
from app.web.planner.requests import MOST, MOST_FORM_BYTES, flag, json_body, search, sent_count, version

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Response

    from app.capacity.calibration import MeasuredSend
    from app.capacity.register.ports import Register
    from app.web.planner.parts import PlannerParts


def campaigns(parts: PlannerParts, _by: str) -> Response:
    """All that are on record, all that were removed, or a page of those that are asked for."""
    removed, asked = flag("removed"), search(_wall_now(parts))
    if asked is None:
        every = parts.register.campaigns(removed=removed)
        found = CampaignPage(campaigns=every, total=len(every), page=1, pages=1)
    else:
        found = parts.register.search(replace(asked, when="removed") if removed else asked)
    return json_answer(
        {
            "campaigns": [campaign_values(one) for one in found.campaigns],
            "total": found.total,
            "page": found.page,
            "pages": found.pages,
        }
    )


def add_campaign(parts: PlannerParts, by: str) -> Response:
    """Put one on record."""
    added = parts.register.add(read_draft(json_body(MOST_FORM_BYTES)), by=by)
    headers = {"Location": f"/v1/capacity/campaigns/{added.id}", **version_of(added)}
    return json_answer(campaign_values(added), status=201, headers=headers)


def campaign(parts: PlannerParts, _by: str, number: int) -> Response:
    """One, living or removed."""
    one = _known(parts.register, number)
    return json_answer(campaign_values(one), headers=version_of(one))


def edit_campaign(parts: PlannerParts, by: str, number: int) -> Response:
    """Save an edit."""
    made_from = version()
    _refuse_too_large(number)
    draft = read_draft(json_body(MOST_FORM_BYTES))
    edited = parts.register.edit(number, draft, version=made_from, by=by, following=flag("following"))
    return json_answer(campaign_values(edited), headers=version_of(edited))


def remove_campaign(parts: PlannerParts, by: str, number: int) -> Response:
    """Take one off the plan."""
    made_from = version()
    _refuse_too_large(number)
    removed = parts.register.remove(number, version=made_from, by=by, following=flag("following"))
    return json_answer(campaign_values(removed))


def duplicate_campaign(parts: PlannerParts, by: str, number: int) -> Response:
    """Put one on record again, for the same weekday of the next week to come."""
    draft = duplicate(_known(parts.register, number), _wall_now(parts))
    added = parts.register.add(draft, by=by)
    headers = {"Location": f"/v1/capacity/campaigns/{added.id}", **version_of(added)}
    return json_answer(campaign_values(added), status=201, headers=headers)


def changes(parts: PlannerParts, _by: str, number: int) -> Response:
    """Who changed one, and how."""
    _known(parts.register, number)
    return json_answer({"changes": parts.register.changes(number)})


def sends(parts: PlannerParts, _by: str, number: int) -> Response:
    """What was counted of each of its sends."""
    return json_answer({"sends": _sends(parts.register, _known(parts.register, number))})


def enter_sent(parts: PlannerParts, by: str, number: int, send: str) -> Response:
    """Note how many messages Braze says it sent."""
    one = _known(parts.register, number)
    sent = sent_count(json_body(MOST_FORM_BYTES))
    found = parts.register.enter_sent(one.key, send, sent, by=by) if SEND.fullmatch(send) else None
    if found is None:
        raise not_found("The service counted no call of such a send of this campaign.")
    return json_answer(found)


def _wall_now(parts: PlannerParts) -> datetime:
    """Now as the clocks of the company's zone show it."""
    zone = parts.register.workspace().time_zone
    return parts.clock().astimezone(ZoneInfo(zone if is_zone(zone) else "UTC")).replace(tzinfo=None)


def _known(register: Register, number: int) -> RegisteredCampaign:
    _refuse_too_large(number)
    found = register.campaign(number)
    if found is None:
        raise NoSuchCampaignError(f"There is no campaign {number}; all are listed at /v1/capacity/campaigns.")
    return found


def _refuse_too_large(number: int) -> None:
    if number > MOST:
        raise NoSuchCampaignError("There is no campaign of so large a number.")


def _sends(register: Register, one: RegisteredCampaign) -> list[MeasuredSend]:
    if is_unfinished(one):
        return []
    on_record = [other for other in read_record(register).campaigns if other.id != one.id]
    return sends_of(one, [one, *on_record], register.sends(one.key), register.workspace().time_zone)
