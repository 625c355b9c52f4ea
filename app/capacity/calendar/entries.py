"""The campaigns of some days, each with its verdict and its times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from app.capacity.campaign import IntelligentTiming
from app.capacity.on_record import judge_window
from app.capacity.planner import ONLY_VERDICTS
from app.capacity.planner import judge as judge_plan
from app.capacity.register.plans import meets, span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from app.capacity.campaign import Campaign
    from app.capacity.on_record import Judge, LoadTests
    from app.capacity.planner import CampaignJudgement
    from app.capacity.register.campaigns import RegisteredCampaign
    from app.capacity.register.ports import Register

LONGEST: Final = timedelta(days=366)
USUAL: Final = timedelta(days=92)
_DAY: Final = timedelta(days=1)
NO_WORDS: Final[Mapping[str, str]] = {}  # columns keep their names in the files


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """A campaign in a calendar; `judgement` None where it could not be judged.

    Times are aware, in the company's zone; `all_day` where it begins at no one time. The end is the likely one, or a
    careful guess where nobody could say.
    """

    campaign: RegisteredCampaign
    plan: Campaign
    judgement: CampaignJudgement | None
    starts_at: datetime
    ends_at: datetime
    all_day: bool


def one_line(text: str) -> str:
    """A text without what no line of a file may hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def calendar_days(first: date, until: date | None) -> tuple[date, date]:
    """The days of a calendar: three months where no end is named, none before the first, a year at most."""
    return first, min(max(first, until or first + USUAL), first + LONGEST)


def entries(
    register: Register,
    evidence: LoadTests,
    first: date,
    until: date,
    *,
    now: datetime,
    judge: Judge = judge_plan,
) -> list[CalendarEntry]:
    """The campaigns that may be sending on the days from `first` until `until`, that day included, by their start."""
    zone = ZoneInfo(register.workspace().time_zone)
    window = datetime.combine(first, time(), zone), datetime.combine(until + _DAY, time(), zone)
    found = judge_window(register, evidence, now=now, window=window, judge=judge, work=ONLY_VERDICTS)
    judged = found.judgement.by_name if found.judgement else {}
    whole = [one.campaign for one in found.left_out if one.why in {"too_many", "too_much"}]
    shown = [*found.told, *(one for one in whole if meets(one, zone.key, window))]
    made = [_entry(one, judged.get(one.name), zone) for one in shown]
    return sorted(made, key=lambda one: (one.starts_at, one.campaign.id))


def _entry(one: RegisteredCampaign, judgement: CampaignJudgement | None, zone: ZoneInfo) -> CalendarEntry:
    plan = one.campaign()
    begins, ends = (at.astimezone(zone) for at in span(plan, zone.key))
    told = judgement.finishes_at if judgement else None
    timing = plan.timing
    if isinstance(timing, IntelligentTiming):
        begins = datetime.combine(timing.on, time(), zone)
        ends = begins + _DAY
    elif told is not None and told.likely is not None:
        ends = max(begins, told.likely.astimezone(zone))
    return CalendarEntry(
        campaign=one,
        plan=plan,
        judgement=judgement,
        starts_at=begins,
        ends_at=ends,
        all_day=isinstance(timing, IntelligentTiming),
    )
