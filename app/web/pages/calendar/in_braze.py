"""What Braze says of a campaign that came from its calendar: what is wrong, and what is still missing."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from app.capacity.on_record import said_of_braze
from app.capacity.register.in_braze import BEST_HOUR, LOCAL, is_unfinished, missing
from app.web.pages.calendar.listing import row_of
from app.web.pages.calendar.sends import CalendarDay, CalendarSend
from app.web.pages.forms.campaign import CampaignForm
from app.web.pages.language import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
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
        "time_there": None if one.in_braze is None else _time_there(one.in_braze.told, zone),
        "zone": zone,
    }


def _time_there(told: Mapping[str, Any], zone: ZoneInfo) -> str:
    """When Braze sends it, in the company's zone, and at members' own times as it stands; what is no time, as written."""
    try:
        at = datetime.fromisoformat(told["at"])
    except ValueError:
        return str(told["at"])
    is_own = at.tzinfo is None or told["schedule"] in {LOCAL, BEST_HOUR}
    return moment(at if is_own else at.astimezone(zone))


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
