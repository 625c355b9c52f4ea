"""From the calls that the service counted of a send to what the next plan of the campaign takes for granted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime  # noqa: TC003 - what is kept of a send is read back by its annotations
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING, Final

from app.capacity.campaign import Range
from app.capacity.local_time import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.capacity.campaign import Campaign

LEAST_MEMBERS: Final = 100  # below, a send was a test: a handful of clicks on "preview"
LEAST_CALLS_PER_MIN: Final = 1_200  # below 20 calls/s chance alone makes a second of twice the mean
FULL_MINUTE_SHARE: Final = 0.5  # a minute with less of the fullest one's calls began or ended within it
LAST_SENDS: Final = 3
MOST_CALLS_PER_RECIPIENT: Final = 100.0  # what a plan may say
MOST_BURST: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the service counted of one send.

    `seconds` are (instant, calls, of these degraded) in order; `members` is the number of distinct members as a
    sketch knows it, with the bounds of its error (95 %). Calls that were refused (429) are not among them.
    """

    key: str
    send: str
    seconds: Sequence[tuple[datetime, int, int]]
    members: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSend:
    """What one send came to.

    Rates are calls a second. `calls_per_recipient` is None for a send too small to say; `burst` (the peak second
    of a minute over its mean second: lowest, median and highest of the send's full minutes) is None where no
    minute had enough calls. `sent` is what an operator read off Braze, None where nobody did.
    """

    key: str
    send: str
    first_at: datetime
    last_at: datetime
    calls: int
    degraded: int
    peak_rps: int
    peak_at: datetime
    members: Range
    calls_per_recipient: Range | None
    burst: Range | None
    sent: int | None = None
    sent_by: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastErrors:
    """By how much a send missed its forecast: measured / likely - 1, so that 0.05 is 5 % more than forecast.

    `recipients` compares with Braze's own count where an operator entered it, else with the members seen. None
    where there was nothing to compare.
    """

    calls: float | None
    recipients: float | None
    calls_per_recipient: float | None
    burst: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a campaign's last measured sends say the next will be like; None where they do not say.

    The likely value is the last send's, low and high are the lowest and highest of the last `LAST_SENDS`.
    `send` and `measured_at` are the last one's, and so are the `errors` of its forecast.
    """

    calls_per_recipient: Range | None
    burst: Range | None
    send: str
    measured_at: datetime
    errors: ForecastErrors | None


def measure(counted: Counted) -> MeasuredSend | None:
    """What a send came to; None where nothing was counted."""
    if not counted.seconds:
        return None
    calls = sum(second[1] for second in counted.seconds)
    peak_at, peak_rps, _ = max(counted.seconds, key=lambda second: second[1])
    return MeasuredSend(
        key=counted.key,
        send=counted.send,
        first_at=counted.seconds[0][0],
        last_at=counted.seconds[-1][0],
        calls=calls,
        degraded=sum(second[2] for second in counted.seconds),
        peak_rps=peak_rps,
        peak_at=peak_at,
        members=counted.members,
        calls_per_recipient=calls_per_recipient(calls, counted.members, None),
        burst=measured_burst(counted.seconds),
    )


def people_of(send: MeasuredSend) -> float:
    """How many members a send reached: those seen, or, before a worker has told of them, its calls."""
    return send.members.likely or float(send.calls)


def is_trial(send: MeasuredSend, campaign: Campaign) -> bool:
    """Whether a send has so few members that somebody was trying the template."""
    return people_of(send) < min(LEAST_MEMBERS, max(1.0, campaign.audience.likely / 2))


def with_sent(measured: MeasuredSend, sent: int, *, by: str | None, at: datetime | None) -> MeasuredSend:
    """The same send with Braze's own count of messages, as an operator entered it: these are its recipients."""
    return replace(
        measured,
        calls_per_recipient=calls_per_recipient(measured.calls, measured.members, sent),
        sent=sent,
        sent_by=by,
        sent_at=at,
    )


def calls_per_recipient(calls: int, members: Range, sent: int | None) -> Range | None:
    """Calls over recipients: over Braze's own count where it is known, else over members within their error."""
    if sent is not None:
        return Range.exactly(calls / sent) if sent >= LEAST_MEMBERS else None
    if members.likely < LEAST_MEMBERS:
        return None
    return Range(calls / members.high, calls / members.likely, calls / members.low)


def measured_burst(seconds: Sequence[tuple[datetime, int, int]]) -> Range | None:
    """The peak second of a full minute over its mean second: lowest, median and highest of the send's minutes.

    A burst belongs to what the limit lets start in a minute, which the fullest minute shows where the send went on after
    it. Minutes with at least `FULL_MINUTE_SHARE` of its calls are compared with its mean: a part of a minute goes as fast.
    """
    minutes = [
        [calls for _, calls, _ in group]
        for _, group in groupby(seconds, key=lambda second: int(second[0].timestamp()) // MINUTE_S)
    ]
    fullest = max((sum(minute) for minute in minutes[:-1]), default=0)
    if not fullest:
        return None
    least = max(LEAST_CALLS_PER_MIN, FULL_MINUTE_SHARE * fullest)
    bursts = [max(minute) * MINUTE_S / fullest for minute in minutes if sum(minute) >= least]
    return Range(min(bursts), median(bursts), max(bursts)) if bursts else None


def forecast_errors(measured: MeasuredSend, campaign: Campaign) -> ForecastErrors:
    """Compare a send with the campaign as it was planned."""
    recipients = campaign.audience.likely
    planned = campaign.calls_per_recipient.likely
    seen = measured.sent if measured.sent is not None else measured.members.likely
    return ForecastErrors(
        calls=_error(measured.calls, recipients * planned),
        recipients=_error(seen, recipients),
        calls_per_recipient=_error(_likely(measured.calls_per_recipient), planned),
        burst=_error(_likely(measured.burst), campaign.burst.likely),
    )


def calibrate(sends: Sequence[tuple[MeasuredSend, Campaign | None]]) -> Calibration | None:
    """What the next send will be like, from a campaign's sends (newest first) and what each was planned as.

    None where no send was large enough to say.
    """
    telling = [(send, campaign) for send, campaign in sends if send.calls_per_recipient or send.burst][
        :LAST_SENDS
    ]
    if not telling:
        return None
    last, planned = telling[0]
    return Calibration(
        calls_per_recipient=_range(
            [send.calls_per_recipient for send, _ in telling if send.calls_per_recipient],
            MOST_CALLS_PER_RECIPIENT,
        ),
        burst=_range([send.burst for send, _ in telling if send.burst], MOST_BURST),
        send=last.send,
        measured_at=last.last_at,
        errors=forecast_errors(last, planned) if planned else None,
    )


def _range(measured: Sequence[Range], most: float) -> Range | None:
    """The newest's likely value between the lowest and the highest, each as a plan may say it (1 to `most`)."""
    if not measured:
        return None
    values = (min(one.low for one in measured), measured[0].likely, max(one.high for one in measured))
    return Range(*(round(min(max(value, 1.0), most), 3) for value in values))


def _likely(measured: Range | None) -> float | None:
    return None if measured is None else measured.likely


def _error(measured: float | None, forecast: float) -> float | None:
    return None if measured is None or forecast <= 0 else measured / forecast - 1
