"""The plan of campaigns on record: which sends are whose, what they teach, and when each may be sending."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from app.capacity.calibration import LEAST_MEMBERS, calibrate, is_trial, people_of
from app.capacity.campaign import Arrivals, IntelligentTiming, LocalTimeZones
from app.capacity.local_time import unix_minute, wall_time
from app.capacity.plan.file_text import as_plan_text
from app.capacity.plan.json_values import read_definition
from app.capacity.plan.plan import Plan, read_plan
from app.capacity.plan.times import as_json_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.capacity.calibration import Calibration, MeasuredSend
    from app.capacity.campaign import Campaign, Range
    from app.capacity.register.campaigns import RegisteredCampaign, WorkspaceSettings

MOST_PLANNED: Final = 400  # campaigns that are judged together: a second or two
_QUIET: Final = timedelta(hours=20)  # the longest that quiet hours hold a message back
_ALL_ZONES: Final = timedelta(hours=27)  # from the first local time of a day to the last one's late hour
_MINUTE: Final = timedelta(minutes=1)
EARLIEST: Final = timedelta(hours=1)  # before the start: clocks differ, and a first batch goes out
LEAST_SHARE: Final = 0.1  # of the audience: what is called at no planned time is a send if so many are in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A value of a plan that nobody wrote: the last measured send stands in."""

    campaign: str
    field: Literal["calls_per_recipient", "burst"]
    value: Range
    send: str
    measured_at: datetime
    error: float | None  # of that send's own forecast: measured / likely - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPlan:
    """A plan of campaigns on record; `values` are the plan file's, as JSON holds them."""

    plan: Plan
    values: Mapping[str, Any]
    campaigns: Sequence[RegisteredCampaign]
    calibrated: Sequence[Calibrated]

    @property
    def text(self) -> str:
        """The plan file that says the same."""
        top = {name: value for name, value in self.values.items() if name != "campaigns"}
        return as_plan_text(top, self.values["campaigns"])


def plan_of(
    workspace: WorkspaceSettings,
    campaigns: Sequence[RegisteredCampaign],
    *,
    calibrations: Mapping[str, Calibration] | None = None,
) -> RegisteredPlan | None:
    """The plan of campaigns on record, those that go first listed first.

    Args:
        workspace: What all share.
        campaigns: Those to plan, at most `MOST_PLANNED`.
        calibrations: By key; stand in for what a definition leaves out.

    Returns:
        None where there is no campaign: a plan has at least one.
    """
    if not campaigns:
        return None
    calibrated = [found for one in campaigns for found in _calibrated(one, (calibrations or {}).get(one.key))]
    top = {
        **workspace.definition,
        "judging": {**workspace.definition.get("judging", {}), "goes_first": "listed"},
    }
    tables = [_completed(one, calibrated) for one in campaigns]
    return RegisteredPlan(
        plan=read_plan({**top, "campaigns": tables}, most_campaigns=2 * MOST_PLANNED),
        values={**top, "campaigns": tables},
        campaigns=tuple(campaigns),
        calibrated=tuple(calibrated),
    )


def in_turn(campaigns: Sequence[RegisteredCampaign]) -> list[RegisteredCampaign]:
    """Campaigns in the order in which they were put on record or last changed: who was there first goes first."""
    return sorted(campaigns, key=lambda one: (one.updated_at, one.id))


def sends_of(
    one: RegisteredCampaign,
    campaigns: Sequence[RegisteredCampaign],
    sends: Sequence[MeasuredSend],
    time_zone: str,
) -> list[MeasuredSend]:
    """Which sends of a key are this campaign's: of the campaigns of the key, each is of that planned nearest to it.

    What was called long before the start, or by a handful of members, is no send but somebody trying the template,
    unless somebody entered what Braze says it sent.
    """
    rivals = {other.id: other for other in (*campaigns, one) if other.key == one.key}
    planned = {number: rivals[number].campaign() for number in sorted(rivals)}
    spans = {number: span(campaign, time_zone) for number, campaign in planned.items()}

    def owner(send: MeasuredSend) -> int:
        return min(spans, key=lambda number: _apart(spans[number], send))

    return [
        send
        for send in sends
        if send.key == one.key
        and owner(send) == one.id
        and (
            send.sent is not None
            or (send.first_at >= spans[one.id][0] - EARLIEST and not is_trial(send, planned[one.id]))
        )
    ]


