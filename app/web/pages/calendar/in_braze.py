"""What Braze says of a campaign that came from its calendar: what is wrong, and what is still missing."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from app.capacity.on_record import said_of_braze
from app.capacity.register.in_braze import is_unfinished, missing
from app.web.pages.calendar.listing import row_of
from app.web.pages.calendar.sends import CalendarDay, CalendarSend
from app.web.pages.forms.campaign import CampaignForm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from app.capacity.on_record import LeftOut
    from app.capacity.register.campaigns import RegisteredCampaign


def lacks(one: RegisteredCampaign) -> list[Any]:
    """What somebody has to say before it can be judged, as the form calls it."""
    form = CampaignForm(None, meta={"csrf": False})
    return [form[name].label.text for name in missing(one.definition)] if is_unfinished(one) else []


def in_braze_values(one: RegisteredCampaign, zone: ZoneInfo) -> dict[str, Any]:
    """What a page shows of a campaign in Braze."""
    return {
        "said": () if one.removed_at is not None else said_of_braze(one, zone.key),
        "lacks": lacks(one),
        "zone": zone,
    }


def with_unfinished(
    days: Sequence[CalendarDay], left_out: Iterable[LeftOut], zone: ZoneInfo
) -> list[CalendarDay]:
    """Days of the calendar with the sends that wait for somebody, each at its time and without a verdict."""
    found: list[CalendarSend] = []
    for one in left_out:
        starts = row_of(one.campaign).starts if one.why == "unfinished" else None
        if starts is not None:
            at = starts if isinstance(starts, datetime) else datetime.combine(starts, time())
            found.append(CalendarSend(one.campaign, at.replace(tzinfo=zone), None, is_unfinished=True))
    return [
        CalendarDay(
            day.day,
            sorted(
                [*day.sends, *(send for send in found if send.at.date() == day.day)], key=lambda send: send.at
            ),
        )
        for day in days
    ]
