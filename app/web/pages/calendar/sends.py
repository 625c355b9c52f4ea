"""Sends as a calendar shows them: each on the day it begins, with its verdict and whom it collides with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from app.capacity.on_record import judge_window
from app.capacity.plan.repeats import undated
from app.capacity.planner import ONLY_VERDICTS
from app.capacity.register.plans import span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from app.capacity.on_record import JudgedRecord
    from app.capacity.planner import CampaignJudgement, Collision
    from app.capacity.register.campaigns import RegisteredCampaign
    from app.web.pages.queries import PlannerQueries

EARLIEST, LATEST = date(2000, 2, 10), date(2099, 11, 20)  # what the plan file's years leave room around


@dataclass(frozen=True, slots=True)
class CalendarSend:
    """A campaign in the calendar; `collides` where it does not fit beside others, `is_unfinished` where it waits for somebody."""

    campaign: RegisteredCampaign
    at: datetime
    judgement: CampaignJudgement | None
    collides: bool = False
    is_unfinished: bool = False

    @property
    def title(self) -> str:
        """Its name; of a weekly series without its day, on which it stands."""
        return self.campaign.name if self.campaign.series is None else undated(self.campaign.name)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of the calendar."""

    day: date
    sends: Sequence[CalendarSend]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarPart:
    """Some days in a row, and what is on record and could not be judged."""

    days: Sequence[CalendarDay]
    today: date
    found: JudgedRecord

    @property
    def collisions(self) -> Sequence[Collision]:
        """Who collides with whom."""
        return self.found.judgement.collisions if self.found.judgement else ()


def read_day(text: str | None) -> date | None:
    """Read a day from an address; return None for a text that is no date or a day that nobody can plan."""
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if EARLIEST <= day <= LATEST else None


def calendar_part(queries: PlannerQueries, first: date, days: int) -> CalendarPart:
    """So many days from one on, judged beside all that is on record."""
    now, zone = queries.clock(), queries.zone()
    window = (
        datetime.combine(first, time(), zone),
        datetime.combine(first + timedelta(days=days), time(), zone),
    )
    found = judge_window(
        queries.register, queries.evidence, now=now, window=window, judge=queries.judge, work=ONLY_VERDICTS
    )
    judged = found.judgement.by_name if found.judgement else {}
    colliding = {
        name
        for met in (found.judgement.collisions if found.judgement else ())
        for name in (met.campaign, *met.others)
    }
    sends = [
        CalendarSend(one, at, judged.get(one.name), one.name in colliding)
        for one, at in _in_order(found.told, zone)
    ]
    return CalendarPart(days=days_of(sends, first, days), today=now.astimezone(zone).date(), found=found)


def days_of(sends: Sequence[CalendarSend], first: date, days: int) -> list[CalendarDay]:
    """Sends on the day each begins, or on the first where it began before."""
    on: Mapping[date, list[CalendarSend]] = {first + timedelta(days=place): [] for place in range(days)}
    for send in sends:
        day = max(send.at.date(), first)
        if day in on:
            on[day].append(send)
    return [CalendarDay(day, listed) for day, listed in on.items()]


def _in_order(
    campaigns: Sequence[RegisteredCampaign], zone: ZoneInfo
) -> list[tuple[RegisteredCampaign, datetime]]:
    begins = [(one, span(one.campaign(), zone.key)[0].astimezone(zone)) for one in campaigns]
    return sorted(begins, key=lambda pair: (pair[1], pair[0].id))