def _apart(planned: tuple[datetime, datetime], send: MeasuredSend) -> tuple[timedelta, timedelta]:
    """How far a send's begin is from a planned span; for several that hold it, how far from their begin."""
    begins, ends = planned
    outside = max(begins - send.first_at, send.first_at - ends, timedelta())
    return outside, abs(send.first_at - begins)


def calibrations(
    campaigns: Sequence[RegisteredCampaign], sends: Mapping[str, Sequence[MeasuredSend]], time_zone: str
) -> dict[str, Calibration]:
    """What each key's measured sends (by key, newest first) say of the next, for the keys that say something."""
    found: dict[str, Calibration] = {}
    for key, measured in sends.items():
        of_key = [one for one in campaigns if one.key == key]
        owner = {send.send: one for one in of_key for send in sends_of(one, of_key, measured, time_zone)}
        smallest = min((one.campaign().audience.likely for one in of_key), default=0.0)
        planned: list[tuple[MeasuredSend, Campaign | None]] = []
        for send in reversed(measured):
            one = owner.get(send.send)
            tried = send.sent is None and people_of(send) < max(LEAST_MEMBERS, LEAST_SHARE * smallest)
            if one is None and tried:
                continue
            planned.insert(0, (send, planned_as(one, calibrate(planned)) if one else None))
        calibration = calibrate(planned)
        if calibration is not None:
            found[key] = calibration
    return found


def planned_as(one: RegisteredCampaign, earlier: Calibration | None) -> Campaign:
    """The campaign as it was planned when its key's earlier sends said this much."""
    return read_definition(_completed(one, _calibrated(one, earlier)))[0]


def meets(one: RegisteredCampaign, time_zone: str, window: tuple[datetime, datetime]) -> bool:
    """Whether a campaign may be sending, as it is planned, in a window of aware instants."""
    begins, ends = span(one.campaign(), time_zone)
    return begins < window[1] and ends > window[0]


def span(campaign: Campaign, time_zone: str) -> tuple[datetime, datetime]:
    """From when to when a campaign may be sending: aware instants, the end a careful guess without any collision."""
    timing = campaign.timing
    zone_wide = isinstance(timing, (LocalTimeZones, IntelligentTiming))
    at = (
        datetime.combine(timing.on, datetime.min.time())
        if isinstance(timing, IntelligentTiming)
        else timing.at
    )
    begins = _instant(at, time_zone)
    ends = _instant(timing.ends_at, time_zone) if isinstance(timing, Arrivals) else begins
    if zone_wide:
        begins, ends = begins - _ALL_ZONES / 2, begins + 2 * _ALL_ZONES
    if campaign.quiet_hours is not None:
        ends += _QUIET
    if campaign.limit_per_min is not None:
        ends += campaign.audience.high / campaign.limit_per_min * _MINUTE
    return begins, ends + _MINUTE


def _instant(wall: datetime, time_zone: str) -> datetime:
    return wall_time(unix_minute(wall, time_zone), time_zone)


def _calibrated(one: RegisteredCampaign, calibration: Calibration | None) -> list[Calibrated]:
    if calibration is None:
        return []
    known: dict[Literal["calls_per_recipient", "burst"], Range | None] = {
        "calls_per_recipient": calibration.calls_per_recipient,
        "burst": calibration.burst,
    }
    return [
        Calibrated(
            campaign=one.name,
            field=field,
            value=value,
            send=calibration.send,
            measured_at=calibration.measured_at,
            error=getattr(calibration.errors, field) if calibration.errors else None,
        )
        for field, value in known.items()
        if value is not None and field not in one.definition
    ]


def _completed(one: RegisteredCampaign, calibrated: Sequence[Calibrated]) -> dict[str, Any]:
    """A definition with what was measured in place of what it leaves out."""
    measured: dict[str, Any] = {
        found.field: as_json_values(asdict(found.value)) for found in calibrated if found.campaign == one.name
    }
    return {**one.definition, **measured}
