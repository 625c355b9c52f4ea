"""While a send goes on: is it as forecast, and what can still be done when it is not.

A Canvas takes a new delivery-speed limit within about half a minute. A rate-limited campaign is laid out in minutes
beforehand: editing it while it runs can mail people twice, and resuming it does not send what was missed. So of
a campaign only stopping, duplicating and leaving out who has had the mail is advised, and that last.

Source: braze.com/docs/user_guide/messaging/messaging_fundamentals/frequency_capping
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from app.capacity.local_time import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.capacity.campaign import Campaign

State = Literal["as_forecast", "above", "below"]
PACE_MIN: Final = 5  # full minutes that say how fast a send goes
_MINUTE: Final = timedelta(minutes=1)
RECENT_MIN: Final = 3  # the full minutes that are compared: one may be an odd one
ABOVE: Final = 1.1  # of the high forecast: less is within what was said
BELOW: Final = 0.5  # of the low forecast


@dataclass(frozen=True, slots=True)
class Minute:
    """A full minute of a send: its busiest second as counted and as forecast, in calls/s."""

    received: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """How a send does, and what to do.

    `received_rps` is the busiest second of late. `new_limit_per_min` is what a Canvas's limit, or a duplicate's,
    should be. `popular_share` of the calls are likely to get a popular list if nothing is done.
    """

    state: State
    received_rps: float
    is_canvas: bool
    over_usable: bool
    new_limit_per_min: int | None
    popular_share: float


def advise(
    minutes: Sequence[Minute],
    campaign: Campaign,
    *,
    usable_rps: float | None,
    ceiling_rps: float | None,
    offered_limits_per_min: Sequence[int],
    others_rps: float = 0.0,
) -> Advice | None:
    """Judge a send by its last full minutes; None before the first.

    `usable_rps` is None where nothing holds that was measured: then no limit is named. Of it `others_rps` is what
    other sends may ask for while this one goes on.
    """
    usable_rps = None if usable_rps is None else max(0.0, usable_rps - others_rps)
    recent = list(minutes)[-RECENT_MIN:]
    if not recent:
        return None
    received = max(minute.received for minute in recent)
    over_usable = usable_rps is not None and received > usable_rps
    if over_usable or received > ABOVE * max(minute.high for minute in recent):
        state: State = "above"
    elif received < BELOW * max(minute.low for minute in recent):
        state = "below"
    else:
        state = "as_forecast"
    return Advice(
        state=state,
        received_rps=received,
        is_canvas=campaign.kind == "canvas_step",
        over_usable=over_usable,
        new_limit_per_min=_new_limit(campaign, received, usable_rps, offered_limits_per_min),
        popular_share=max(0.0, 1 - ceiling_rps / received) if ceiling_rps and received else 0.0,
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a send is: the share of its recipients, and when it ends if it goes on as of late; None: nobody knows."""

    share: float
    ends_at: datetime | None


def progress_of(
    seconds: Sequence[tuple[datetime, int, int]], members: float, campaign: Campaign, now: datetime
) -> Progress | None:
    """Say how far a send is that goes on; None while too little of it was seen.

    `seconds` are (instant, calls, degraded) and `members` those seen in them, who stand for the recipients; where
    nobody has told of members yet the calls do, at the calls that a recipient is planned with.
    """
    planned = campaign.audience.likely
    calls = sum(second[1] for second in seconds)
    reached = members or calls / campaign.calls_per_recipient.likely
    if not planned or not reached:
        return None
    share = min(1.0, reached / planned)
    minute = now.replace(second=0, microsecond=0)
    recent = sum(many for at, many, _ in seconds if minute - PACE_MIN * _MINUTE <= at < minute)
    if not recent or share == 1:
        return Progress(share, None)
    calls_left = calls / share - calls
    return Progress(share, minute + calls_left / (recent / PACE_MIN) * _MINUTE)


def _new_limit(
    campaign: Campaign, received: float, usable_rps: float | None, offered: Sequence[int]
) -> int | None:
    """The highest offered limit at which the calls of late would have stayed under the usable rate.

    Calls go with messages: limit x usable / received. Without a limit now, the plan's own high numbers decide.
    """
    if usable_rps is None or received <= 0:
        return None
    if campaign.limit_per_min is not None:
        most = campaign.limit_per_min * usable_rps / received
    else:
        most = usable_rps * MINUTE_S / (campaign.calls_per_recipient.high * campaign.burst.high)
    return max((limit for limit in offered if limit <= most), default=None)
