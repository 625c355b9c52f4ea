"""What is missing of what Braze tells: hours of a send without files, and fewer sends than Braze says it sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime, tzinfo

_EMAIL = "users.messages.email."
DURING: Final = (f"{_EMAIL}Send", f"{_EMAIL}Delivery")
"""Types of which there are events in every hour of a send."""
AFTER: Final = (f"{_EMAIL}Open", f"{_EMAIL}Click")
"""Types of which there are some within a day of a send."""
FEWEST_CALLS: Final = 100  # of an hour: fewer mails may well leave no event of some type
DUE: Final = timedelta(
    minutes=45
)  # after an hour's end: Braze writes every 5 minutes, at low volume up to 30
AFTER_DUE: Final = timedelta(hours=6)
AFTER_WITHIN: Final = timedelta(hours=24)
TOLERANCE: Final = 0.01
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SendSeen:
    """A send as the service counted it and as its events were read.

    Attributes:
        campaign: The campaign's key.
        send: Its name.
        first_at: Its first call.
        last_at: Its last call.
        calls: Calls by hour, where the hours are still kept.
        sent: How many mails Braze says it sent, as it was asked or somebody entered it; None where neither is known.
        read: How many Send events were read.
        campaign_ids: Braze's ids that this campaign is known by.
    """

    campaign: str
    send: str
    first_at: datetime
    last_at: datetime
    calls: Mapping[datetime, int]
    sent: int | None
    read: int
    campaign_ids: tuple[str, ...] = ()

    def days(self, zone: tzinfo) -> list[date]:
        """The days in a zone on which it went out."""
        first, last = (at.astimezone(zone).date() for at in (self.first_at, self.last_at))
        return [first + timedelta(days=day) for day in range((last - first).days + 1)]


def with_sent(
    sends: Sequence[SendSeen], told: Mapping[str, Mapping[date, int]], zone: tzinfo
) -> list[SendSeen]:
    """The sends with what Braze says its campaigns sent, by id and day of a zone, in place of what was entered.

    Braze counts by day: sends of one campaign that went out on the same day cannot be told apart, and keep what was entered.
    So does one of which Braze knows none, as of a campaign whose id is not known here.
    """
    shared = Counter((send.campaign, day) for send in sends for day in send.days(zone))

    def sent(send: SendSeen) -> int | None:
        if any(shared[send.campaign, day] > 1 for day in send.days(zone)):
            return send.sent
        count = sum(told.get(one, {}).get(day, 0) for one in send.campaign_ids for day in send.days(zone))
        return count or send.sent

    return [replace(send, sent=sent(send)) for send in sends]


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is missing.

    Attributes:
        kind: `never`: no file of the type was ever read; `hours`: none of some hours of a send; `none`: none within a day of
            one; `fewer` or `more`: other than as many sends as Braze says.
        event_type: Which type is missing; empty for a number of sends.
        campaign: Of which campaign.
        send: Of which send.
        hours: In which hours, UTC.
        sent: What Braze says it sent.
        read: What was read.
    """

    kind: Literal["never", "hours", "none", "fewer", "more"]
    event_type: str = ""
    campaign: str = ""
    send: str = ""
    hours: tuple[datetime, ...] = ()
    sent: int = 0
    read: int = 0


def find_gaps(
    sends: Sequence[SendSeen],
    hours: Mapping[str, Collection[datetime]],
    known_types: Collection[str],
    now: datetime,
) -> list[Gap]:
    """What is missing, sends in the order given.

    Args:
        sends: What was counted.
        hours: By event type, the hours of which there are files.
        known_types: Types of which any file was ever read.
        now: What is not due by then is not missed.
    """
    if not sends:
        return []
    found = [Gap("never", event_type) for event_type in (*DURING, *AFTER) if event_type not in known_types]
    for send in sends:
        found += [
            gap for event_type in DURING if event_type in known_types
            for gap in _during(send, event_type, hours.get(event_type, ()), now)
        ]  # fmt: skip
        found += [
            gap for event_type in AFTER if event_type in known_types
            for gap in _after(send, event_type, hours.get(event_type, ()), now)
        ]  # fmt: skip
        found += _numbers(send, now)
    return found


def _during(send: SendSeen, event_type: str, there: Collection[datetime], now: datetime) -> list[Gap]:
    """Hours of a send without a file; its events may have been queued in the next hour."""
    missing = tuple(
        hour
        for hour, calls in sorted(send.calls.items())
        if calls >= FEWEST_CALLS and hour + 2 * _HOUR + DUE <= now and not {hour, hour + _HOUR} & set(there)
    )
    return [Gap("hours", event_type, send.campaign, send.send, missing)] if missing else []


def _after(send: SendSeen, event_type: str, there: Collection[datetime], now: datetime) -> list[Gap]:
    if now < send.last_at + AFTER_DUE or sum(send.calls.values()) < FEWEST_CALLS:
        return []
    first = send.first_at - _HOUR
    some = any(first < hour <= send.last_at + AFTER_WITHIN for hour in there)
    return [] if some else [Gap("none", event_type, send.campaign, send.send)]


def _numbers(send: SendSeen, now: datetime) -> list[Gap]:
    if send.sent is None or now < send.last_at + _HOUR + DUE:
        return []
    if abs(send.read - send.sent) <= TOLERANCE * send.sent:
        return []
    kind: Literal["fewer", "more"] = "fewer" if send.read < send.sent else "more"
    return [Gap(kind, "", send.campaign, send.send, (), send.sent, send.read)]
